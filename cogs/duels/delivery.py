"""The outbox of duels: the original response, the message with the vote buttons, the result, and failures.

All state is in the database, so steps that fell due while the bot was down are taken at the next start. A
duel has two tasks, one for the original response and one for its message: neither waits for the other's
retries.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

import discord

from bot.app import Antiphon
from bot.audio.reencode import smaller_limit
from bot.errors import BLOCKED_WORDS, ConfigError, NotFound
from bot.jobs.eta import spoken
from bot.jobs.service import Advanced, Moved
from bot.locale import speaking, tr
from bot.log import bind
from bot.store.clips import Clip
from bot.store.duels.model import Duel, DuelSide, DuelState, Side
from bot.store.job_model import State
from cogs.delivery.backoff import with_backoff
from cogs.delivery.direct_message import direct_channel
from cogs.delivery.notices import Notice, NoticeSender
from cogs.delivery.original_response import OriginalResponses
from cogs.delivery.post_once import PostOnce, unarchive
from cogs.delivery.refusals import TOKEN_REVOKED, Refused, Remedy, refusals
from cogs.delivery.respondable import Draft, Shown, language_of
from cogs.duels.buttons import BUTTONS, RematchButton, VoteA, duel_buttons
from cogs.duels.card import closed_card, moment, open_card, outcome
from cogs.ui.buttons import carries, in_rows
from cogs.ui.persistent_cog import PersistentCog
from cogs.ui.text import quoted

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 3.0
"""Interval of polling for duels whose voting time is over."""


class DuelDelivery(PersistentCog):
    """Drives each duel through its states, one step at a time."""

    items = BUTTONS

    def __init__(self, bot: Antiphon) -> None:
        super().__init__(bot)
        self._folder = bot.settings.clip_dir
        self._responses = OriginalResponses(bot, bot.duels)
        self._posts = PostOnce(bot)
        self._notices = NoticeSender(bot, self._responses, self._posts)
        self._wake = asyncio.Event()
        self._tasks: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._loop: asyncio.Task[None] | None = None

    async def cog_load(self) -> None:
        """Start the loop, which also resumes unfinished duels of an earlier run."""
        await super().cog_load()
        self.bot.jobs.subscribe(self._on_progress)
        self.bot.duels.subscribe(self._wake.set)
        self._loop = asyncio.create_task(self._run(), name="duels")

    async def cog_unload(self) -> None:
        """Cancel the tasks; the next start resumes from the database."""
        tasks = [*([self._loop] if self._loop else []), *self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await super().cog_unload()

    def _on_progress(self, event: Moved | Advanced) -> None:
        if isinstance(event, Moved) and event.state is not State.RUNNING:
            self._wake.set()

    async def _run(self) -> None:
        await self.bot.wait_until_ready()
        while True:
            try:
                for duel in await self.bot.duels.due():
                    self._start(duel, "step", self._step)
                    if _answer_is_due(duel):
                        self._start(duel, "answer", self._update_answer)
            except Exception:
                log.exception("the duels could not be looked at; they are in a while")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_AGAIN_SECONDS)
            self._wake.clear()

    def _start(self, duel: Duel, what: str, act: Callable[[Duel], Awaitable[bool]]) -> None:
        key = (duel.id, what)
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._act(duel, key, act), name=f"duel-{duel.id}-{what}")

    async def _act(self, duel: Duel, key: tuple[int, str], act: Callable[[Duel], Awaitable[bool]]) -> None:
        """Take one step of a duel, read anew for each attempt; temporary errors are retried with backoff."""

        async def attempt() -> bool:
            duel = await self.bot.duels.get(key[0])
            with speaking(language_of(self.bot, duel)):
                return await act(duel)

        bind(duel_id=duel.id, member_id=duel.user_id, server_id=duel.guild_id)
        try:
            if await with_backoff(attempt, f"duel {key[0]} ({key[1]})"):
                self._wake.set()
        except Refused as refused:
            log.error("duel %d: %s", key[0], refused)
            if refused.remedy is Remedy.REVOKED:
                self.bot.stop(ConfigError(TOKEN_REVOKED))
            else:
                await self._end(key, refused)
        except Exception:
            log.exception("duel %d broke; it is tried again in a while", key[0])
            await asyncio.sleep(30)
        finally:
            self._tasks.pop(key, None)

    async def _end(self, key: tuple[int, str], refused: Refused) -> None:
        """Give up a step that Discord refused permanently, or for too long."""
        duel = await self.bot.duels.get(key[0])
        if key[1] == "answer":
            await self.bot.duels.answer_updated(duel)
        elif duel.state in (DuelState.RENDERING, DuelState.READY):
            await self.bot.duels.fail(duel, refused.refusal.reason)
            self._wake.set()
        elif duel.state is DuelState.CLOSED:
            await self.bot.duels.revealed(duel)
        elif duel.state is DuelState.FAILED:
            await self.bot.duels.requester_notified(duel.id)

    async def _step(self, duel: Duel) -> bool:
        """Advance a duel by one state; return whether its next step is due at once. Raises Refused."""
        duels = self.bot.duels
        match duel.state:
            case DuelState.RENDERING:
                await duels.advance(duel)
                return (await duels.get(duel.id)).state is not DuelState.RENDERING
            case DuelState.READY:
                await self._post(duel)
            case DuelState.OPEN if duel.closes_at is not None and duel.closes_at <= self.bot.clock():
                await duels.close(duel.id)
            case DuelState.CLOSED:
                await self._reveal(duel)
            case DuelState.FAILED:
                await self._tell(duel)
            case _:
                return False
        return True

    # The answer to the command

    async def _update_answer(self, duel: Duel) -> bool:
        """Update the original response. Raises Refused."""
        duels = self.bot.duels
        if not _answer_is_due(duel):
            return False
        try:
            async with self._responses.lock(duel.id):
                await self._responses.edit(duel, Draft(await self._answer(duel)))
        except Refused as refused:
            if duel.state is not DuelState.RENDERING:
                raise
            # The first edit of the answer is the probe for AutoMod, before both clips are rendered.
            if refused.remedy is Remedy.WITHOUT_WORDS:
                await duels.fail(duel, BLOCKED_WORDS)
                return True
            if refused.remedy is Remedy.WITHDRAWN:
                await duels.fail(duel, refused.refusal.reason)
                return True
            raise
        await duels.answer_updated(duel)
        return False

    async def _answer(self, duel: Duel) -> str:
        if duel.state is not DuelState.RENDERING:
            return tr("**Duel {number}** is open: {link}", number=duel.id, link=duel.link)
        positions = await self.bot.jobs.queue_positions()
        left = max((position.seconds for position in positions.values()), default=0.0)
        wait = tr("Both clips are being made, and then shown together here, in {time}.", time=spoken(left))
        head = tr("**Duel {number}** {prompt}", number=duel.id, prompt=quoted(duel.prompt, 80))
        return f"{head} · {duel.seconds:g} s\n{wait}"

    # The message that takes votes

    def _hours(self, duel: Duel) -> float:
        """Return how long a duel takes votes: the server's setting, or the bot's."""
        return self.bot.policy.server(duel.guild_id).number("duel_hours") or self.bot.settings.duel_hours

    async def _post(self, duel: Duel) -> None:
        """Post both clips, unless an earlier attempt did, and open the vote. Raises Refused."""
        duels = self.bot.duels
        closes_at = moment(duel.in_discord_time(self.bot.clock() + self._hours(duel) * 3600))
        try:
            card = open_card(duel, self._folder, closes_at)
        except NotFound as error:
            await duels.fail(duel, error.english)
            return
        draft = Draft(embed=card.embed, view=duel_buttons(duel.id), files=card.files)
        try:
            shown = await self._posted(
                duel, draft, "", lambda message: carries(message, f"{VoteA.prefix}:{duel.id}")
            )
        except Refused as refused:
            limit = smaller_limit(card.paths.values())
            if refused.remedy is not Remedy.SMALLER or limit is None:
                raise
            log.info("the clips of duel %d are made again for %d bytes", duel.id, limit)
            await duels.shrink(duel.id, limit)
            return
        posted_at = discord.utils.snowflake_time(shown.message_id).timestamp()
        await duels.opened(duel, shown.message_id, posted_at, self._hours(duel))

    async def _posted(
        self, duel: Duel, draft: Draft, what: str, is_it: Callable[[discord.Message], bool]
    ) -> Shown:
        """Post a draft in the duel's channel, once, unarchiving its thread where that is needed."""
        channel = self.bot.get_partial_messageable(duel.channel_id, guild_id=duel.guild_id)
        try:
            return await self._post_once(channel, duel, draft, what, is_it)
        except Refused as refused:
            if refused.remedy is not Remedy.UNARCHIVE or not await unarchive(self.bot, duel.channel_id):
                raise
        return await self._post_once(channel, duel, draft, what, is_it)

    async def _post_once(
        self,
        channel: discord.abc.MessageableChannel,
        duel: Duel,
        draft: Draft,
        what: str,
        is_it: Callable[[discord.Message], bool],
    ) -> Shown:
        return await self._posts.post(
            channel,
            draft,
            nonce=f"duel-{duel.id}{what}",
            intend=lambda: self.bot.duels.begin_posting(duel.id),
            after=duel.interaction_id,
            is_it=is_it,
        )

    # The end

    async def _reveal(self, duel: Duel) -> None:
        """Reveal the modes, with the tagged files. Idempotent. Raises Refused."""
        duels = self.bot.duels
        sides, tally = await duels.sides(duel.id), await self.bot.votes.tally(duel.id)
        card = closed_card(duel, sides, await self._clips(sides), tally, self._folder)
        buttons = in_rows(RematchButton(duel.id))
        whole = Draft(embed=card.embed, files=card.files, view=buttons)
        # Where the tagged files are gone, the message keeps the neutral ones.
        bare = Draft(embed=card.embed.copy().set_image(url=None), view=buttons)
        try:
            await self._reveal_by_edit(duel, whole, bare)
            await self._notify_requester(duel, outcome(sides, tally))
        except Refused as refused:
            if refused.remedy in (Remedy.RETRY, Remedy.REVOKED):
                raise
            log.warning("the message of duel %d cannot show its end: %s", duel.id, refused)
            if refused.remedy is not Remedy.WITHDRAWN:
                await self._reveal_elsewhere(duel, bare)
        await duels.revealed(duel)

    async def _notify_requester(self, duel: Duel, result: str) -> None:
        """Mention the requester below, since an edited message notifies nobody. Raises Refused to retry."""
        if duel.series_id is not None:  # the end of a series is told once, with all its duels
            return
        text = tr(
            "Duel {number} is over: **{result}**. {link}", number=duel.id, result=result, link=duel.link
        )
        content = Draft(text, ping=duel.user_id).for_post()["content"]
        try:
            await self._posted(
                duel, Draft(text, ping=duel.user_id), "-over", lambda message: message.content == content
            )
        except Refused as refused:
            if refused.remedy in (Remedy.RETRY, Remedy.REVOKED):
                raise
            log.info("the requester of duel %d was not notified of its end: %s", duel.id, refused)

    async def _reveal_by_edit(self, duel: Duel, whole: Draft, bare: Draft) -> None:
        channel = self.bot.get_partial_messageable(duel.channel_id, guild_id=duel.guild_id)
        message = channel.get_partial_message(duel.message_id or 0)
        draft, unarchived = whole, False
        while True:
            try:
                with refusals():
                    await message.edit(**draft.for_edit())
                return
            except Refused as refused:
                if refused.remedy is Remedy.UNARCHIVE and not unarchived:
                    unarchived = True
                    if await unarchive(self.bot, duel.channel_id):
                        continue
                elif refused.remedy in (Remedy.SMALLER, Remedy.GIVE_UP) and draft is whole:
                    log.warning("the files of duel %d cannot be shown: %s", duel.id, refused)
                    draft = bare
                    continue
                raise

    async def _reveal_elsewhere(self, duel: Duel, bare: Draft) -> None:
        """Post the result as a message of its own, or send it to the requester. Raises Refused to retry."""
        title = bare.embed.title if bare.embed else None

        def is_it(message: discord.Message) -> bool:
            return any(embed.title == title for embed in message.embeds)

        post = replace(bare, content=duel.link)
        ways: tuple[Callable[[], Awaitable[discord.abc.MessageableChannel]], ...] = (
            lambda: self._channel(duel),
            lambda: direct_channel(self.bot, duel.user_id),
        )
        for way in ways:
            try:
                await self._post_once(await way(), duel, post, "-result", is_it)
                return
            except Refused as refused:
                if refused.remedy in (Remedy.RETRY, Remedy.REVOKED):
                    raise
                log.info("the result of duel %d was not posted: %s", duel.id, refused)
        log.warning("nobody can be shown how duel %d ended", duel.id)

    async def _channel(self, duel: Duel) -> discord.abc.MessageableChannel:
        return self.bot.get_partial_messageable(duel.channel_id, guild_id=duel.guild_id)

    async def _clips(self, sides: dict[Side, DuelSide]) -> dict[Side, Clip]:
        found: dict[Side, Clip] = {}
        for name, side in sides.items():
            with contextlib.suppress(NotFound):
                found[name] = await self.bot.history.clip_of_job(side.job_id)
        return found

    async def _tell(self, duel: Duel) -> None:
        """Notify the requester that the duel failed. Raises Refused."""
        notice = Notice(
            tr(
                "**Duel {number}** couldn't be started. {reason}", number=duel.id, reason=tr(duel.error or "")
            ),
            nonce=f"duel-{duel.id}-failed",
            intend=lambda: self.bot.duels.begin_posting(duel.id),
            mention=True,
        )
        async with self._responses.lock(duel.id):
            await self._notices.send(duel, notice)
        await self.bot.duels.requester_notified(duel.id)


def _answer_is_due(duel: Duel) -> bool:
    if duel.state is DuelState.RENDERING:
        return not duel.answer_shown
    return (
        duel.state in (DuelState.OPEN, DuelState.CLOSED, DuelState.REVEALED) and duel.answer_shown != "open"
    )


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(DuelDelivery(bot))
