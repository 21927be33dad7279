"""The coach's advice on the lyrics of a recipe, attached to its clip as warnings."""

from __future__ import annotations

from bot.coach.lyrics import advise_lyrics
from bot.recipe import Recipe


def lyrics_advice(recipe: Recipe) -> list[str]:
    """Return advice on a recipe's lyrics, none where it has none."""
    lyrics = recipe.text("lyrics")
    return advise_lyrics(lyrics, recipe.seconds, recipe.text("vocal_language")) if lyrics else []
