"""The changes of the world, as its listeners get them: the gateway, the page, and waiting tests."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.model import Channel, Guild, Interaction, Message, Role


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
class MessagesDeleted:
    """Several messages of one channel are gone at once."""

    channel: Channel
    messages: tuple[Message, ...]


@dataclass(frozen=True)
class ReactionToggled:
    """A user reacted to a message, or took the reaction back (`added` False)."""

    message: Message
    user_id: int
    emoji: str
    added: bool


@dataclass(frozen=True)
class ReactionsCleared:
    """A moderator removed all reactions to a message, or those with one emoji."""

    message: Message
    emoji: str | None = None


@dataclass(frozen=True)
class Typing:
    """A user types in a channel."""

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
    """A DM was opened, or a guild has a new channel."""

    channel: Channel


@dataclass(frozen=True)
class ChannelUpdated:
    """A guild's channel was changed: its overwrites, its slow mode, its name."""

    channel: Channel
    gained: bool = False
    """Whether the bot sees it only now."""


@dataclass(frozen=True)
class ChannelDeleted:
    """A guild's channel is gone, its messages and threads with it."""

    channel: Channel


@dataclass(frozen=True)
class ThreadCreated:
    """A thread appeared, or the bot was added to a private one (`new` False)."""

    thread: Channel
    new: bool = True


@dataclass(frozen=True)
class ThreadUpdated:
    """A thread was archived, unarchived, locked, unlocked or renamed."""

    thread: Channel


@dataclass(frozen=True)
class ThreadDeleted:
    """A thread was deleted. seen: whether the bot saw it."""

    thread: Channel
    seen: bool


@dataclass(frozen=True)
class ThreadMembersChanged:
    """Users joined or left a thread."""

    thread: Channel
    added: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()


@dataclass(frozen=True)
class GuildChanged:
    """A guild's own settings were changed."""

    guild: Guild


@dataclass(frozen=True)
class RoleChanged:
    """A role's permissions were changed."""

    guild: Guild
    role: Role


@dataclass(frozen=True)
class BotJoinedGuild:
    """The bot was added to a guild."""

    guild: Guild


@dataclass(frozen=True)
class BotLeftGuild:
    """The bot was kicked, or the guild is gone."""

    guild: Guild


@dataclass(frozen=True)
class BotChanged:
    """One of the bot's shards or its process came or went; `online` says whether any shard is there."""

    online: bool


Change = (
    MessageCreated
    | MessageUpdated
    | MessageDeleted
    | MessagesDeleted
    | ReactionToggled
    | ReactionsCleared
    | Typing
    | InteractionSent
    | InteractionChanged
    | CommandsChanged
    | ChannelCreated
    | ChannelUpdated
    | ChannelDeleted
    | ThreadCreated
    | ThreadUpdated
    | ThreadDeleted
    | ThreadMembersChanged
    | GuildChanged
    | RoleChanged
    | BotJoinedGuild
    | BotLeftGuild
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
