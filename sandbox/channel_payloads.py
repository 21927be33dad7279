"""Channels and threads as Discord writes them, for the bot."""

from __future__ import annotations

from sandbox.model import Channel, ChannelType, Json, ThreadState
from sandbox.world import World

COUNTED_MEMBERS = 50
"""Where a thread's `member_count` ends; source: Discord's "Threads" page."""


def guild_channel(channel: Channel) -> Json:
    """The fields of a guild's channel beyond `channel_base`."""
    body: Json = {
        "guild_id": str(channel.guild_id),
        "name": channel.name,
        "topic": channel.topic,
        "parent_id": None,
        "position": channel.position,
        "permission_overwrites": [
            {"id": str(one.id), "type": one.type, "allow": str(one.allow), "deny": str(one.deny)}
            for one in channel.overwrites.values()
        ],
        "rate_limit_per_user": channel.slow_mode,
        "nsfw": channel.age_restricted,
    }
    if channel.type == ChannelType.GUILD_VOICE:
        body |= {"bitrate": 64_000, "user_limit": 0, "rtc_region": None}
    if channel.type == ChannelType.GUILD_FORUM:
        body |= {
            "available_tags": [],
            "default_reaction_emoji": None,
            "default_sort_order": None,
            "default_forum_layout": 0,
        }
    return body


def thread(world: World, channel: Channel, state: ThreadState) -> Json:
    """The fields of a thread beyond `channel_base`; `member` where the bot is in it."""
    body: Json = {
        "guild_id": str(channel.guild_id),
        "name": channel.name,
        "parent_id": str(channel.parent_id),
        "owner_id": str(state.owner_id),
        "rate_limit_per_user": channel.slow_mode,
        "message_count": sum(one.ephemeral_for is None for one in world.history(channel.id)),
        "total_message_sent": state.messages_sent,
        "member_count": min(len(state.members), COUNTED_MEMBERS),
        "thread_metadata": {
            "archived": state.archived,
            "locked": state.locked,
            "auto_archive_duration": state.auto_archive_minutes,
            "archive_timestamp": world.clock.iso(state.changed_at),
            "create_timestamp": world.clock.iso(state.created_at),
        },
    }
    if channel.type == ChannelType.PRIVATE_THREAD:
        body["thread_metadata"]["invitable"] = True
    if world.parent(channel).type == ChannelType.GUILD_FORUM:
        body["applied_tags"] = []
    if world.application_id in state.members:
        body["member"] = thread_member(world, channel, state, world.application_id)
    return body


def thread_member(world: World, channel: Channel, state: ThreadState, user_id: int) -> Json:
    """A thread member object."""
    return {
        "id": str(channel.id),
        "user_id": str(user_id),
        "join_timestamp": world.clock.iso(state.members[user_id]),
        "flags": 1,
    }
