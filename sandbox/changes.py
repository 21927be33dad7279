"""What may happen in the world, told to whoever listens: the gateway, the page, and waiting tests."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.model import Channel, Interaction, Message


@dataclass(frozen=True)
class MessageCreated:
    """A message appeared."""

    message: Message


@dataclass(frozen=True)
class MessageUpdated:
    """A message was edited, or stopped loading."""

    message: Message


@dataclass(frozen=True)
class MessageDeleted:
    """A message is gone."""

    message: Message


@dataclass(frozen=True)
class Typing:
    """Somebody types in a channel."""

    channel: Channel
    user_id: int


@dataclass(frozen=True)
class InteractionSent:
    """A member did something that the bot has to answer."""

    interaction: Interaction


@dataclass(frozen=True)
class InteractionChanged:
    """An interaction was acknowledged, answered or given up."""

    interaction: Interaction


@dataclass(frozen=True)
class CommandsChanged:
    """The bot registered, changed or removed commands."""


@dataclass(frozen=True)
class ChannelCreated:
    """A DM was opened."""

    channel: Channel


@dataclass(frozen=True)
class BotChanged:
    """One of the bot's shards came or went; `online` says whether any is there."""

    online: bool


Change = (
    MessageCreated
    | MessageUpdated
    | MessageDeleted
    | Typing
    | InteractionSent
    | InteractionChanged
    | CommandsChanged
    | ChannelCreated
    | BotChanged
)


def interaction_of(change: Change) -> int | None:
    """The interaction that a change is about: itself, or the one that a message answers."""
    match change:
        case MessageCreated(message) | MessageUpdated(message) | MessageDeleted(message):
            return message.interaction_id
        case InteractionSent(interaction) | InteractionChanged(interaction):
            return interaction.id
        case _:
            return None
