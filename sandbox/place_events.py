"""The gateway events of channels, threads and guilds.

Source: "Channels" and "Guilds" in Discord's gateway events. A bot has every channel of its guilds, but only
the threads that it may view.
"""

from __future__ import annotations

from sandbox import changes
from sandbox.channel_payloads import COUNTED_MEMBERS, thread_member
from sandbox.events import Intent, Outgoing
from sandbox.model import Channel, Json
from sandbox.payloads import Payloads
from sandbox.world import World


class PlaceEvents:
    """Gateway events of channels, threads and guilds."""

    def __init__(self, world: World, payloads: Payloads) -> None:
        self.world = world
        self.payloads = payloads

    def events(self, change: changes.Change) -> list[Outgoing]:
        """Return the events of a change; none for other changes, or where the bot is not a member."""
        match change:
            case changes.BotJoinedGuild(guild):
                # A guild that is new to the bot has no `unavailable`, unlike one that has come back.
                body = self.payloads.guild_create(guild)
                del body["unavailable"]
                return [self._event("GUILD_CREATE", body, guild.id)]
            case changes.BotLeftGuild(guild):
                return [self._event("GUILD_DELETE", {"id": str(guild.id)}, guild.id)]
            case changes.GuildChanged(guild) if self._in(guild.id):
                return [self._event("GUILD_UPDATE", self.payloads.guild(guild), guild.id)]
            case changes.RoleChanged(guild, role) if self._in(guild.id):
                body = {"guild_id": str(guild.id), "role": self.payloads.role(role)}
                return [self._event("GUILD_ROLE_UPDATE", body, guild.id)]
            case changes.ChannelCreated(channel) if self._in(channel.guild_id):
                return [self._channel("CHANNEL_CREATE", channel)]
            case changes.ChannelUpdated(channel, gained) if self._in(channel.guild_id):
                events = [self._channel("CHANNEL_UPDATE", channel)]
                return [*events, self._sync(channel)] if gained else events
            case changes.ChannelDeleted(channel) if self._in(channel.guild_id):
                return [self._channel("CHANNEL_DELETE", channel)]
            case changes.ThreadCreated(thread, new) if self._sees(thread):
                extra = {"newly_created": True} if new else {}
                return [self._channel("THREAD_CREATE", thread, **extra)]
            case changes.ThreadUpdated(thread) if self._sees(thread):
                return [self._channel("THREAD_UPDATE", thread)]
            case changes.ThreadDeleted(thread, True):
                gone: Json = {
                    "id": str(thread.id),
                    "guild_id": str(thread.guild_id),
                    "parent_id": str(thread.parent_id),
                    "type": int(thread.type),
                }
                return [self._event("THREAD_DELETE", gone, thread.guild_id)]
            case changes.ThreadMembersChanged(thread, added, removed):
                return self._members(thread, added, removed)
            case _:
                return []

    def _members(self, thread: Channel, added: tuple[int, ...], removed: tuple[int, ...]) -> list[Outgoing]:
        bot = self.world.application_id
        own = bot in (*added, *removed)
        if thread.thread is None or not (own or self._sees(thread)):
            return []
        state = thread.thread
        body: Json = {
            "id": str(thread.id),
            "guild_id": str(thread.guild_id),
            "member_count": min(len(state.members), COUNTED_MEMBERS),
            "added_members": [
                thread_member(self.world, thread, state, user_id)
                | {"member": self._member(thread, user_id), "presence": None}
                for user_id in added
            ],
            "removed_member_ids": [str(user_id) for user_id in removed],
        }
        intent = Intent.GUILDS if own else Intent.GUILD_MEMBERS
        return [Outgoing("THREAD_MEMBERS_UPDATE", body, intent, thread.guild_id)]

    def _member(self, thread: Channel, user_id: int) -> Json:
        return self.payloads.member(self.world.guild(thread.guild_id or 0).members[user_id])

    def _sync(self, channel: Channel) -> Outgoing:
        """The threads of a channel that the bot sees only now."""
        threads = [
            (one, one.thread)
            for one in self.world.threads(channel.id)
            if one.thread is not None and not one.thread.archived and self._sees(one)
        ]
        bot = self.world.application_id
        body = {
            "guild_id": str(channel.guild_id),
            "channel_ids": [str(channel.id)],
            "threads": [self.payloads.channel(one) for one, _ in threads],
            "members": [
                thread_member(self.world, one, state, bot) for one, state in threads if bot in state.members
            ],
        }
        return self._event("THREAD_LIST_SYNC", body, channel.guild_id)

    def _channel(self, name: str, channel: Channel, **extra: bool) -> Outgoing:
        return self._event(name, self.payloads.channel(channel) | extra, channel.guild_id)

    @staticmethod
    def _event(name: str, body: Json, guild_id: int | None) -> Outgoing:
        return Outgoing(name, body, Intent.GUILDS, guild_id)

    def _in(self, guild_id: int | None) -> bool:
        guild = self.world.guilds.get(guild_id or 0)
        return guild is not None and self.world.application_id in guild.members

    def _sees(self, channel: Channel) -> bool:
        return self.world.may_see(self.world.application_id, channel)
