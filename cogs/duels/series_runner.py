"""Drives each series of duels: starts the next duel when the last one is over, and posts the result.

All state is in the database, so a series goes on after a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial

import discord
from discord.ext import commands

from bot.app import Antiphon
from bot.errors import ConfigError, NotAllowed
from bot.policy.acts import Act
from bot.policy.limits import daily_limits, refused_duel, refused_recipe
from bot.recipe import Recipe
from bot.store.duels.series import Series, SeriesState
from bot.store.job_model import Request
from cogs.delivery.backoff import with_backoff
from cogs.delivery.post_once import PostOnce
from cogs.delivery.refusals import TOKEN_REVOKED, Refused, Remedy, refusals
from cogs.delivery.respondable import Draft
from cogs.duels.series_card import series_card, series_title
from cogs.ui.gate import member_refusal

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
                if await self.bot.series.step(series, await self._requests(series)):
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

    async def _requests(self, series: Series) -> partial[Request]:
        """Return what turns a recipe into the request of the person who started a series, by today's gate."""
        guild = self.bot.get_guild(series.guild_id)
        member: discord.Member | None = None
        channel: discord.abc.GuildChannel | discord.Thread | None = None
        with contextlib.suppress(discord.NotFound, discord.Forbidden):
            if guild is not None:
                channel = guild.get_channel_or_thread(series.channel_id) or await guild.fetch_channel(
                    series.channel_id
                )
                member = guild.get_member(series.user_id) or await guild.fetch_member(series.user_id)
        return partial(self._request, series, member, channel)

    def _request(
        self,
        series: Series,
        member: discord.Member | None,
        channel: discord.abc.GuildChannel | discord.Thread | None,
        recipe: Recipe,
    ) -> Request:
        """Return the request for a recipe. Raises NotAllowed as for a command of the member."""
        if channel is None:
            raise NotAllowed("Its channel is gone, or I can't see it.")
        if member is None:
            raise NotAllowed("The person who started it isn't in this server any more.")
        server = self.bot.policy.server(series.guild_id)
        for act in (Act.DUEL, Act.ASK):
            if (refusal := member_refusal(self.bot, member, channel, act, recipe.texts)) is not None:
                raise NotAllowed(str(refusal))
        if (switched_off := refused_recipe(recipe, server) or refused_duel([recipe], server)) is not None:
            raise NotAllowed(str(switched_off))
        return Request(
            recipe=recipe,
            user_id=series.user_id,
            guild_id=series.guild_id,
            channel_id=series.channel_id,
            application_id=series.application_id,
            interaction_token="",
            can_post=True,
            max_bytes=series.max_bytes,
            daily=daily_limits(server),
        )

    async def _post(self, series: Series) -> None:
        """Post the result, once. Raises Refused."""
        service = self.bot.series
        card = series_card(series, await service.standings(series))
        title = f"{series_title(series.id)} is over"
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
