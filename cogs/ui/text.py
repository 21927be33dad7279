"""Short descriptions of recipes, and the one renderer of typed text for the cogs."""

from __future__ import annotations

from bot.locale import tr
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
    "rendering_line",
    "shortened",
]

EMBED_COLOURS = {"ar": 0x5B8DEF, "diffusion": 0xE0A458}
"""One accent a mode, distinguishable with every common colour blindness."""


def in_a_line(recipe: Recipe, limit: int = 80) -> str:
    """Return “prompt · mode · 10 s”."""
    return f"{quoted(recipe.prompt, limit)} · {recipe.mode} · {recipe.seconds:g} s"


def rendering_line(fraction: float, time_left: str) -> str:
    """Return “▰▰▱▱ 52 %, a few seconds left.”; no time where nothing visible is left.

    fraction: the rendered part, 0 to 1.  time_left: until delivery, in words.
    """
    percent = round(fraction * 100)
    if percent >= 100:
        return f"{bar(1.0)} {tr('Finishing …')}"
    return tr("{bar} {percent} %, {time} left.", bar=bar(fraction), percent=percent, time=time_left)


def bar(fraction: float, width: int = 12) -> str:
    """Return a progress bar of `width` characters."""
    full = round(min(max(fraction, 0.0), 1.0) * width)
    return "▰" * full + "▱" * (width - full)
