"""Sends a clip again: a fresh upload in an answer that only its member sees."""

from __future__ import annotations

import discord

from bot.app import Antiphon
from bot.errors import UserError
from bot.store.clips import Clip
from cogs.delivery.original_response import TOO_LARGE
from cogs.ui.answers import reply
from cogs.ui.card import clip_card


async def send_clip(interaction: discord.Interaction[Antiphon], clip: Clip) -> None:
    """Turn a deferred answer into the clip. Raises UserError where its files are gone or too large here."""
    card = clip_card(clip, interaction.client.settings.clip_dir)
    try:
        await reply(interaction, embed=card.embed, attachments=card.files())
    except discord.HTTPException as error:
        if error.status == 413 or error.code == TOO_LARGE:
            raise UserError("Discord finds the clip too large for this place; try another one.") from error
        raise
