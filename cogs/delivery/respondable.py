"""The requests that the outbox answers, and the messages that it sends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import discord

from bot.app import Antiphon
from bot.locale import language_for
from bot.log import JobIds
from bot.store.job_model import Job
from cogs.ui.language import server_language


class Respondable(JobIds, Protocol):
    """A job or a duel: something that a member requested, whose answer is Discord's original response."""

    @property
    def channel_id(self) -> int:
        """The channel or thread."""

    @property
    def can_post(self) -> bool:
        """Whether the bot's own token may post in the channel."""

    @property
    def application_id(self) -> int:
        """The application whose webhook the answer goes through."""

    @property
    def interaction_token(self) -> str | None:
        """The right to edit the answer; None once Discord has refused it, or it is no longer needed."""

    @property
    def interaction_id(self) -> int | None:
        """Discord's id of the interaction; None for requests of an older version."""

    @property
    def answer_id(self) -> int | None:
        """The message that is the answer, where it is known."""

    @property
    def answer_ephemeral(self) -> bool:
        """Whether only the member sees the answer, so that the bot's own token cannot reach it."""


class ResponseStore(Protocol):
    """Where it is recorded what Discord said about the answers."""

    async def token_over(self, item_id: int, /) -> None:
        """Forget a token that Discord no longer accepts."""

    async def answered(self, item_id: int, answer_id: int, /) -> None:
        """Record the message that is the answer."""


def language_of(bot: Antiphon, item: Respondable) -> str:
    """Return the language of what a job or a duel shows: its member's where they alone see it."""
    if isinstance(item, Job) and (item.guild_id is None or item.answer_ephemeral):
        return language_for(item.locale)
    return server_language(bot, item.guild_id)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message, either edited into the answer or posted.

    embeds: several, in place of `embed`.
    files: opens the attachments anew, because sending uses them up; None leaves those of an edited message.
    ping: the member whom a posted message mentions and notifies.
    """

    content: str | None = None
    embed: discord.Embed | None = None
    embeds: tuple[discord.Embed, ...] = ()
    view: discord.ui.View | None = None
    files: Callable[[], list[discord.File]] | None = None
    ping: int | None = None

    def for_edit(self) -> dict[str, Any]:
        """Return the arguments of an edit; parts that the draft lacks are removed from the message."""
        fields: dict[str, Any] = {"content": self.content, "embeds": self._embeds(), "view": self.view}
        if self.files is not None:
            fields["attachments"] = self.files()
        return fields

    def for_post(self) -> dict[str, Any]:
        """Return the arguments of a new message."""
        mention = f"<@{self.ping}>" if self.ping is not None else None
        fields: dict[str, Any] = {"content": " ".join(filter(None, (mention, self.content))) or None}
        if self.ping is not None:
            fields["allowed_mentions"] = discord.AllowedMentions(users=[discord.Object(self.ping)])
        if embeds := self._embeds():
            fields["embeds"] = embeds
        if self.view is not None:
            fields["view"] = self.view
        if self.files is not None:
            fields["files"] = self.files()
        return fields

    def _embeds(self) -> list[discord.Embed]:
        return [*self.embeds] or ([self.embed] if self.embed is not None else [])


def no_files() -> list[discord.File]:
    """Open no attachments: in an edit they take off those of the message, such as a preview."""
    return []


@dataclass(frozen=True, slots=True)
class Shown:
    """The message in which a draft is shown."""

    message_id: int
    channel_id: int
    guild_id: int | None
    ephemeral: bool = False

    @property
    def link(self) -> str:
        """The message's address in Discord."""
        return f"https://discord.com/channels/{self.guild_id or '@me'}/{self.channel_id}/{self.message_id}"
