"""How a person is answered when something is wrong: their mistake in plain words, ours with a number."""

from __future__ import annotations

import logging
import secrets
from typing import Any

import discord
from discord import app_commands

from bot.errors import StoreError, UserError

log = logging.getLogger(__name__)

_PRIVATE = "private"
"""Where an interaction keeps who may see its deferred answer: discord.py does not tell."""


async def think(interaction: discord.Interaction[Any], *, private: bool = False) -> None:
    """Acknowledge at once; what comes later is for everybody, or for whoever asked alone."""
    interaction.extras[_PRIVATE] = private
    await interaction.response.defer(ephemeral=private, thinking=True)


async def answer_error(interaction: discord.Interaction, error: BaseException, doing: str) -> None:
    """Tell the person who caused it, to them alone; log what is not theirs under a reference they get."""
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    if isinstance(error, UserError):
        text = str(error)
    elif isinstance(error, app_commands.CheckFailure):
        text = "You cannot do that here."
    else:
        reference = secrets.token_hex(4)
        log.error("%s broke, reference %s", doing, reference, exc_info=error)
        text = (
            "I cannot write to my disk just now, so nothing was queued. Please tell the owner"
            if isinstance(error, StoreError)
            else "Something broke on my side. Please try again, and tell the owner if it stays"
        ) + f" (reference {reference})."
    try:
        await _say(interaction, text)
    except discord.HTTPException as failure:
        log.warning("%s: the answer “%s” did not get through: %s", doing, text, failure)


async def _say(interaction: discord.Interaction, text: str) -> None:
    if not interaction.response.is_done():
        await interaction.response.send_message(text, ephemeral=True)
        return
    if interaction.response.type is discord.InteractionResponseType.deferred_channel_message:
        if interaction.extras.get(_PRIVATE):
            await interaction.edit_original_response(content=text)
            return
        # The public “thinking …” would stay; and only after it is gone can an answer be private.
        await interaction.delete_original_response()
    await interaction.followup.send(text, ephemeral=True)
