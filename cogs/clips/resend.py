"""Sending a clip again: a new upload in a private answer."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import discord

from bot.app import Antiphon
from bot.audio.reencode import reencode, smaller_limit
from bot.errors import RenderError, UserError
from bot.store.clips import Clip
from cogs.clips.card import WITHOUT_WORDS, Card, clip_card, without_words
from cogs.delivery.refusals import Remedy, refusal_of
from cogs.ui.answers import reply


async def send_clip(interaction: discord.Interaction[Antiphon], clip: Clip) -> None:
    """Turn a deferred answer into the clip, encoded smaller where the place does not take it whole.

    Raises NotFound where its files are gone, UserError where it is too large for this place at any bitrate.
    """
    card = clip_card(clip, interaction.client.settings.clip_dir)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, card.audio.name)
        excess = _size(card) - interaction.filesize_limit
        if excess > 0:
            card = await _smaller(card, card.audio.stat().st_size - excess, copy)
        while True:
            try:
                await reply(interaction, embed=card.embed, attachments=card.files())
                return
            except discord.HTTPException as error:
                remedy = refusal_of(error, webhook=True).remedy
                if remedy is Remedy.SMALLER:
                    card = await _smaller(card, smaller_limit([card.audio]), copy)
                elif remedy is Remedy.WITHOUT_WORDS and card.embed.description != WITHOUT_WORDS:
                    card = replace(card, embed=without_words(card.embed))
                else:
                    raise


async def _smaller(card: Card, max_bytes: int | None, out_path: Path) -> Card:
    """Return the card with a copy of its MP3 of at most max_bytes; the stored clip stays as it is."""
    if max_bytes is None:
        raise UserError("I can't send this clip here: even its smallest copy is too large for Discord.")
    try:
        return replace(card, audio=await reencode(card.audio, max_bytes, out_path))
    except RenderError as error:
        raise UserError("I can't send this clip here. {error}", error=error) from error


def _size(card: Card) -> int:
    return card.audio.stat().st_size + card.picture.stat().st_size
