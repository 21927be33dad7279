"""Short descriptions of recipes, and the one renderer of typed text for the cogs."""

from __future__ import annotations

from bot.markdown import joined_lines, one_line, plain, quoted, quoted_lines, shortened
from bot.recipe import Recipe

__all__ = [
    "EMBED_COLOURS",
    "bar",
    "in_a_line",
    "joined_lines",
    "one_line",
    "plain",
    "quoted",
    "quoted_lines",
    "shortened",
]

EMBED_COLOURS = {"ar": 0x5B8DEF, "diffusion": 0xE0A458}
"""One accent a mode, distinguishable with every common colour blindness."""


def in_a_line(recipe: Recipe, limit: int = 80) -> str:
    """Return “prompt · mode · 10 s”."""
    return f"{quoted(recipe.prompt, limit)} · {recipe.mode} · {recipe.seconds:g} s"


def bar(fraction: float, width: int = 12) -> str:
    """Return a progress bar of `width` characters."""
    full = round(min(max(fraction, 0.0), 1.0) * width)
    return "▰" * full + "▱" * (width - full)
