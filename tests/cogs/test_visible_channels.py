"""Which channels a member's search looks in, by discord.py's own objects and permissions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest

from cogs.ui.visible_channels import visible_channels

GUILD, MEMBER, MODERATORS = 1, 50, 3
SEEN, HIDDEN, WITHOUT_HISTORY, RESTRICTED = 10, 11, 12, 13
OPEN_THREAD, PRIVATE_THREAD, HIDDEN_THREAD = 20, 21, 22
READ = discord.Permissions(view_channel=True, read_message_history=True).value
MANAGE_THREADS = discord.Permissions(manage_threads=True).value


def channel(number: int, deny: int = 0, *, nsfw: bool = False) -> dict[str, Any]:
    overwrites = [{"id": str(GUILD), "type": 0, "allow": "0", "deny": str(deny)}] if deny else []
    return {
        "id": str(number),
        "type": 0,
        "name": f"c{number}",
        "position": 0,
        "nsfw": nsfw,
        "permission_overwrites": overwrites,
    }


def thread(number: int, parent: int, kind: int) -> dict[str, Any]:
    return {
        "id": str(number),
        "type": kind,
        "name": f"t{number}",
        "guild_id": str(GUILD),
        "parent_id": str(parent),
        "owner_id": "9",
        "message_count": 0,
        "member_count": 1,
        "thread_metadata": {
            "archived": False,
            "auto_archive_duration": 60,
            "archive_timestamp": "2026-01-01T00:00:00+00:00",
        },
    }


def role(number: int, permissions: int) -> dict[str, Any]:
    return {"id": str(number), "name": f"r{number}", "permissions": str(permissions), "position": number}


@pytest.fixture
async def guild() -> discord.Guild:
    client = discord.Client(intents=discord.Intents(guilds=True))
    view = discord.Permissions(view_channel=True).value
    history = discord.Permissions(read_message_history=True).value
    data = {
        "id": str(GUILD),
        "name": "here",
        "owner_id": "9",
        "roles": [role(GUILD, READ), role(MODERATORS, MANAGE_THREADS)],
        "channels": [
            channel(SEEN),
            channel(HIDDEN, view),
            channel(WITHOUT_HISTORY, history),
            channel(RESTRICTED, nsfw=True),
        ],
        "threads": [
            thread(OPEN_THREAD, SEEN, 11),
            thread(PRIVATE_THREAD, SEEN, 12),
            thread(HIDDEN_THREAD, HIDDEN, 11),
        ],
    }
    return discord.Guild(data=cast(Any, data), state=client._connection)


def seen(guild: discord.Guild, here: int = SEEN, roles: tuple[int, ...] = ()) -> set[int]:
    """Return the channels of a search that a member makes in the channel `here`."""
    data = {
        "user": {"id": str(MEMBER), "username": "m", "discriminator": "0", "avatar": None},
        "roles": [str(one) for one in roles],
        "joined_at": "2026-01-01T00:00:00+00:00",
        "flags": 0,
    }
    member = discord.Member(data=cast(Any, data), guild=guild, state=guild._state)
    place = guild.get_channel_or_thread(here)
    assert place is not None
    interaction = SimpleNamespace(
        guild=guild,
        guild_id=guild.id,
        user=member,
        channel=place,
        channel_id=here,
        permissions=discord.Permissions(READ),
    )
    found = visible_channels(cast(Any, interaction))
    assert found is not None
    assert found.guild_id == GUILD
    return set(found.channel_ids)


async def test_a_member_reads_what_the_permissions_give(guild: discord.Guild) -> None:
    assert seen(guild) == {SEEN, OPEN_THREAD}


async def test_a_private_thread_is_for_those_in_it_and_moderators(guild: discord.Guild) -> None:
    assert seen(guild, PRIVATE_THREAD) == {SEEN, OPEN_THREAD, PRIVATE_THREAD}
    assert seen(guild, roles=(MODERATORS,)) == {SEEN, OPEN_THREAD, PRIVATE_THREAD}


async def test_an_age_restricted_channel_shows_all(guild: discord.Guild) -> None:
    assert seen(guild, RESTRICTED) == {SEEN, OPEN_THREAD, RESTRICTED}


async def test_a_direct_message_has_no_channels() -> None:
    interaction = SimpleNamespace(guild=None, guild_id=None, user=None)
    assert visible_channels(cast(Any, interaction)) is None
