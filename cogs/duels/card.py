"""The cards of a duel: while it is open, and after it is closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import discord

from bot.errors import NotFound
from bot.hub.naming import model_name
from bot.locale import ntr, tr
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
        about = tr("Waveforms and mel spectrograms of A and B")
        return [
            discord.File(
                path,
                filename=name,
                description=about if name.endswith(".png") else None,
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
        title=tr("Duel {number}: A or B?", number=duel.id),
        description=tr(
            "{prompt}\n\nTwo modes, models or presets made them. Listen to both, then vote: one tap is your "
            "vote, and it is final. Closes {when}.",
            prompt=quoted(duel.prompt, PROMPT_SHOWN),
            when=discord.utils.format_dt(closes_at, "R"),
        ),
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
        fields.append(Field(tr("{side} was {name}", side=side.upper(), name=names[side]), _made(found, clip)))
        if clip and clip.file and (folder / clip.file).is_file():
            paths[f"{side}-{found.mode}.mp3"] = folder / clip.file
    fields.append(Field(tr("Votes"), _votes(sides, tally), inline=False))
    pictured = bool(duel.picture) and (folder / duel.picture).is_file()
    if pictured:
        paths["picture.png"] = folder / duel.picture
    embed = build_embed(
        title=tr("Duel {number}: {outcome}", number=duel.id, outcome=outcome(sides, tally)),
        description=quoted(duel.prompt, PROMPT_SHOWN),
        colour=COLOUR,
        fields=fields,
        footer=tr("One duel is about these two clips. /leaderboard adds up all duels."),
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
    return {
        side: tr("{model}, setting {number}", model=models[side], number=number)
        for number, side in enumerate(sides, 1)
    }


def outcome(sides: Mapping[Side, DuelSide], tally: Tally) -> str:
    """Return the end of a duel in a few words, without markdown: “3 : 1 for A (ar)”."""
    a, b = tally.counted.get("a", 0), tally.counted.get("b", 0)
    if not sum(tally.counted.values()):
        return tr("nobody voted")
    if a == b:
        return tr("{a} : {b}, a draw", a=a, b=b)
    ahead: Side = "a" if a > b else "b"
    return tr(
        "{most} : {least} for {side} ({name})",
        most=max(a, b),
        least=min(a, b),
        side=ahead.upper(),
        name=_names(sides)[ahead],
    )


def _made(side: DuelSide, clip: Clip | None) -> str:
    recipe = side.recipe
    options = [OPTIONS[name] for name in recipe.options if not OPTIONS[name].is_free_text]
    shown = [f"{option.label} {option.shown(recipe.options[option.name])}" for option in options]
    given = ", ".join((tr("seed {seed}", seed=recipe.seed), *shown))
    lines = [f"`{model_name(recipe.model)}`", given]
    if clip is not None:
        lines.append(f"{clip.facts['title']}, {clip.facts['licence']}")
        lines.append(tr("rendered in {seconds:.1f} s", seconds=clip.facts["render_seconds"]))
    return "\n".join(lines)


def _votes(sides: Mapping[Side, DuelSide], tally: Tally) -> str:
    names = {
        "a": f"A ({_names(sides)['a']})",
        "b": f"B ({_names(sides)['b']})",
        "both_good": tr("Both good"),
        "both_bad": tr("Both bad"),
    }
    text = " · ".join(f"{name} **{tally.counted.get(choice, 0)}**" for choice, name in names.items())
    if tally.excluded:
        more = ntr(
            "{count} more vote saved but not counted",
            "{count} more votes saved but not counted",
            tally.excluded,
        )
        text += f"\n{more}"
    return text
