"""The check against Discord's description: it has to be able to fail."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from sandbox.spec import Spec, SpecMissingError, find_spec
from tests.requirements import absent
from tests.sandbox.raw import Raw


@pytest.fixture
def strict(description: Spec | None) -> Spec:
    if description is None:
        absent("openapi", "Discord's OpenAPI description is not at hand; see sandbox/spec.py")
    return description


def taken(spec: Spec) -> list[str]:
    found, spec.mismatches = spec.mismatches, []
    return found


async def test_answers_and_requests_of_a_message_fit(raw: Raw, strict: Spec) -> None:
    alice = raw.sandbox.member("alice")
    body = {"content": alice.mention, "embeds": [{"title": "t"}], "message_reference": None, "flags": 0}
    made = await raw.post({"a.png": b"x"}, **body)
    assert made.ok
    assert taken(strict) == []
    for name in ("id", "author", "components", "timestamp"):
        broken = {key: value for key, value in made.body.items() if key != name}
        strict.check_answer("create_message", 200, broken)
        assert len(taken(strict)) == 1


@pytest.mark.parametrize(
    ("change", "status"),
    [({"id": 7}, 200), ({"timestamp": "noon"}, 200), ({"edited_timestamp": 3}, 200), ({}, 302)],
)
async def test_a_wrong_answer_is_noticed(change: dict[str, Any], status: int, raw: Raw, strict: Spec) -> None:
    made = copy.deepcopy((await raw.post(content="x")).body) | change
    strict.check_answer("create_message", status, made)
    assert len(taken(strict)) == 1


def test_a_wrong_request_is_noticed_and_ids_may_be_numbers(strict: Spec) -> None:
    strict.check_request("create_message", {"content": 7})
    assert len(taken(strict)) == 1
    strict.check_request("create_dm", {"recipient_id": 123})
    assert taken(strict) == []


def test_a_missing_description_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_OPENAPI", str(tmp_path / "nowhere.json"))
    with pytest.raises(SpecMissingError, match=r"nowhere\.json"):
        find_spec(tmp_path)


def test_what_is_required_fails_instead_of_skipping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTIPHON_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="not here"):
        absent("openapi", "not here")
    monkeypatch.setenv("ANTIPHON_REQUIRE", "browser,openapi")
    with pytest.raises(pytest.fail.Exception, match="required here: not here"):
        absent("openapi", "not here")
