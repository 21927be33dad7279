"""Progress and answers that only their member sees, with the real bot."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.actors import Actor, text_of
from sandbox.defaults import ELSEWHERE
from sandbox.faults import Target
from sandbox.model import Permission
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, ask, carries_clip, clip_of, made, private, rendering, text_in
from tests.e2e.conftest import running

EDIT = "update_original_webhook_message"


@pytest.fixture
async def bot(description: Spec, tmp_path: Path) -> AsyncIterator[BotProcess]:
    async with running(description, tmp_path) as bot:
        yield bot


def shows_progress(target: Target) -> bool:
    return bool(re.search("[▰▱]{4}", str(target.body)))


async def test_a_clip_that_only_its_member_sees_says_so_and_can_be_sent_again(
    bot: BotProcess, alice: Actor
) -> None:
    lobby = bot.sandbox.channel("lobby", ELSEWHERE)
    lobby.overwrite("@everyone", deny=Permission.USE_EXTERNAL_APPS)
    clip = await made(alice, "hidden tune", at=lobby)
    assert clip.ephemeral_for == alice.id
    assert "Only you can see this" in text_of(clip)

    shown = await alice.slash("history", at=lobby)
    history = await private(shown)
    assert "hidden tune" in text_of(history)
    assert f"/{clip.id}" not in text_of(history), "Discord forgets the message, so nothing links to it"


async def test_a_ban_by_discords_proxy_stops_progress_and_no_clip(bot: BotProcess, alice: Actor) -> None:
    banned = bot.sandbox.faults.rate_limit(1, cloudflare=True, operation=EDIT, where=shows_progress)
    reply = await ask(alice, "held tune")  # “thinking…” may stay: the refused edit can be the first
    await banned.until_struck()
    await bot.printed("no progress is shown for 60 s")
    later = bot.sandbox.faults.fail(500, operation=EDIT, where=shows_progress, times=None)
    bot.let_through()
    assert (await clip_of(reply)).attachments
    assert later.struck == 0
    later.take_back()


async def test_distant_queue_positions_are_told_in_tens(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path, MAX_JOBS_PER_MEMBER="20") as bot:
        alice = bot.sandbox.member("alice")
        first = await rendering(alice, "first")
        waiting = [await alice.slash("music", prompt=f"held {n}", seconds=2) for n in range(12)]
        await text_in(await waiting[0].finished(WAIT), r"Next in line|Place 1 of", bot.sandbox)
        await text_in(await waiting[-1].finished(WAIT), r"Among the first 20 of 1\d in line", bot.sandbox)
        bot.let_through(13)
        await carries_clip(first, bot.sandbox)
        assert (await clip_of(waiting[-1])).attachments
