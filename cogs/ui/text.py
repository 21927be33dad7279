"""Members' words, made safe to show, and short descriptions."""

from __future__ import annotations

import discord

from bot.recipe import Recipe

EMBED_COLOURS = {"ar": 0x5B8DEF, "diffusion": 0xE0A458}
"""One accent a mode, distinguishable with every common colour blindness."""


def quoted(text: str, limit: int) -> str:
    """Return text that Discord shows as typed: no markdown, at most `limit` characters.

    Mentions stay readable; they ping nobody because every message is sent with AllowedMentions.none().
    """
    escaped = discord.utils.escape_markdown(" ".join(text.split()))
    return shortened(escaped, limit)


def shortened(text: str, limit: int) -> str:
    """Return text of at most `limit` characters, with an ellipsis where something is left out."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    if len(cut) - len(cut.rstrip("\\")) & 1:
        cut = cut[:-1]  # half of an escape
    return cut + "…"


def in_a_line(recipe: Recipe, limit: int = 80) -> str:
    """Return “prompt · mode · 10 s”."""
    return f"{quoted(recipe.prompt, limit)} · {recipe.mode} · {recipe.seconds:g} s"


def bar(fraction: float, width: int = 12) -> str:
    """Return a progress bar of `width` characters."""
    full = round(min(max(fraction, 0.0), 1.0) * width)
    return "▰" * full + "▱" * (width - full)
