"""Drives each series of duels: starts the next duel when the last one is over, and posts the result.

All state is in the database, so a series goes on after a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial

from discord.ext import commands

from bot.app import Antiphon
from bot.errors import ConfigError
from bot.locale import speaking
from bot.policy.acts import Act
from bot.store.duels.series import Series, SeriesState
from cogs.delivery.backoff import with_backoff
from cogs.delivery.post_once import PostOnce
from cogs.delivery.refusals import TOKEN_REVOKED, Refused, Remedy, refusals
from cogs.delivery.respondable import Draft
from cogs.duels.series_card import over_title, series_card
from cogs.submission.later import later_requests
from cogs.ui.language import server_language

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 5.0


class SeriesRunner(commands.Cog):
    """One loop for all series, which are few."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot
        self._posts = PostOnce(bot)
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    async def cog_load(self) -> None:
        """Start the loop, which also resumes the series of an earlier run."""
        self.bot.duels.subscribe(self._wake.set)
        self._loop = asyncio.create_task(self._run(), name="series")

    async def cog_unload(self) -> None:
        """End the loop; the next start resumes from the database."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def _run(self) -> None:
        await self.bot.wait_until_ready()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_AGAIN_SECONDS)
            self._wake.clear()
            try:
                for series in await self.bot.series.store.going():
                    await self._step(series)
            except Exception:
                log.exception("the series could not be looked at; they are in a while")

    async def _step(self, series: Series) -> None:
        try:
            if series.state is SeriesState.RUNNING:
                if await self.bot.series.step(
                    series, await later_requests(self.bot, series, Act.DUEL, Act.ASK)
                ):
                    self._wake.set()
            elif (
                series.state is SeriesState.ENDED
                and (await self.bot.series.store.progress(series.id)).unfinished is None
            ):
                await with_backoff(partial(self._post, series), f"series {series.id}")
        except Refused as refused:
            if refused.remedy is Remedy.REVOKED:
                self.bot.stop(ConfigError(TOKEN_REVOKED))
            log.warning("the result of series %d cannot be shown: %s", series.id, refused)
            await self.bot.series.store.posted(series.id)
        except Exception:
            log.exception("series %d broke; it is tried again in a while", series.id)

    async def _post(self, series: Series) -> None:
        """Post the result, once. Raises Refused."""
        service = self.bot.series
        with speaking(server_language(self.bot, series.guild_id)):
            card = series_card(series, await service.standings(series))
            title = over_title(series.id)
        channel = self.bot.get_partial_messageable(series.channel_id, guild_id=series.guild_id)
        with refusals():
            await self._posts.post(
                channel,
                Draft(embed=card, ping=series.user_id),
                nonce=f"series-{series.id}-result",
                intend=lambda: service.store.posting(series.id, self.bot.clock()),
                after=None,
                is_it=lambda message: any(embed.title == title for embed in message.embeds),
            )
        await service.store.posted(series.id)


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(SeriesRunner(bot))
