"""What the bot may not promise: more bytes than a place takes, or a clip after it can no longer answer."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sandbox.defaults import ELSEWHERE
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import made, queued, rendering
from tests.e2e.conftest import running

MEMBERS_BYTES, SERVERS_BYTES = 100 * 2**20, 10 * 2**20
"""What a paying member may upload, and what a server without boosts takes from the bot."""


def query(bot: BotProcess, sql: str) -> list[Any]:
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection:
        return connection.execute(sql).fetchall()


async def test_a_clip_weighs_no_more_than_the_server_takes(own_bot: BotProcess) -> None:
    alice = own_bot.sandbox.member("alice")
    own_bot.sandbox.messages.upload_limit = MEMBERS_BYTES
    await made(alice, "in a server")
    await made(alice, "in private", at=own_bot.sandbox.dm("alice"))
    limits = query(own_bot, "SELECT max_bytes FROM jobs ORDER BY id")
    # In a server the bot may have to post it later by itself, within the server's own limit.
    assert limits == [(SERVERS_BYTES,), (MEMBERS_BYTES,)]


async def test_a_wait_beyond_the_token_is_refused_where_the_bot_cannot_post(
    description: Spec, tmp_path: Path
) -> None:
    # By the capabilities of this model 20 s of audio take more than a quarter of an hour.
    async with running(description, tmp_path, AR_MODEL="slow", DIFFUSION_MODEL="slow") as bot:
        alice, bob, mina = (bot.sandbox.member(name) for name in ("alice", "bob", "mina"))
        await rendering(bob, "in the way")
        await queued(mina, "before it", seconds=20)
        refused = await (
            await alice.slash("music", prompt="late", seconds=2, at=bot.sandbox.channel("lobby", ELSEWHERE))
        ).finished()
        assert "The queue is too long for this place" in refused.content
        assert query(bot, "SELECT state FROM jobs ORDER BY id") == [("running",), ("queued",)]
        # Where the bot may post, the wait does not matter.
        await queued(alice, "later")
