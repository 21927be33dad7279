"""Everything that exists, in memory and in the store, and the one place where it changes.

Each method keeps the change and tells it to the listeners; what a change may be is judged before, by rules.
"""

from __future__ import annotations

import json
import secrets
from bisect import insort
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from sandbox import changes
from sandbox.clock import Clock
from sandbox.errors import unknown
from sandbox.model import (
    MEMBER_PERMISSIONS,
    AppSettings,
    Attachment,
    Channel,
    ChannelType,
    Command,
    Guild,
    Interaction,
    Json,
    Message,
    Permission,
    User,
)
from sandbox.permissions import everyone_permissions, member_permissions
from sandbox.snowflake import Snowflakes, timestamp
from sandbox.store import Store

LINK_LIFE = 24 * 3600
"""Seconds until the link to an attachment expires; source: Discord's "Signed Attachment CDN URLs"."""
TOKEN_LIFE = 15 * 60.0
"""Seconds an interaction token is good for; source: Discord's "Receiving and Responding"."""

T = TypeVar("T")
Listener = Callable[[changes.Change], None]


class World:
    """Users, guilds, channels, messages, commands and interactions of one sandbox."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.ids = Snowflakes(clock, store.largest_id())
        self.users = {user.id: user for user in store.load(User)}
        self.guilds = {guild.id: guild for guild in store.load(Guild)}
        self.channels = {channel.id: channel for channel in store.load(Channel)}
        self.commands = {command.id: command for command in store.load(Command)}
        self.messages = {message.id: message for message in store.load(Message)}
        self.interactions: dict[int, Interaction] = {}
        self.tokens: dict[str, Interaction] = {}
        self.uploads: dict[int, Attachment] = {}
        """Files that a member has uploaded for an option or a modal; messages hold their own."""
        self.app = AppSettings()
        self.shards_online = 0
        self.bot_process = False
        """Whether the bot's process is known to run."""
        self.shards = 1
        """How many shards the bot says it has."""
        self._history: dict[int, list[int]] = {}
        self._listeners: dict[int | None, list[Listener]] = {None: []}
        for message in self.messages.values():
            self._history.setdefault(message.channel_id, []).append(message.id)
        for interaction in store.load(Interaction):
            if interaction.created_at + TOKEN_LIFE > clock.now():
                self.interactions[interaction.id] = interaction
                self.tokens[interaction.token] = interaction
            else:
                store.delete(interaction)
        self._forget_strays()
        self.secret = store.setting("secret", secrets.token_hex(32))
        self.application_id = int(store.setting("application_id", "0"))
        self.owner_id = int(store.setting("owner_id", "0"))
        self.bot_token = store.setting("bot_token", f"sandbox.{secrets.token_urlsafe(24)}")

    def _forget_strays(self) -> None:
        """Drop files that no message holds once every link to them has expired: options, discarded drafts."""
        held = {attachment.id for message in self.messages.values() for attachment in message.attachments}
        for key in self.store.file_ids() - held:
            if timestamp(key) + LINK_LIFE < self.clock.now():
                self.store.delete_file(key)

    # Telling

    def listen(self, listener: Listener, *, interaction_id: int | None = None) -> Callable[[], None]:
        """Call `listener` with every change from now on; the returned function ends it.

        With `interaction_id`, only with what happens to that interaction and the messages that answer it.
        """
        listeners = self._listeners.setdefault(interaction_id, [])
        listeners.append(listener)

        def stop() -> None:
            if listener in listeners:
                listeners.remove(listener)
            if interaction_id is not None and not listeners:
                self._listeners.pop(interaction_id, None)

        return stop

    def tell(self, change: changes.Change) -> None:
        """Hand a change to every listener, in the order they came."""
        about = changes.interaction_of(change)
        for listener in [*self._listeners[None], *(self._listeners.get(about, ()) if about else ())]:
            listener(change)

    # Finding

    @property
    def bot(self) -> User:
        """The bot's own user."""
        return self.users[self.application_id]

    def user(self, user_id: int) -> User:
        """The user, or ApiError 10013."""
        return _found(self.users, user_id, "User")

    def guild(self, guild_id: int) -> Guild:
        """The guild, or ApiError 10004."""
        return _found(self.guilds, guild_id, "Guild")

    def channel(self, channel_id: int) -> Channel:
        """The channel, or ApiError 10003."""
        return _found(self.channels, channel_id, "Channel")

    def message(self, channel_id: int, message_id: int) -> Message:
        """The message of that channel, or ApiError 10008."""
        message = _found(self.messages, message_id, "Message")
        if message.channel_id != channel_id:
            raise unknown("Message")
        return message

    def history(self, channel_id: int) -> list[Message]:
        """The channel's messages, oldest first, ephemeral ones among them."""
        return [self.messages[key] for key in self._history.get(channel_id, ())]

    def dm(self, *user_ids: int) -> Channel:
        """The private channel of exactly these users, opened if there is none."""
        people = sorted(user_ids)
        for channel in self.channels.values():
            if channel.guild_id is None and sorted(channel.recipients) == people:
                return channel
        kind = ChannelType.DM if len(people) <= 2 else ChannelType.GROUP_DM
        channel = Channel(self.ids.next(), kind, recipients=people)
        self.add_channel(channel)
        self.tell(changes.ChannelCreated(channel))
        return channel

    def parent(self, channel: Channel) -> Channel:
        """The channel whose overwrites count: a thread's parent, else the channel itself."""
        return channel if channel.parent_id is None else self.channels[channel.parent_id]

    def threads(self, parent_id: int) -> list[Channel]:
        """The threads of a channel, archived ones among them."""
        return [channel for channel in self.channels.values() if channel.parent_id == parent_id]

    def may_see(self, user_id: int, channel: Channel) -> bool:
        """Whether a user sees a channel.

        A guild's channel needs View Channel, a private thread also membership or Manage Threads. A private
        channel is seen by its recipients.
        """
        if channel.guild_id is None:
            return user_id in channel.recipients
        bits = self.permissions(user_id, channel)
        if not bits & Permission.VIEW_CHANNEL:
            return False
        if channel.type != ChannelType.PRIVATE_THREAD or channel.thread is None:
            return True
        return user_id in channel.thread.members or bool(bits & Permission.MANAGE_THREADS)

    def permissions(self, user_id: int, channel: Channel) -> int:
        """The user's permission bits in a channel; private channels grant what members have."""
        if channel.guild_id is None:
            return MEMBER_PERMISSIONS if user_id in channel.recipients else 0
        return member_permissions(self.guilds[channel.guild_id], self.parent(channel), user_id)

    def everyone_permissions(self, channel: Channel) -> int:
        """The permission bits of @everyone in a guild's channel."""
        return everyone_permissions(self.guild(channel.guild_id or 0), self.parent(channel))

    def in_guild(self, user_id: int, channel: Channel) -> bool:
        """Whether a user is a member of the channel's guild, or among its recipients."""
        if channel.guild_id is None:
            return user_id in channel.recipients
        return user_id in self.guilds[channel.guild_id].members

    def blocked_words(self, channel: Channel) -> dict[str, int]:
        """AutoMod's keywords in a channel, the guild's among them, each with the code of its refusal."""
        guild = self.guilds.get(channel.guild_id or 0)
        if guild is None:
            return {}
        return guild.blocked_words | self.parent(channel).blocked_words | channel.blocked_words

    def commands_of(self, guild_id: int | None) -> list[Command]:
        """The commands registered for one guild, or the global ones."""
        return [command for command in self.commands.values() if command.guild_id == guild_id]

    # Changing

    def set(self, name: str, value: int) -> None:
        """Keep `application_id` or `owner_id`, for a new file."""
        self.store.replace_setting(name, str(value))
        setattr(self, name, value)

    def used(self, user_id: int) -> dict[str, int]:
        """How often somebody has used each command, by its full name."""
        return cast(dict[str, int], json.loads(self.store.setting(f"used {user_id}", "{}")))

    def note_use(self, user_id: int, command: str) -> None:
        """Count one use of a command."""
        used = self.used(user_id)
        used[command] = used.get(command, 0) + 1
        self.store.replace_setting(f"used {user_id}", json.dumps(used))

    def add_user(self, user: User) -> User:
        """Keep a user."""
        self.users[user.id] = user
        self.store.put(user)
        return user

    def add_guild(self, guild: Guild) -> Guild:
        """Keep a guild; call again after changing its members or roles."""
        self.guilds[guild.id] = guild
        self.store.put(guild)
        return guild

    def add_channel(self, channel: Channel) -> Channel:
        """Keep a channel."""
        self.channels[channel.id] = channel
        self.store.put(channel)
        return channel

    def add_message(self, message: Message) -> Message:
        """Put a new message into its channel."""
        self.messages[message.id] = message
        insort(self._history.setdefault(message.channel_id, []), message.id)
        channel = self.channels[message.channel_id]
        if message.ephemeral_for is None:
            channel.last_message_id = message.id
            if channel.thread is not None:
                channel.thread.messages_sent += 1
            self.store.put(channel)
        self.store.put(message)
        self.tell(changes.MessageCreated(message))
        return message

    def change_message(self, message: Message) -> Message:
        """Store a changed message, and notify the listeners."""
        self.store.put(message)
        self.tell(changes.MessageUpdated(message))
        return message

    def note_reaction(self, change: changes.ReactionToggled | changes.ReactionsCleared) -> None:
        """Store a message whose reactions changed, and notify the listeners."""
        self.store.put(change.message)
        self.tell(change)

    def delete_message(self, message: Message) -> None:
        """Remove a message, its files with it."""
        self._forget_message(message)
        self.tell(changes.MessageDeleted(message))

    def delete_messages(self, channel: Channel, messages: list[Message]) -> None:
        """Remove several messages of a channel at once."""
        for message in messages:
            self._forget_message(message)
        self.tell(changes.MessagesDeleted(channel, tuple(messages)))

    def forget_channel(self, channel: Channel) -> None:
        """Remove a channel with its messages, without a change to the listeners."""
        for message in self.history(channel.id):
            self._forget_message(message)
        del self.channels[channel.id]
        self.store.delete(channel)

    def _forget_message(self, message: Message) -> None:
        del self.messages[message.id]
        self._history[message.channel_id].remove(message.id)
        for attachment in message.attachments:
            self.store.delete_file(attachment.id)
        self.store.delete(message)

    def keep_file(self, attachment: Attachment, body: bytes) -> Attachment:
        """Keep the bytes of an upload."""
        self.store.put_file(attachment.id, body)
        return attachment

    def set_commands(self, gone: Iterable[Command], new: Iterable[Command]) -> None:
        """Replace some commands by others."""
        for command in gone:
            self.commands.pop(command.id, None)
            self.store.delete(command)
        for command in new:
            self.commands[command.id] = command
            self.store.put(command)
        self.tell(changes.CommandsChanged())

    def add_interaction(self, interaction: Interaction) -> None:
        """Keep a new interaction and hand it to the bot."""
        self.interactions[interaction.id] = interaction
        self.tokens[interaction.token] = interaction
        self.store.put(interaction)
        self.tell(changes.InteractionSent(interaction))

    def change_interaction(self, interaction: Interaction) -> None:
        """Keep and tell what became of an interaction."""
        self.store.put(interaction)
        self.tell(changes.InteractionChanged(interaction))

    @property
    def online(self) -> bool:
        """Whether the bot has a connection to the gateway."""
        return self.shards_online > 0

    def set_shards_online(self, online: int, shards: int) -> None:
        """Note how many of the bot's shards are connected."""
        if (online, shards) != (self.shards_online, self.shards):
            self.shards_online, self.shards = online, shards
            self.tell(changes.BotChanged(self.online))

    def set_bot_process(self, runs: bool) -> None:
        """Note whether the bot's process runs."""
        if runs != self.bot_process:
            self.bot_process = runs
            self.tell(changes.BotChanged(self.online))

    def new_message(self, channel: Channel, author_id: int, **fields: Any) -> Message:
        """A message that is not yet in its channel."""
        return Message(self.ids.next(), channel.id, author_id, self.clock.now(), **fields)

    def reference(self, channel_id: int, message_id: int) -> Json:
        """A `message_reference` to a message."""
        guild_id = self.channel(channel_id).guild_id
        body = {"type": 0, "channel_id": str(channel_id), "message_id": str(message_id)}
        return body if guild_id is None else body | {"guild_id": str(guild_id)}

    def metadata(self, interaction: Interaction) -> Json:
        """`interaction_metadata` for the messages that answer `interaction`."""
        body: Json = {
            "id": str(interaction.id),
            "type": int(interaction.type),
            "user_id": interaction.user_id,
            "authorizing_integration_owners": {k: str(v) for k, v in interaction.owners.items()},
        }
        return body | interaction.metadata


def _found(things: dict[int, T], key: int, what: str) -> T:
    thing = things.get(key)
    if thing is None:
        raise unknown(what)
    return thing
