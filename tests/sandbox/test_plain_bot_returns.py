"""The same ordinary bot through restarts, on two shards, as a single-shard bot, and on a bad line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox import gateway
from sandbox.actors import Actor
from sandbox.clock import Clock
from sandbox.defaults import add_guild
from sandbox.limits import Limits
from sandbox.server import Sandbox
from sandbox.spec import Spec
from tests.sandbox.program import Program


async def counted(alice: Actor) -> None:
    assert (await (await alice.slash("where")).finished()).content.startswith("['guild']")


@pytest.fixture
async def sandbox(spec: Spec | None) -> AsyncIterator[Sandbox]:
    clock = Clock(paused_at=time.time())
    async with Sandbox(clock=clock, limits=Limits.none(), spec=spec, shards=2) as running:
        yield running


async def test_buttons_work_after_everything_was_restarted(tmp_path: Path, spec: Spec | None) -> None:
    path = tmp_path / "history.sqlite3"
    clock = Clock(paused_at=time.time())
    async with Sandbox(path, clock=clock, limits=Limits.none(), spec=spec) as first, Program(first):
        await first.until(lambda: "panel" in first.member("alice").commands(), 20, "the commands")
        await (await first.member("alice").slash("panel")).finished()
    clock = Clock(paused_at=clock.now())
    async with Sandbox(path, clock=clock, limits=Limits.none(), spec=spec) as second, Program(second):
        panel = second.channel("music").messages[-1]
        await second.member("bob").click(panel, "count 0")
        assert panel.content == "counted to 1"
        await second.member("bob").click(panel, "count 1")
        assert panel.content == "counted to 2"


async def test_two_shards_share_the_guilds(sandbox: Sandbox) -> None:
    home = sandbox.channel("music").channel.guild_id or 0
    add_guild(sandbox.world, "Next door", ["music"], guild_id=home + (1 << 22))
    async with Program(sandbox) as program:
        alice = sandbox.member("alice")
        assert {session.shard for session in sandbox.gateway.sessions.values()} == {(0, 2), (1, 2)}
        for place in (sandbox.channel("music"), sandbox.channel("music", "Next door"), sandbox.dm("alice")):
            reply = await alice.slash("where", at=place)
            assert (await reply.finished()).content
        already = len(program.lines)
        sandbox.faults.drop_sockets()
        await program.printed("shard 0 resumed", since=already)
        await program.printed("shard 1 resumed", since=already)


async def test_a_bot_without_shards(sandbox: Sandbox) -> None:
    async with Program(sandbox, PLAIN_BOT="single"):
        await counted(sandbox.member("alice"))


async def test_a_bad_line_is_ridden_out(sandbox: Sandbox) -> None:
    """discord.py waits and tries again by itself after a 429; the answer is there all the same, once."""
    async with Program(sandbox) as program:
        alice = sandbox.member("alice")
        await sandbox.until(lambda: "where" in alice.commands(), 20, "the commands")
        sandbox.faults.rate_limit(0.01, operation="create_interaction_response")
        await counted(alice)
        sandbox.faults.lose_answer(operation="create_interaction_response")
        reply = await alice.slash("where")
        assert (await reply.finished()).content.startswith("['guild']")
        await program.printed("error")
        assert (
            len([one for one in sandbox.channel("music").messages if one.content.startswith("['guild']")])
            == 2
        )


async def test_the_latency_is_counted_from_the_heartbeat_that_is_acknowledged(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    interval = 3.0
    monkeypatch.setattr(gateway, "HEARTBEAT_INTERVAL", interval)
    async with Program(sandbox, PLAIN_BOT="single", LATE_NOTE="yes") as program:
        # Two ACKs for the heartbeat at login, two for the first one that the thread sent.
        async with asyncio.timeout(60):
            while len(found := [line for line in program.lines if line.startswith("latency")]) < 4:
                await program.printed("latency", since=len(program.lines))
    assert max(float(line.split()[1]) for line in found) < interval
