"""Drives each series of duels: starts the next duel when the last one is over, and posts the result.

All state is in the database, so a series goes on after a restart. Each has a task of its own: none waits for
another one's retries.
"""

from __future__ import annotations

import logging
from functools import partial

import discord
from discord.ext import commands

from bot.app import Antiphon
from bot.errors import ConfigError
from bot.locale import speaking, tr
from bot.policy.acts import Act
from bot.store.duels.series import Series, SeriesState
from cogs.delivery.backoff import with_backoff
from cogs.delivery.direct_message import direct_channel
from cogs.delivery.post_once import PostOnce, unarchive
from cogs.delivery.refusals import TOKEN_REVOKED, Refused, Remedy
from cogs.delivery.respondable import Draft
from cogs.delivery.stored_loop import StoredLoop
from cogs.duels.series_card import series_card
from cogs.submission.later import later_requests
from cogs.ui.language import server_language

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 5.0


class SeriesRunner(commands.Cog):
    """Takes the next step of each series that has something to do."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot
        self._posts = PostOnce(bot)
        self._loop = StoredLoop("series", bot.series.store.going, self._step, LOOK_AGAIN_SECONDS)

    async def cog_load(self) -> None:
        """Start the loop, which also resumes the series of an earlier run."""
        self.bot.duels.subscribe(self._loop.wake)
        self._loop.start(self.bot.wait_until_ready)

    async def cog_unload(self) -> None:
        """Cancel the tasks; the next start resumes from the database."""
        await self._loop.close()

    async def _step(self, series: Series) -> None:
        # Read anew: a task that has ended since the loop looked may have taken this step.
        series = await self.bot.series.store.get(series.id, series.guild_id)
        if series.state is SeriesState.RUNNING:
            if await self.bot.series.step(series, await later_requests(self.bot, series, Act.DUEL, Act.ASK)):
                self._loop.wake()
        elif (
            series.state is SeriesState.ENDED
            and (await self.bot.series.store.progress(series.id)).unfinished is None
        ):
            await self._show_result(series)

    async def _show_result(self, series: Series) -> None:
        """Show the result once: in the channel, else in a direct message to whoever started the series."""
        service = self.bot.series
        with speaking(server_language(self.bot, series.guild_id)):
            card = series_card(series, await service.standings(series))
            note = tr("I couldn't post the result of your series in its channel, so here it is.")
        ways = (
            partial(self._post_in_channel, series, Draft(embed=card, ping=series.user_id)),
            partial(self._send_directly, series, Draft(note, embed=card)),
        )
        for way in ways:
            try:
                await with_backoff(way, f"series {series.id}")
                break
            except Refused as refused:
                if refused.remedy is Remedy.REVOKED:
                    self.bot.stop(ConfigError(TOKEN_REVOKED))
                    return
                log.info("the result of series %d was not shown: %s", series.id, refused)
        else:
            log.warning("nobody can be shown how series %d ended", series.id)
        await service.store.posted(series.id)

    async def _post_in_channel(self, series: Series, draft: Draft) -> None:
        """Post the result, unarchiving its thread where that is needed. Raises Refused."""
        channel = self.bot.get_partial_messageable(series.channel_id, guild_id=series.guild_id)
        try:
            await self._post(channel, series, draft)
        except Refused as refused:
            if refused.remedy is not Remedy.UNARCHIVE or not await unarchive(self.bot, series.channel_id):
                raise
            await self._post(channel, series, draft)

    async def _send_directly(self, series: Series, draft: Draft) -> None:
        """Send the result to whoever started the series. Raises Refused."""
        await self._post(await direct_channel(self.bot, series.user_id), series, draft)

    async def _post(
        self, channel: discord.PartialMessageable | discord.DMChannel, series: Series, draft: Draft
    ) -> None:
        title = draft.embed.title if draft.embed else None
        await self._posts.post(
            channel,
            draft,
            nonce=f"series-{series.id}-result",
            intend=lambda: self.bot.series.store.posting(series.id, self.bot.clock()),
            after=None,
            is_it=lambda message: any(embed.title == title for embed in message.embeds),
        )


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(SeriesRunner(bot))
