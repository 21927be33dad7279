"""What the policy knows of a server and of the bot's owner together."""

from __future__ import annotations

import pytest

from bot.config import Settings
from bot.policy.service import PolicyService
from bot.policy.settings import SETTINGS
from bot.store.database import Database


@pytest.mark.parametrize("owner", [False, True])
async def test_previews_are_had_where_owner_and_server_want_them(owner: bool, database: Database) -> None:
    policy = PolicyService(database, Settings(early_preview=owner), lambda: 0.0)
    await policy.open()
    await policy.set(10, SETTINGS["early_preview"], False, 1)
    assert not policy.has_previews(10)
    assert policy.has_previews(11) is owner
    assert policy.has_previews(None) is owner, "direct messages"


async def test_there_are_none_where_nobody_set_anything() -> None:
    assert not Settings().early_preview
