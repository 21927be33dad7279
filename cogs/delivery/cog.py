"""From a rendered clip to a message: an outbox, once, as near as Discord allows.

While the interaction's token lives, the clip goes by PATCH to the answer itself, which is idempotent. After
that it is posted with the job's id as nonce: Discord answers a nonce that it saw in the last minutes with
the message it already has. Where an answer was lost for longer than that, the channel is read first.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import discord
from discord.ext import commands

from bot.app import Antiphon
from bot.errors import ConfigError, NotFound, StoreError
from bot.jobs.service import Advanced, Moved
from bot.store.clips import Clip
from bot.store.jobs import Job, State
from cogs.coach import OfClipButton as CoachButton
from cogs.coach import line_under
from cogs.delivery.original_response import ORIGINAL_GONE, TOO_LARGE, Originals, is_unauthorized
from cogs.delivery.progress import Board
from cogs.delivery.refusals import NETWORK_ERRORS
from cogs.presets.buttons import OfClipButton as PresetButton
from cogs.ui.buttons import BUTTONS, IdButton, carries_clip, clip_buttons
from cogs.ui.card import Card, clip_card
from cogs.ui.text import in_a_line

log = logging.getLogger(__name__)

NONCE_REMEMBERED = 60.0
"""Seconds for which Discord is trusted to know a nonce; its documentation says “the past few minutes”."""
MESSAGES_READ = 100
AT_ONCE = 4
RETRY_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0)
LOOK_AGAIN_SECONDS = 30.0


class Undeliverable(Exception):
    """No way leads to the member any more; the text says why."""


class Delivery(commands.Cog):
    """Empties the outbox and keeps the progress board."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot
        self.originals = Originals(bot)
        self.board = Board(bot, self.originals)
        self._wake = asyncio.Event()
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._loops: list[asyncio.Task[None]] = []

    async def cog_load(self) -> None:
        """Start; what an earlier run left in the outbox goes first."""
        self.bot.add_dynamic_items(*BUTTONS)
        self.bot.service.subscribe(self._heard)
        self._wake.set()
        self._loops = [
            asyncio.create_task(self._keep_going(self._empty_outbox), name="outbox"),
            asyncio.create_task(self._keep_going(self.board.run), name="progress"),
        ]

    async def cog_unload(self) -> None:
        """Stop; what is on its way is sent again by the next start, and recognised there."""
        tasks = [*self._loops, *self._sending.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.bot.remove_dynamic_items(*BUTTONS)

    def _heard(self, event: Moved | Advanced) -> None:
        self.board.heard(event)
        if isinstance(event, Moved) and event.state in (State.RENDERED, State.FAILED, State.CANCELLED):
            self._wake.set()

    async def _keep_going(self, loop: Any) -> None:
        await self.bot.wait_until_ready()
        while True:
            try:
                await loop()
            except Exception:
                log.exception("the %s broke and goes on", loop.__name__)
                await asyncio.sleep(RETRY_SECONDS[-2])

    async def _empty_outbox(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            for job in await self.bot.jobs.outbox():
                if job.id not in self._sending:
                    task = asyncio.create_task(self._bring(job), name=f"deliver-{job.id}")
                    self._sending[job.id] = task
                    task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending = {job_id: t for job_id, t in self._sending.items() if t is not task}
        if not task.cancelled() and (error := task.exception()):
            log.error("%s broke and is tried again in a while", task.get_name(), exc_info=error)
            asyncio.get_running_loop().call_later(LOOK_AGAIN_SECONDS, self._wake.set)

    async def _bring(self, job: Job) -> None:
        """Deliver or tell, again and again through what passes by itself."""
        attempt = 0
        while True:
            try:
                async with self._gate, self.originals.lock(job.id):
                    await (self._deliver(job) if job.state is State.RENDERED else self._tell(job))
                return
            except Undeliverable as reason:
                log.warning("job %d cannot be delivered: %s", job.id, reason)
                await self._give_up(job, str(reason))
                return
            except discord.HTTPException as error:
                if is_unauthorized(error):
                    self._token_revoked()
                    return
                if not isinstance(error, NETWORK_ERRORS) and error.status != 429:
                    log.exception("job %d cannot be delivered", job.id)
                    await self._give_up(job, f"Discord refused it ({error.status}, code {error.code}).")
                    return
                log.warning("job %d waits: %s", job.id, error)
            except (*NETWORK_ERRORS, StoreError) as error:
                log.warning("job %d waits: %s", job.id, error)
            await asyncio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            attempt += 1

    async def _deliver(self, job: Job) -> None:
        try:
            clip = await self.bot.clips.of_job(job.id)
            line = await line_under(self.bot, clip)
            card = clip_card(clip, self.bot.settings.clip_dir, line)
        except NotFound as error:
            raise Undeliverable(str(error)) from error
        more: list[IdButton] = [PresetButton(clip.id)] if clip.preset_version else []
        more += [CoachButton(clip.id)] if line else []
        view = clip_buttons(clip.id, *more, can_duel=job.can_post and job.guild_id is not None)
        message_id = await self._edit_answer(job, card, view) or await self._post(job, clip, card, view)
        await self.bot.service.delivered(job.id, message_id)

    async def _edit_answer(self, job: Job, card: Card, view: discord.ui.View) -> int | None:
        """Turn the answer into the clip; None where the answer can no longer be edited."""
        if not self.originals.alive(job):
            return None
        try:
            message = await self.originals.edit(
                job, content=None, embed=card.embed, attachments=card.files(), view=view
            )
        except discord.HTTPException as error:
            if error.code in ORIGINAL_GONE:
                return None
            raise _explained(error) from error
        return message.id

    async def _post(self, job: Job, clip: Clip, card: Card, view: discord.ui.View) -> int:
        """Post the clip in the channel, unless an earlier attempt already did."""
        if not job.can_post:
            raise Undeliverable("The 15 minutes that Discord gives for an answer here are over.")
        channel = self.bot.get_partial_messageable(job.channel_id, guild_id=job.guild_id)
        first = await self.bot.jobs.posting(job.id, self.bot.clock())
        try:
            if self.bot.clock() - first > NONCE_REMEMBERED and (
                found := await self._posted(channel, clip, first)
            ):
                return found
            message = await channel.send(
                f"<@{job.user_id}>",
                embed=card.embed,
                files=card.files(),
                view=view,
                nonce=str(job.id),
                allowed_mentions=discord.AllowedMentions(users=[discord.Object(job.user_id)]),
            )
        except (discord.Forbidden, discord.NotFound) as error:
            raise Undeliverable("I may not post in that channel, or it is gone.") from error
        except discord.HTTPException as error:
            raise _explained(error) from error
        await self._point_to(job, message)
        return message.id

    async def _posted(self, channel: discord.PartialMessageable, clip: Clip, since: float) -> int | None:
        """Look for the clip among the channel's messages since shortly before the first attempt."""
        after = discord.Object(discord.utils.time_snowflake(_moment(since - NONCE_REMEMBERED)))
        async for message in channel.history(after=after, limit=MESSAGES_READ, oldest_first=True):
            if self.bot.wrote(message) and carries_clip(message, clip.id):
                return message.id
        return None

    async def _point_to(self, job: Job, message: discord.Message) -> None:
        """Replace the progress that the dead token left behind; the bot may edit it with its own."""
        if job.answer_id is None:
            return
        channel = self.bot.get_partial_messageable(job.channel_id, guild_id=job.guild_id)
        try:
            await channel.get_partial_message(job.answer_id).edit(
                content=f"{in_a_line(job.recipe)}\nThis one took a while: {message.jump_url}", view=None
            )
        except discord.HTTPException as error:
            log.info("the old progress of job %d stays: %s", job.id, error)

    async def _tell(self, job: Job) -> None:
        """Tell the member of a failure or cancellation."""
        text = f"{in_a_line(job.recipe)}\n" + (
            "Cancelled." if job.state is State.CANCELLED else f"That did not work. {job.error}"
        )
        if not await self._edit_text(job, text) and job.can_post and job.state is State.FAILED:
            channel = self.bot.get_partial_messageable(job.channel_id, guild_id=job.guild_id)
            try:
                await channel.send(f"<@{job.user_id}> {text}", nonce=str(job.id))
            except (discord.Forbidden, discord.NotFound) as error:
                log.warning("nobody could be told that job %d failed: %s", job.id, error)
        await self.bot.jobs.told(job.id)

    async def _edit_text(self, job: Job, text: str) -> bool:
        if not self.originals.alive(job):
            return False
        try:
            await self.originals.edit(job, content=text, view=None)
        except discord.HTTPException as error:
            if error.code in ORIGINAL_GONE:
                return False
            raise
        return True

    async def _give_up(self, job: Job, reason: str) -> None:
        if job.state is not State.RENDERED:
            await self.bot.jobs.told(job.id)
            return
        try:
            await self._edit_text(
                job, f"{in_a_line(job.recipe)}\nThe clip is ready, but: {reason} See /history."
            )
        except (discord.HTTPException, *NETWORK_ERRORS) as error:
            log.info("nobody could be told of job %d: %s", job.id, error)
        await self.bot.jobs.undeliverable(job.id, reason, self.bot.clock())

    def _token_revoked(self) -> None:
        self.bot.stop(
            ConfigError(
                "Discord no longer accepts DISCORD_TOKEN: make a new one in the developer portal (Bot → "
                "Reset Token), put it into .env and start again. The clips that wait are kept."
            )
        )


def _explained(error: discord.HTTPException) -> Exception:
    if error.code == TOO_LARGE or error.status == 413:
        return Undeliverable("Discord finds the clip too large for this place; ask for a shorter one.")
    return error


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Delivery(bot))
