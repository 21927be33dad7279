"""How large one uploaded file may be: by default, by a guild's boosts, by the member's Nitro, by the test.

Source: Discord's "Uploading Files"; discord-api-docs issue 7603 for interactions that promise 500 MiB where
200 MiB are accepted.
"""

from __future__ import annotations

from sandbox.model import Channel, Guild

MIB = 1024 * 1024
BOOSTED = {2: 50 * MIB, 3: 100 * MIB}
"""Boost level → bytes; source: Discord's "Server Boosting FAQ"."""
NITRO_PROMISED, NITRO_ACCEPTED = 500 * MIB, 200 * MIB


def accepted_bytes(default: int, guild: Guild | None, channel: Channel, *, nitro: bool = False) -> int:
    """Return the size limit of an upload in bytes. nitro: for answers to members with Nitro."""
    if channel.upload_limits is not None:
        return channel.upload_limits.accepted
    boosted = max(default, BOOSTED.get(guild.premium_tier, 0)) if guild is not None else default
    return max(boosted, NITRO_ACCEPTED) if nitro else boosted


def promised_bytes(default: int, guild: Guild | None, channel: Channel, *, nitro: bool) -> int:
    """`attachment_size_limit` of an interaction."""
    if channel.upload_limits is not None:
        return channel.upload_limits.promised
    accepted = accepted_bytes(default, guild, channel)
    return max(accepted, NITRO_PROMISED) if nitro else accepted
