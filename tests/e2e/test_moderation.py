"""Moderation of a server: a report, a ban, the queue, the audit log; and who may not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.model import Permission
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import eventually, made, private, queued, rendering
from tests.e2e.conftest import running

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOT_FOR_YOU = "Only moderators of the whole server can do that"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(description: Spec, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotProcess]:
    async with running(description, Path(tmp_path_factory.mktemp("moderated"))) as bot:
        yield bot


@pytest.fixture
def mina(bot: BotProcess) -> Actor:
    return bot.sandbox.member("mina")


async def said(actor: Actor, command: str, **options: object) -> str:
    return text_of(await private(await actor.slash(command, options)))


@pytest.mark.parametrize("command", ["clips", "queue", "ban", "unban", "bans", "audit"])
async def test_a_channels_permission_is_not_enough(
    bot: BotProcess, bob: Actor, alice: Actor, music: ChannelHandle, command: str
) -> None:
    music.overwrite(bob, allow=Permission.MANAGE_MESSAGES)
    options = {"member": alice} if command in ("ban", "unban") else {}
    assert NOT_FOR_YOU in await said(bob, f"moderate {command}", **options)
    music.overwrite(bob)


async def test_a_reported_clip_is_looked_at_and_deleted_and_its_requester_banned(
    bot: BotProcess, alice: Actor, bob: Actor, mina: Actor, music: ChannelHandle
) -> None:
    clip = await made(bob, "something hateful")
    form = await alice.message_menu("Report clip", clip)
    assert "Thank you." in text_of(await private(await alice.submit(form, {"reason": "**hateful** words"})))
    again = await alice.message_menu("Report clip", clip)
    assert "You reported this clip already" in text_of(
        await private(await alice.submit(again, {"reason": "and again"}))
    )
    listed = await private(await mina.slash("moderate clips"))
    assert "1 report." in text_of(listed)
    case = await private(await mina.click(listed, "Look at 1"))
    assert r"\*\*hateful\*\* words" in text_of(case)
    assert "something hateful" in text_of(case)
    # A member cannot use what only the moderator sees, even with its custom_id.
    await mina.click(case, "Delete and ban member")
    await eventually(lambda: clip not in music.messages, "the end of the clip's message")
    assert "There are no reported clips." in await said(mina, "moderate clips")
    assert "have banned you from the bot" in await said(bob, "music", prompt="once more")
    assert bob.mention in await said(mina, "moderate bans")
    assert "can use the bot again" in await said(mina, "moderate unban", member=bob)
    assert "isn't banned" in await said(mina, "moderate unban", member=bob)
    await made(bob, "back again")
    acts = await said(mina, "moderate audit")
    order = [acts.index(f"**{act}**") for act in ("unban", "ban", "report")]
    assert order == sorted(order), "newest first"
    assert f"{mina.mention} **ban** {bob.mention}" in acts


async def test_only_clips_of_this_server_can_be_reported(
    bot: BotProcess, alice: Actor, mina: Actor, music: ChannelHandle
) -> None:
    hello = await mina.send("no clip at all")
    assert "has no clip that I made" in text_of(await private(await alice.message_menu("Report clip", hello)))


async def test_a_ban_cancels_what_the_member_waits_for(bot: BotProcess, bob: Actor, mina: Actor) -> None:
    await rendering(bob, "on the way")
    await queued(bob, "waiting")
    assert "2 of their clips were cancelled" in await said(mina, "moderate ban", member=bob, reason="a raid")
    assert "a raid" in await said(mina, "moderate bans")
    assert "already" in await said(mina, "moderate ban", member=bob)
    await said(mina, "moderate unban", member=bob)
    assert "You can't ban yourself." in await said(mina, "moderate ban", member=mina)


async def test_a_moderator_cancels_anything_in_the_queue(
    bot: BotProcess, alice: Actor, bob: Actor, mina: Actor
) -> None:
    await rendering(alice, "first in line")
    second = await queued(bob, "second in line")
    assert "cancels any of them" in await said(mina, "queue")
    assert "cancels any of them" not in await said(bob, "queue")
    listed = await private(await mina.slash("moderate queue"))
    assert "first in line" in text_of(listed)
    [job] = [line.split("**")[1] for line in text_of(listed).splitlines() if "second in line" in line]
    await mina.select(listed, "moderate:cancel", [job.removeprefix("#")])
    await eventually(lambda: "Cancelled" in text_of(second), "the cancelled answer")
    bot.let_through()
    assert "**cancel**" in await said(mina, "moderate audit")
