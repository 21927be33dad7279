"""The page's data as one user may see it: the snapshot at the start, and the events after it.

`sandbox/page_api.py` describes the shapes.
"""

from __future__ import annotations

from sandbox import changes
from sandbox.backend import Backend
from sandbox.model import Channel, Interaction, Json, Message, State, User
from sandbox.options import name_of

PAGE = 50
"""Messages a page gets at once."""


class PageView:
    """The world through the eyes of the people in it."""

    def __init__(self, sandbox: Backend) -> None:
        self.sandbox = sandbox

    def snapshot(self, user: User) -> Json:
        """Everything a page needs to show itself to one user."""
        world, payloads = self.sandbox.world, self.sandbox.payloads
        channels = [channel for channel in world.channels.values() if world.may_see(user.id, channel)]
        return {
            "type": "snapshot",
            "you": str(user.id),
            "locale": user.locale,
            "bot": {"id": str(world.application_id), "online": world.online, "process": world.bot_process},
            "upload_limit": self.sandbox.messages.upload_limit,
            "users": [payloads.user(one) for one in world.users.values()],
            "guilds": self.guilds(user),
            "dms": [self.dm(user, channel) for channel in channels if channel.guild_id is None],
            "permissions": self.permissions(user),
            "messages": {str(room.id): self.history(user, room.id) for room in channels},
            "commands": self.commands(user),
            "used": world.used(user.id),
            "welcome": self.sandbox.welcome,
        }

    def guilds(self, user: User) -> list[Json]:
        """The guilds of a user, with the channels and threads that the user sees."""
        world, payloads = self.sandbox.world, self.sandbox.payloads
        return [
            {
                "id": str(guild.id),
                "name": guild.name,
                "owner_id": str(guild.owner_id),
                "roles": [payloads.role(role) for role in guild.roles.values()],
                "members": [payloads.member(member) for member in guild.members.values()],
                "channels": [
                    payloads.channel(channel)
                    for channel in world.channels.values()
                    if channel.guild_id == guild.id and world.may_see(user.id, channel)
                ],
                "has_bot": world.application_id in guild.members,
            }
            for guild in world.guilds.values()
            if user.id in guild.members
        ]

    def permissions(self, user: User) -> Json:
        """The user's permission bits, by channel."""
        world = self.sandbox.world
        return {
            str(channel.id): str(world.permissions(user.id, channel))
            for channel in world.channels.values()
            if world.may_see(user.id, channel)
        }

    def history(self, user: User, channel_id: int, before: int | None = None) -> list[Json]:
        """A page of a channel's messages older than the id `before`, oldest first."""
        history = self.sandbox.world.history(channel_id)
        shown = [one for one in history if (before is None or one.id < before) and self.sees(user, one)]
        return [self.message(one) for one in shown[-PAGE:]]

    def message(self, message: Message) -> Json:
        """A message as the page gets it."""
        interaction = self.sandbox.world.interactions.get(message.interaction_id or 0)
        awaited = interaction is not None and interaction.state is State.THINKING
        marks = {
            "thinking": message.loading and awaited,
            "failed": message.loading and not awaited,
            "ephemeral": message.ephemeral_for is not None,
            "command": None if interaction is None else name_of(interaction.data),
        }
        reactors = {emoji: [str(key) for key in users] for emoji, users in message.reactions.items()}
        return self.sandbox.payloads.message(message) | marks | {"reactors": reactors}

    def interaction(self, interaction: Interaction) -> Json:
        """An interaction as the page gets it."""
        data = interaction.data
        return {
            "id": str(interaction.id),
            "type": int(interaction.type),
            "state": str(interaction.state),
            "channel_id": str(interaction.channel_id),
            "message_id": _text(interaction.message_id),
            "command": data.get("name"),
            "custom_id": data.get("custom_id"),
            "response_message_id": _text(interaction.response_message_id),
            "modal": interaction.modal,
            "choices": interaction.choices,
        }

    def dm(self, user: User, channel: Channel) -> Json:
        """A private channel as one of its people sees it: the others are its recipients."""
        others = [self.sandbox.world.user(key) for key in channel.recipients if key != user.id]
        return self.sandbox.payloads.channel(channel) | {
            "recipients": [self.sandbox.payloads.user(one) for one in others]
        }

    def commands(self, user: User) -> Json:
        """The commands offered to a user, by channel."""
        world, client = self.sandbox.world, self.sandbox.client
        channels = [channel for channel in world.channels.values() if world.may_see(user.id, channel)]
        return {
            str(room.id): [
                _in_language(self.sandbox.payloads.command(one), user.locale)
                for one in client.offered(user, room)
            ]
            for room in channels
        }

    def sees(self, user: User, message: Message) -> bool:
        """Whether a message is there for a user."""
        channel = self.sandbox.world.channel(message.channel_id)
        return message.ephemeral_for in (None, user.id) and self.sandbox.world.may_see(user.id, channel)

    def news(self, user: User, change: changes.Change) -> list[Json]:
        """Return the page's events for a change; none where the user may not see it."""
        if isinstance(change, changes.MessagesDeleted):
            single = [self._news(user, changes.MessageDeleted(one)) for one in change.messages]
            return [body for body in single if body is not None]
        body = self._news(user, change)
        return [] if body is None else [body]

    def _news(self, user: User, change: changes.Change) -> Json | None:
        match change:
            case changes.MessageCreated(message) | changes.MessageUpdated(message) if self.sees(
                user, message
            ):
                new = isinstance(change, changes.MessageCreated)
                return {"type": "message", "new": new, "message": self.message(message)}
            case changes.ReactionToggled(message) | changes.ReactionsCleared(message) if self.sees(
                user, message
            ):
                return {"type": "message", "new": False, "message": self.message(message)}
            case changes.MessageDeleted(message) if self.sees(user, message):
                return {
                    "type": "message_deleted",
                    "channel_id": str(message.channel_id),
                    "id": str(message.id),
                }
            case changes.InteractionSent(interaction) | changes.InteractionChanged(interaction):
                if interaction.user_id == user.id:
                    return {"type": "interaction", "interaction": self.interaction(interaction)}
            case changes.Typing(channel, who) if (
                self.sandbox.world.may_see(user.id, channel) and who != user.id
            ):
                return {"type": "typing", "channel_id": str(channel.id), "user_id": str(who)}
            case changes.ChannelCreated(channel) if (
                channel.guild_id is None and user.id in channel.recipients
            ):
                return {"type": "channel", "channel": self.dm(user, channel)}
            case (
                changes.ChannelCreated()
                | changes.ChannelUpdated()
                | changes.ChannelDeleted()
                | changes.ThreadCreated()
                | changes.ThreadUpdated()
                | changes.ThreadDeleted()
                | changes.ThreadMembersChanged()
                | changes.GuildChanged()
                | changes.RoleChanged()
                | changes.BotJoinedGuild()
                | changes.BotLeftGuild()
            ):
                return {
                    "type": "places",
                    "guilds": self.guilds(user),
                    "permissions": self.permissions(user),
                    "commands": self.commands(user),
                }
            case changes.BotChanged(online):
                return {"type": "bot", "online": online, "process": self.sandbox.world.bot_process}
            case changes.CommandsChanged():
                return {"type": "commands", "commands": self.commands(user)}
        return None


def _in_language(command: Json, locale: str) -> Json:
    """Return a command, option or choice as a client of a locale shows it; names to be typed stay."""
    found = dict(command)
    for text in ("description", "name"):
        localized = (command.get(f"{text}_localizations") or {}).get(locale)
        # Names of commands are what the page sends back; those of choices are shown alone.
        if localized is not None and (text == "description" or "value" in command):
            found[text] = localized
    for inner in ("options", "choices"):
        if command.get(inner):
            found[inner] = [_in_language(one, locale) for one in command[inner]]
    return found


def _text(key: int | None) -> str | None:
    return None if key is None else str(key)
