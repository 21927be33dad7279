"""Requests that the bot makes later for a member, by the gate of that moment."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Protocol

import discord

from bot.app import Antiphon
from bot.errors import NotAllowed, WordsRefused
from bot.policy.acts import Act
from bot.policy.gate import Cause
from bot.policy.limits import daily_limits, refused_duel, refused_recipe
from bot.recipe import Recipe
from bot.store.job_model import Request
from cogs.ui.gate import member_refusal


class Asker(Protocol):
    """What is kept of a request whose clips are queued one after another: by whom, and where."""

    @property
    def user_id(self) -> int:
        """The member."""

    @property
    def guild_id(self) -> int:
        """The server."""

    @property
    def channel_id(self) -> int:
        """The channel or thread."""

    @property
    def application_id(self) -> int:
        """The application that was asked."""

    @property
    def max_bytes(self) -> int:
        """The size limit of a clip there, in bytes."""


async def later_requests(bot: Antiphon, asker: Asker, *acts: Act) -> Callable[[Recipe], Request]:
    """Return what turns a recipe into the member's request, by today's gate for these acts.

    It raises NotAllowed as for a command of the member, WordsRefused for its words.
    """
    guild = bot.get_guild(asker.guild_id)
    member: discord.Member | None = None
    channel: discord.abc.GuildChannel | discord.Thread | None = None
    with contextlib.suppress(discord.NotFound, discord.Forbidden):
        if guild is not None:
            channel = guild.get_channel_or_thread(asker.channel_id) or await guild.fetch_channel(
                asker.channel_id
            )
            member = guild.get_member(asker.user_id) or await guild.fetch_member(asker.user_id)

    def request(recipe: Recipe) -> Request:
        if channel is None:
            raise NotAllowed("Its channel is gone, or I can't see it.")
        if isinstance(channel, discord.Thread) and channel.archived and channel.locked:
            raise NotAllowed("Its thread is locked.")
        if member is None:
            raise NotAllowed("The person who started it isn't in this server any more.")
        server = bot.policy.server(asker.guild_id)
        for act in acts:
            if (refusal := member_refusal(bot, member, channel, act, recipe.texts)) is not None:
                raise (WordsRefused if refusal.cause in (Cause.WORD, Cause.LINK) else NotAllowed)(
                    str(refusal)
                )
        duel_refusal = refused_duel([recipe], server) if Act.DUEL in acts else None
        if (switched_off := refused_recipe(recipe, server) or duel_refusal) is not None:
            raise NotAllowed(str(switched_off))
        return Request(
            recipe=recipe,
            user_id=asker.user_id,
            guild_id=asker.guild_id,
            channel_id=asker.channel_id,
            application_id=asker.application_id,
            interaction_token="",
            can_post=True,
            max_bytes=asker.max_bytes,
            daily=daily_limits(server),
        )

    return request
