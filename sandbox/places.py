"""Changes of channels, threads and guilds: stored, and dispatched to the listeners. Rules are judged before.

Threads archive themselves after `auto_archive_minutes` without activity, and a message unarchives them.
Source: Discord's "Threads" page.
"""

from __future__ import annotations

from sandbox import changes
from sandbox.model import Channel, ChannelType, Guild, Member, Message, Overwrite, Role, ThreadState
from sandbox.world import World


class Places:
    """Changes the channels, threads and guilds of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        for channel in world.channels.values():
            if channel.thread is not None and not channel.thread.archived:
                self._arm(channel, channel.thread)

    # Channels

    def add_channel(self, guild: Guild, name: str, kind: ChannelType = ChannelType.GUILD_TEXT) -> Channel:
        """A new channel of a guild."""
        position = sum(
            one.guild_id == guild.id and one.parent_id is None for one in self.world.channels.values()
        )
        channel = Channel(self.world.ids.next(), kind, name, guild.id, position=position)
        self.world.add_channel(channel)
        self.world.tell(changes.ChannelCreated(channel))
        return channel

    def change_channel(self, channel: Channel) -> None:
        """Store and dispatch a change of a guild's channel or a thread."""
        self.world.add_channel(channel)
        self.world.tell(
            changes.ChannelUpdated(channel) if channel.thread is None else changes.ThreadUpdated(channel)
        )

    def overwrite(self, channel: Channel, overwrite: Overwrite) -> None:
        """Set a permission overwrite of a channel; one that allows and denies nothing is removed."""
        bot = self.world.application_id
        saw = self.world.may_see(bot, channel)
        channel.overwrites.pop(overwrite.id, None)
        if overwrite.allow or overwrite.deny:
            channel.overwrites[overwrite.id] = overwrite
        self.world.add_channel(channel)
        gained = not saw and self.world.may_see(bot, channel)
        self.world.tell(changes.ChannelUpdated(channel, gained))

    def delete_channel(self, channel: Channel) -> None:
        """Remove a guild's channel with its threads, or one thread."""
        if channel.thread is not None:
            seen = self.world.may_see(self.world.application_id, channel)
            self.world.forget_channel(channel)
            self.world.tell(changes.ThreadDeleted(channel, seen))
            return
        for thread in self.world.threads(channel.id):
            self.world.forget_channel(thread)
        self.world.forget_channel(channel)
        self.world.tell(changes.ChannelDeleted(channel))

    # Threads

    def add_thread(
        self,
        parent: Channel,
        name: str,
        owner_id: int,
        *,
        private: bool = False,
        auto_archive_minutes: int = 1440,
        thread_id: int | None = None,
    ) -> Channel:
        """A new thread, its owner in it; `thread_id` is that of the message it starts from."""
        now = self.world.clock.now()
        state = ThreadState(owner_id, now, now, now, auto_archive_minutes, members={owner_id: now})
        kind = ChannelType.PRIVATE_THREAD if private else ChannelType.PUBLIC_THREAD
        key = thread_id or self.world.ids.next()
        thread = Channel(key, kind, name, parent.guild_id, parent_id=parent.id, thread=state)
        self.world.add_channel(thread)
        self._arm(thread, state)
        self.world.tell(changes.ThreadCreated(thread))
        return thread

    def archive(self, thread: Channel, archived: bool = True, *, locked: bool | None = None) -> None:
        """Archive or unarchive a thread; `locked` None leaves the lock unchanged."""
        state = _state(thread)
        now = self.world.clock.now()
        if locked is not None:
            state.locked = locked
        if state.archived != archived:
            state.archived, state.changed_at = archived, now
            if not archived:
                state.active_at = now
                self._arm(thread, state)
        self.change_channel(thread)

    def before_message(self, message: Message) -> None:
        """Before a message is added: unarchive its thread; its author and whom it mentions join."""
        thread = self.world.channels[message.channel_id]
        if thread.thread is None or message.ephemeral_for is not None:
            return
        thread.thread.active_at = self.world.clock.now()
        if thread.thread.archived:
            self.archive(thread, False)
        if message.interaction_id is None:
            members = self.world.guild(thread.guild_id or 0).members
            self.join(thread, message.author_id, *(one for one in message.mentions if one in members))

    def join(self, thread: Channel, *user_ids: int) -> None:
        """Add users to a thread; a private one appears to the bot with its membership."""
        state = _state(thread)
        added = tuple(user_id for user_id in user_ids if user_id not in state.members)
        if not added:
            return
        state.members |= dict.fromkeys(added, self.world.clock.now())
        self.world.add_channel(thread)
        if self.world.application_id in added and thread.type == ChannelType.PRIVATE_THREAD:
            self.world.tell(changes.ThreadCreated(thread, new=False))
        self.world.tell(changes.ThreadMembersChanged(thread, added=added))

    def leave(self, thread: Channel, *user_ids: int) -> None:
        """Take users out of a thread."""
        state = _state(thread)
        removed = tuple(user_id for user_id in user_ids if user_id in state.members)
        for user_id in removed:
            del state.members[user_id]
        if removed:
            self.world.add_channel(thread)
            self.world.tell(changes.ThreadMembersChanged(thread, removed=removed))

    def _arm(self, thread: Channel, state: ThreadState) -> None:
        """Archive the thread once it has been inactive for its time."""

        def look() -> None:
            if self.world.channels.get(thread.id) is not thread or state.archived:
                return
            if due() <= self.world.clock.now():
                self.archive(thread)
            else:
                arm()

        def due() -> float:
            return state.active_at + state.auto_archive_minutes * 60

        def arm() -> None:
            self.world.clock.call_later(due() - self.world.clock.now(), look)

        arm()

    # Guilds

    def set_role(self, guild: Guild, role: Role, permissions: int) -> None:
        """Change a role's permissions."""
        role.permissions = permissions
        self.world.add_guild(guild)
        self.world.tell(changes.RoleChanged(guild, role))

    def set_locale(self, guild: Guild, locale: str) -> None:
        """Change the language of a guild's community."""
        guild.preferred_locale = locale
        self.world.add_guild(guild)
        self.world.tell(changes.GuildChanged(guild))

    def add_bot(self, guild: Guild) -> None:
        """Let the bot join a guild."""
        bot = self.world.application_id
        guild.members[bot] = Member(bot, [], self.world.clock.now())
        self.world.add_guild(guild)
        self.world.tell(changes.BotJoinedGuild(guild))

    def remove_bot(self, guild: Guild) -> None:
        """Kick the bot."""
        bot = self.world.application_id
        guild.members.pop(bot, None)
        for channel in self.world.channels.values():
            if channel.guild_id == guild.id and channel.thread is not None:
                channel.thread.members.pop(bot, None)
        self.world.add_guild(guild)
        self.world.tell(changes.BotLeftGuild(guild))


def _state(thread: Channel) -> ThreadState:
    if thread.thread is None:
        raise ValueError(f"{thread.name} isn't a thread.")
    return thread.thread
