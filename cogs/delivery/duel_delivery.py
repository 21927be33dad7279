"""What Discord is shown of a duel: its message, its end, or why there is none.

Everything a duel waits for stands in the database, so whatever was due while the bot was down is done at the
next start. A duel's message is posted as late clips are: with a nonce, and the channel is read first where an
answer was lost for longer than Discord remembers nonces.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

import discord
from discord.ext import commands

from bot.app import Antiphon
from bot.errors import NotFound
from bot.jobs.service import Advanced, Moved
from bot.store.clips import Clip
from bot.store.duels import Duel, DuelSide, Side, Stage
from bot.store.jobs import State
from cogs.delivery.cog import MESSAGES_READ, NONCE_REMEMBERED
from cogs.delivery.original_response import Originals
from cogs.delivery.refusals import NETWORK_ERRORS
from cogs.ui.buttons import carries
from cogs.ui.duels import BUTTONS, VoteA, closed_card, duel_buttons, moment, open_card

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 3.0
"""How often duels are looked at for what only time makes due."""


class DuelStage(commands.Cog):
    """Takes every duel its next step, one step of a duel at a time."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot
        self._folder = bot.settings.clip_dir
        self._originals = Originals(bot)
        self._wake = asyncio.Event()
        self._going: dict[int, asyncio.Task[None]] = {}
        self._loop: asyncio.Task[None] | None = None

    async def cog_load(self) -> None:
        """Start with what an earlier run left."""
        self.bot.add_dynamic_items(*BUTTONS)
        self.bot.service.subscribe(self._heard)
        self.bot.duels.subscribe(self._wake.set)
        self._loop = asyncio.create_task(self._run(), name="duels")

    async def cog_unload(self) -> None:
        """Stop; the next start goes on from what the database says."""
        tasks = [*([self._loop] if self._loop else []), *self._going.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.bot.remove_dynamic_items(*BUTTONS)

    def _heard(self, event: Moved | Advanced) -> None:
        if isinstance(event, Moved) and event.state in (State.RENDERED, State.FAILED, State.CANCELLED):
            self._wake.set()

    async def _run(self) -> None:
        await self.bot.wait_until_ready()
        while True:
            try:
                for duel in await self.bot.duels.duels.outbox(self.bot.clock()):
                    if duel.id not in self._going:
                        task = asyncio.create_task(self._step(duel), name=f"duel-{duel.id}")
                        self._going[duel.id] = task
            except Exception:
                log.exception("the duels could not be looked at; they are in a while")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_AGAIN_SECONDS)
            self._wake.clear()

    async def _step(self, duel: Duel) -> None:
        """Take a duel one state on; what goes wrong by itself is tried again at the next look."""
        duels = self.bot.duels
        try:
            match duel.state:
                case Stage.RENDERING:
                    await duels.advance(duel)
                case Stage.READY:
                    await self._post(duel)
                case Stage.OPEN:
                    await duels.close(duel.id)
                case Stage.CLOSED:
                    await self._reveal(duel)
                case Stage.FAILED:
                    await self._tell(duel)
        except NETWORK_ERRORS as error:
            log.warning("duel %d waits: %s", duel.id, error)
        except Exception:
            log.exception("duel %d broke; it is tried again in a while", duel.id)
        else:
            self._wake.set()
        finally:
            self._going.pop(duel.id, None)

    async def _post(self, duel: Duel) -> None:
        """Show both clips, unless an earlier attempt already did, and begin to take votes."""
        duels = self.bot.duels
        closes_at = moment(self.bot.clock() + self.bot.settings.duel_hours * 3600)
        try:
            card = open_card(duel, self._folder, closes_at)
            channel = self.bot.get_partial_messageable(duel.channel_id, guild_id=duel.guild_id)
            first = await duels.duels.posting(duel.id, self.bot.clock())
            message = None
            if self.bot.clock() - first > NONCE_REMEMBERED:
                message = await self._posted(channel, duel, first)
            if message is None:
                message = await channel.send(
                    embed=card.embed,
                    files=card.files(),
                    view=duel_buttons(duel.id),
                    nonce=f"duel-{duel.id}",
                )
        except NotFound as error:
            await duels.fail(duel, str(error))
            return
        except NETWORK_ERRORS:
            raise
        except discord.HTTPException as error:
            if error.status in (401, 429):
                raise
            log.warning("duel %d cannot be posted: %s", duel.id, error)
            await duels.fail(duel, f"Discord refused it ({error.status}, code {error.code}).")
            return
        await duels.opened(duel, message.id, message.created_at.timestamp())
        await self._edit_answer(duel, f"**Duel {duel.id}** is open: {message.jump_url}")

    async def _posted(
        self, channel: discord.PartialMessageable, duel: Duel, since: float
    ) -> discord.Message | None:
        after = discord.Object(discord.utils.time_snowflake(moment(since - NONCE_REMEMBERED)))
        async for message in channel.history(after=after, limit=MESSAGES_READ, oldest_first=True):
            if self.bot.wrote(message) and carries(message, f"{VoteA.prefix}:{duel.id}"):
                return message
        return None

    async def _reveal(self, duel: Duel) -> None:
        """Show what stood where, with the tagged files; doing it twice shows the same."""
        duels = self.bot.duels
        sides = await duels.duels.sides(duel.id)
        clips = await self._clips(sides)
        card = closed_card(duel, sides, clips, await duels.votes.tally(duel.id), self._folder)
        channel = self.bot.get_partial_messageable(duel.channel_id, guild_id=duel.guild_id)
        message = channel.get_partial_message(duel.message_id or 0)
        try:
            await message.edit(embed=card.embed, attachments=card.files(), view=None)
        except NETWORK_ERRORS:
            raise
        except discord.HTTPException as error:
            if error.status in (401, 429):
                raise
            # Too large, for one: the tagged files weigh more than what was posted, which then stays.
            log.warning("the files of duel %d cannot be shown: %s", duel.id, error)
            await self._reveal_in_words(duel, message, card.embed.set_image(url=None))
        await duels.revealed(duel)

    async def _reveal_in_words(
        self, duel: Duel, message: discord.PartialMessage, embed: discord.Embed
    ) -> None:
        try:
            await message.edit(embed=embed, view=None)
        except (discord.Forbidden, discord.NotFound) as error:
            log.warning("nobody can be shown how duel %d ended: %s", duel.id, error)

    async def _clips(self, sides: dict[Side, DuelSide]) -> dict[Side, Clip]:
        found: dict[Side, Clip] = {}
        for name, side in sides.items():
            with contextlib.suppress(NotFound):
                found[name] = await self.bot.clips.of_job(side.job_id)
        return found

    async def _tell(self, duel: Duel) -> None:
        """Tell the requester that there is no duel."""
        text = f"**Duel {duel.id}** did not come about. {duel.error}"
        if not await self._edit_answer(duel, text):
            channel = self.bot.get_partial_messageable(duel.channel_id, guild_id=duel.guild_id)
            try:
                await channel.send(f"<@{duel.user_id}> {text}", nonce=f"duel-{duel.id}-failed")
            except (discord.Forbidden, discord.NotFound) as error:
                log.warning("nobody could be told that duel %d failed: %s", duel.id, error)
        await self.bot.duels.duels.told(duel.id)

    async def _edit_answer(self, duel: Duel, text: str) -> bool:
        """Edit the answer to the command; False where that is no longer possible."""
        if not self._originals.alive(duel):
            return False
        try:
            await self._originals.edit(duel, content=text)
        except (discord.HTTPException, *NETWORK_ERRORS) as error:
            log.info("the answer of duel %d stays: %s", duel.id, error)
            return False
        return True


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(DuelStage(bot))
