"""The table of Discord's refusals, against errors as discord.py raises them, and against its page."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest

from cogs.delivery.refusals import AWAY, SLOWED, TABLE, Refused, Remedy, refusal_of, refusals

DOCS = Path(__file__).parents[2] / "docs/delivery.md"


def error(status: int, code: int = 0) -> discord.HTTPException:
    kind: Any = {403: discord.Forbidden, 404: discord.NotFound}.get(status, discord.HTTPException)
    kind = discord.DiscordServerError if status >= 500 else kind
    response: Any = SimpleNamespace(status=status, reason="", headers={})
    found: discord.HTTPException = kind(response, {"message": "", "code": code})
    return found


def test_the_documentation_names_every_code() -> None:
    rows = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    named = {int(code) for code in re.findall(r"\b\d{5,6}\b", "\n".join(rows))}
    assert named == set(TABLE)


@pytest.mark.parametrize(
    ("failure", "remedy"),
    [
        (aiohttp.ServerDisconnectedError(), Remedy.RETRY),
        (ConnectionResetError(), Remedy.RETRY),
        (TimeoutError(), Remedy.RETRY),
        (error(502), Remedy.RETRY),
        (error(429), Remedy.RETRY),
        (error(429, 30046), Remedy.RETRY),
        (error(413), Remedy.SMALLER),
        (error(400, 50083), Remedy.UNARCHIVE),
        (error(403, 50083), Remedy.UNARCHIVE),
        (error(400, 200000), Remedy.WITHOUT_WORDS),
        (error(404, 10008), Remedy.WITHDRAWN),
        (error(404, 10003), Remedy.ELSEWHERE),
        (error(403), Remedy.ELSEWHERE),
        (error(404), Remedy.ELSEWHERE),
        (error(400, 50035), Remedy.GIVE_UP),
    ],
)
def test_each_refusal_has_its_remedy(failure: Exception, remedy: Remedy) -> None:
    with pytest.raises(Refused) as caught, refusals():
        raise failure
    assert caught.value.remedy is remedy
    assert caught.value.__cause__ is failure


def test_a_webhook_says_nothing_about_the_bots_token() -> None:
    assert refusal_of(error(401), webhook=True).remedy is Remedy.TOKEN_OVER
    assert refusal_of(error(401)).remedy is Remedy.REVOKED
    assert refusal_of(error(401, 50027)).remedy is Remedy.TOKEN_OVER


def test_every_retry_has_an_end_and_every_end_a_reason() -> None:
    for row in (*TABLE.values(), AWAY, SLOWED):
        assert (row.patience > 0) == (row.remedy is Remedy.RETRY)
        assert row.reason.endswith(".")
