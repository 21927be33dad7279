from __future__ import annotations

import asyncio

import pytest

from bot.audio import child


@pytest.mark.parametrize("name", ["DISCORD_TOKEN", "Discord_Token"])
def test_a_child_is_not_given_the_token(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("HARMLESS", "yes")
    code, out, err = asyncio.run(child.run("tests.environment", b"", 60))
    assert code == 0, err
    names = out.decode().split()
    assert "HARMLESS" in names
    assert name not in names
