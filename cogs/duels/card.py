"""The cards of a duel: while it is open, and after it is closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import discord

from bot.arena.text import count
from bot.errors import NotFound
from bot.hub.naming import model_name
from bot.recipe.options import OPTIONS
from bot.store.clips import Clip
from bot.store.duels.model import Duel, DuelSide, Side
from bot.store.duels.votes import Tally
from cogs.ui.embeds import Field, build_embed
from cogs.ui.text import quoted

PROMPT_SHOWN = 1_000
COLOUR = 0x9AA0A6
"""Grey: the colour of neither mode."""


@dataclass(frozen=True, slots=True)
class DuelCard:
    """The parts of a message that shows a duel. paths: attachment's name → file."""

    embed: discord.Embed
    paths: Mapping[str, Path]

    def files(self) -> list[discord.File]:
        """Open the attachments; each call returns new ones, because sending consumes them."""
        return [
            discord.File(
                path,
                filename=name,
                description="Waveforms and mel spectrograms of A and B" if name.endswith(".png") else None,
            )
            for name, path in self.paths.items()
        ]


def open_card(duel: Duel, folder: Path, closes_at: datetime) -> DuelCard:
    """Return the card of an open duel, which is blind: nothing names a mode. Raises NotFound."""
    paths = {
        "a.mp3": folder / duel.file_a,
        "b.mp3": folder / duel.file_b,
        "picture.png": folder / duel.picture,
    }
    if not (duel.file_a and all(path.is_file() for path in paths.values())):
        raise NotFound("The files of this duel are gone.")
    embed = build_embed(
        title=f"Duel {duel.id}: A or B?",
        description=f"{quoted(duel.prompt, PROMPT_SHOWN)}\n\n"
        "Two modes, models or presets made them. Listen to both, then vote: one tap is your vote, "
        "and it is final. "
        f"Closes {discord.utils.format_dt(closes_at, 'R')}.",
        colour=COLOUR,
        image="attachment://picture.png",
    )
    return DuelCard(embed, paths)


def closed_card(
    duel: Duel, sides: Mapping[Side, DuelSide], clips: Mapping[Side, Clip], tally: Tally, folder: Path
) -> DuelCard:
    """Return the card of a closed duel: modes, recipes and votes. clips: those that still exist."""
    paths: dict[str, Path] = {}
    fields: list[Field] = []
    names = _names(sides)
    for side, found in sides.items():
        clip = clips.get(side)
        fields.append(Field(f"{side.upper()} was {names[side]}", _made(found, clip)))
        if clip and clip.file and (folder / clip.file).is_file():
            paths[f"{side}-{found.mode}.mp3"] = folder / clip.file
    fields.append(Field("Votes", _votes(sides, tally), inline=False))
    pictured = bool(duel.picture) and (folder / duel.picture).is_file()
    if pictured:
        paths["picture.png"] = folder / duel.picture
    embed = build_embed(
        title=f"Duel {duel.id}: {outcome(sides, tally)}",
        description=quoted(duel.prompt, PROMPT_SHOWN),
        colour=COLOUR,
        fields=fields,
        footer="One duel is about these two clips. /leaderboard adds up all duels.",
        image="attachment://picture.png" if pictured else None,
    )
    return DuelCard(embed, paths)


def moment(seconds: float) -> datetime:
    """Return a Unix time in seconds as a datetime in UTC."""
    return datetime.fromtimestamp(seconds, tz=UTC)


def _names(sides: Mapping[Side, DuelSide]) -> dict[Side, str]:
    """Return what tells the sides apart: their modes, else their models, else their settings."""
    modes = {side: str(found.mode) for side, found in sides.items()}
    if len(set(modes.values())) > 1:
        return modes
    models = {side: model_name(found.recipe.model) for side, found in sides.items()}
    if len(set(models.values())) > 1:
        return models
    return {side: f"{models[side]}, setting {number}" for number, side in enumerate(sides, 1)}


def outcome(sides: Mapping[Side, DuelSide], tally: Tally) -> str:
    """Return the end of a duel in a few words, without markdown: “3 : 1 for A (ar)”."""
    a, b = tally.counted.get("a", 0), tally.counted.get("b", 0)
    if not sum(tally.counted.values()):
        return "nobody voted"
    if a == b:
        return f"{a} : {b}, a draw"
    ahead: Side = "a" if a > b else "b"
    return f"{max(a, b)} : {min(a, b)} for {ahead.upper()} ({_names(sides)[ahead]})"


def _made(side: DuelSide, clip: Clip | None) -> str:
    recipe = side.recipe
    options = [OPTIONS[name] for name in recipe.options if not OPTIONS[name].is_free_text]
    shown = [f"{option.label} {option.shown(recipe.options[option.name])}" for option in options]
    given = ", ".join((f"seed {recipe.seed}", *shown))
    lines = [f"`{model_name(recipe.model)}`", given]
    if clip is not None:
        lines.append(f"{clip.facts['title']}, {clip.facts['licence']}")
        lines.append(f"rendered in {clip.facts['render_seconds']:.1f} s")
    return "\n".join(lines)


def _votes(sides: Mapping[Side, DuelSide], tally: Tally) -> str:
    names = {
        "a": f"A ({_names(sides)['a']})",
        "b": f"B ({_names(sides)['b']})",
        "both_good": "Both good",
        "both_bad": "Both bad",
    }
    text = " · ".join(f"{name} **{tally.counted.get(choice, 0)}**" for choice, name in names.items())
    if tally.excluded:
        text += f"\n{count(tally.excluded, 'more vote')} saved but not counted"
    return text
