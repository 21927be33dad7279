"""The melody that a member attaches: from Discord's servers to a recipe."""

from __future__ import annotations

import asyncio

import discord

from bot.errors import UserError
from bot.jobs.melodies import MAX_MELODY_BYTES
from bot.markdown import quoted
from bot.recipe import Role, Task
from bot.recipe.capabilities import Capabilities
from bot.recipe.validate import validate_sources
from cogs.ui.discord_errors import NETWORK_ERRORS

_DOWNLOAD_SECONDS = 60.0
_NAME_CHARACTERS = 80


def check_melody(melody: discord.Attachment | None, engine: Capabilities) -> None:
    """Raise UserError where an engine takes no melody or the file is too large. Fetches nothing."""
    if melody is None:
        return
    validate_sources(Task.TEXT, [Role.MELODY], engine)
    if melody.size > MAX_MELODY_BYTES:
        raise UserError(
            f"{melody_name(melody)} has {melody.size / 2**20:.1f} MiB; {MAX_MELODY_BYTES // 2**20} MiB is "
            "the most. Attach a shorter part of it, or an MP3."
        )


def melody_name(melody: discord.Attachment) -> str:
    """Return an attachment's file name for a sentence, with nothing in it live."""
    return quoted(melody.filename, _NAME_CHARACTERS)


async def fetch_melody(melody: discord.Attachment) -> bytes:
    """Return an attachment's content. Raises UserError where the download fails."""
    try:
        async with asyncio.timeout(_DOWNLOAD_SECONDS):
            return await melody.read()
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        raise UserError(
            f"I couldn't fetch {melody_name(melody)} from Discord, so nothing was queued. Try again in a "
            "minute."
        ) from error
