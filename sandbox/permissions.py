"""Permissions in a channel: those of the guild, changed by the channel's overwrites.

Source: "Permission Overwrites" in Discord's permissions reference. What a missing permission denies
implicitly (Send Messages without View Channel) stays in the bits.
"""

from __future__ import annotations

from sandbox.model import ALL_PERMISSIONS, Channel, Guild, Permission


def member_permissions(guild: Guild, channel: Channel, user_id: int) -> int:
    """The bits of a member in a channel of the guild (for a thread: its parent); 0 for a stranger."""
    base = guild.permissions(user_id)
    if user_id not in guild.members or base & Permission.ADMINISTRATOR:
        return base
    bits = everyone_permissions(guild, channel, base)
    allow = deny = 0
    for role in guild.members[user_id].roles:
        overwrite = channel.overwrites.get(role)
        if overwrite is not None:
            allow |= overwrite.allow
            deny |= overwrite.deny
    bits = bits & ~deny | allow
    own = channel.overwrites.get(user_id)
    return bits if own is None else bits & ~own.deny | own.allow


def everyone_permissions(guild: Guild, channel: Channel, base: int | None = None) -> int:
    """The bits `base` (default: those of @everyone) under the channel's overwrite for @everyone."""
    bits = guild.roles[guild.id].permissions if base is None else base
    if bits & Permission.ADMINISTRATOR:
        return ALL_PERMISSIONS
    overwrite = channel.overwrites.get(guild.id)
    return bits if overwrite is None else bits & ~overwrite.deny | overwrite.allow
