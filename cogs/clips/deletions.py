"""Deletion of clips: the message in Discord, then the files, then the record of the pending deletion.

A message that is gone already counts as deleted, so a deletion that was interrupted, or whose answer was
lost, is simply taken up again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from weakref import WeakValueDictionary

import discord
from discord.ext import commands

from bot.app import Antiphon
from bot.errors import NotFound, StoreError
from bot.jobs.files import remove_files
from bot.store.deletions import Deletion
from bot.store.job_model import Job
from cogs.clips.takes import takes_view
from cogs.clips.takes_card import take_of_file, takes_embeds, takes_files
from cogs.ui.discord_errors import INVALID_WEBHOOK_TOKEN, NETWORK_ERRORS, UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK
from cogs.ui.take_choice import NumberedClip

log = logging.getLogger(__name__)

RETRY_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0)
MAX_AT_ONCE = 4
"""Requests under way at once: an erasure can have thousands of messages to delete."""
GIVE_UP_SECONDS = 24 * 3600.0
"""Seconds after which a message that Discord does not delete is left where it is."""


@dataclass(frozen=True, slots=True)
class TakesLeft:
    """The takes of a group, and the clips that stay in their message."""

    bot: Antiphon
    jobs: list[Job]
    clips: list[NumberedClip]

    async def show_in(self, message: discord.Message, folder: Path) -> None:
        """Edit the message so that it shows these clips alone, their files sent again.

        Discord lists no attachment that an embed shows, so pictures cannot be kept. Where the files are gone
        from the disk, the MP3s that the message has are kept, without pictures.
        """
        embeds, view = takes_embeds(self.jobs, self.clips), takes_view(self.bot, self.jobs[0], self.clips)
        try:
            files = takes_files(self.clips, folder)
        except NotFound:
            numbers = {take for take, _ in self.clips}
            kept = [one for one in message.attachments if take_of_file(one.filename) in numbers]
            bare = [embed.set_image(url=None) for embed in embeds]
            await message.edit(embeds=bare, view=view, attachments=kept)
        else:
            await message.edit(embeds=embeds, view=view, attachments=files())


class ClipDeletions(commands.Cog):
    """Works off the table of deletions, one task a deletion."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot
        self._wake = asyncio.Event()
        self._gate = asyncio.Semaphore(MAX_AT_ONCE)
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._loop: asyncio.Task[None] | None = None

    async def cog_load(self) -> None:
        """Resume the deletions that an earlier run did not finish."""
        self.bot.deletions.subscribe(self._wake.set)
        self._wake.set()
        self._loop = asyncio.create_task(self._run(), name="deletions")

    async def cog_unload(self) -> None:
        """Stop; the next start goes on."""
        tasks = [*([self._loop] if self._loop else []), *self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        await self.bot.wait_until_ready()
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                for deletion in await self.bot.deletions.pending():
                    if deletion.id not in self._tasks:
                        task = asyncio.create_task(self._finish(deletion), name=f"delete-{deletion.id}")
                        self._tasks[deletion.id] = task
                        task.add_done_callback(self._ended)
            except Exception:
                log.exception("the deletions could not be read; they are in a while")
                asyncio.get_running_loop().call_later(RETRY_SECONDS[-1], self._wake.set)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks = {key: other for key, other in self._tasks.items() if other is not task}

    async def _finish(self, deletion: Deletion) -> None:
        try:
            await self._delete_message_patiently(deletion)
            remove_files(self.bot.settings.clip_dir, deletion.file, deletion.picture)
            await self.bot.deletions.finished(deletion)
            await self.bot.janitor.sweep()
        except (StoreError, OSError):
            log.exception("deletion %d is taken up again in a while", deletion.id)
            asyncio.get_running_loop().call_later(RETRY_SECONDS[-1], self._wake.set)

    async def _delete_message_patiently(self, deletion: Deletion) -> None:
        attempt = 0
        while True:
            try:
                async with self._gate:
                    await self._delete_message(deletion)
                return
            except (*NETWORK_ERRORS, discord.HTTPException) as error:
                passing = isinstance(error, NETWORK_ERRORS) or error.status in (401, 429)
                if not passing or self.bot.clock() - deletion.requested_at > GIVE_UP_SECONDS:
                    log.warning("message %s stays: %s", deletion.message_id, error)
                    return
                log.warning("deletion %d waits: %s", deletion.id, error)
            await asyncio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            attempt += 1

    async def _delete_message(self, deletion: Deletion) -> None:
        """Delete the message, or the clip's part of it where other takes are in it."""
        if deletion.message_id is None:
            return
        lock = self._locks.setdefault(deletion.message_id, asyncio.Lock())
        async with lock:
            # Read under the lock: two takes that are deleted at once each see the other gone.
            left = await self._takes_left(deletion)
            await self._changed(deletion, deletion.message_id, left)

    async def _takes_left(self, deletion: Deletion) -> TakesLeft | None:
        """Return what the message shows without the deleted clip; None where nothing is left of it."""
        history = self.bot.history
        first = await history.takes_of_clip(deletion.clip_id) if deletion.clip_id is not None else None
        if first is None:
            return None
        clips = await history.clips_of_takes(first)
        shown = [(take, clip) for take, clip in clips if clip.message_id == deletion.message_id]
        return TakesLeft(self.bot, await history.takes(first), shown) if shown else None

    async def _changed(self, deletion: Deletion, message_id: int, left: TakesLeft | None) -> None:
        """Act by the token of the press, and by the bot's own where that is over."""
        folder = self.bot.settings.clip_dir
        if deletion.interaction_token:
            webhook = discord.Webhook.partial(
                deletion.application_id, deletion.interaction_token, client=self.bot
            )
            # The typed parameter is a message id; Discord's route takes this word for the answer itself.
            original = cast(int, "@original")
            try:
                if left is None:
                    await webhook.delete_message(original)
                else:
                    await left.show_in(await webhook.fetch_message(original), folder)
                return
            except discord.HTTPException as error:
                if error.code == UNKNOWN_MESSAGE:
                    return
                if error.code not in (UNKNOWN_WEBHOOK, INVALID_WEBHOOK_TOKEN):
                    raise
        channel = self.bot.get_partial_messageable(deletion.channel_id, guild_id=deletion.guild_id)
        # 404: the message or its channel is gone.
        with contextlib.suppress(discord.NotFound):
            if left is None:
                await channel.get_partial_message(message_id).delete()
            else:
                await left.show_in(await channel.fetch_message(message_id), folder)


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(ClipDeletions(bot))
