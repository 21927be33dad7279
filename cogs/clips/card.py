"""The card of a clip: the MP3, the prompt and one line about it, and its picture; the rest is in Details.

It fits the window of a small laptop together with its player and its buttons, so it has no fields. An embed
with the MP3 beside it, not Components V2: there a file is a download, here Discord shows a player.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord

from bot.config import BUILTIN_AR, BUILTIN_DIFFUSION
from bot.errors import NotFound
from bot.file_name import file_stem
from bot.hub.naming import model_name
from bot.locale import mark, ntr, tr
from bot.recipe import OptionValue, Recipe, Source, Task
from bot.recipe.options import OPTIONS, SECONDS, SEED, Option
from bot.store.clips import Clip
from cogs.ui.embeds import Field, build_embed, described_anew
from cogs.ui.text import EMBED_COLOURS, plain, quoted, quoted_lines

PROMPT_SHOWN = 600
WITHOUT_WORDS = mark("(This server's AutoMod doesn't let the words through.)")
LINE_CHARACTERS = 200
PICTURE_NAME = "picture.png"
TEXT_SHOWN = 700
"""Two long texts of this length fit beside a long prompt."""


@dataclass(frozen=True, slots=True)
class Card:
    """The parts of a message that shows a clip."""

    embed: discord.Embed
    audio: Path
    picture: Path
    file_name: str
    picture_name: str = PICTURE_NAME

    def files(self) -> list[discord.File]:
        """Open the attachments, anew at every call: sending uses them up."""
        return [
            discord.File(self.audio, filename=f"{self.file_name}.mp3"),
            discord.File(
                self.picture, filename=self.picture_name, description=tr("Waveform and mel spectrogram")
            ),
        ]


def clip_card(clip: Clip, folder: Path, line: str | None = None) -> Card:
    """Return the card of a clip whose files lie in `folder`. Raises NotFound where they were removed.

    It names nobody: Discord shows above an answer who used the command, and a late post mentions them in its
    content. In an embed a mention of a member whom the reader's client does not know is a raw number.
    line: a quiet word under it, which may repeat words of the prompt.
    """
    audio, picture = files_of(clip, folder)
    embed = clip_embed(clip, line)
    return Card(embed, audio, picture, file_stem(clip.recipe.prompt, f"antiphon-{clip.id}"))


def files_of(clip: Clip, folder: Path) -> tuple[Path, Path]:
    """Return the MP3 and the picture of a clip. Raises NotFound where they were removed."""
    audio, picture = folder / clip.file, folder / clip.picture
    if not (clip.file and audio.is_file() and picture.is_file()):
        raise NotFound("The files of this clip are gone.")
    return audio, picture


def clip_embed(
    clip: Clip, line: str | None = None, notes: Sequence[str] = (), picture: str | None = PICTURE_NAME
) -> discord.Embed:
    """Return the card's embed.

    notes: more lines under the prompt.  picture: the attachment's name; None where there is none.
    """
    recipe = clip.recipe
    description = [quoted(recipe.prompt, PROMPT_SHOWN)]
    if warnings := warnings_of(clip):
        description.append(f"-# {warnings}")
    description += [f"-# {note}" for note in notes]
    lines = [_facts_line(recipe, _seconds(clip), str(clip.facts["licence"]))]
    if chosen := clip.facts.get("chosen"):
        lines.append(plain(tr("Why this model: {reason}", reason=chosen), LINE_CHARACTERS))
    if line:
        lines.append(plain(line, LINE_CHARACTERS))
    return build_embed(
        description=description,
        colour=EMBED_COLOURS[recipe.mode],
        footer="\n".join(lines),
        image=f"attachment://{picture}" if picture else None,
    )


def without_words(embed: discord.Embed) -> discord.Embed:
    """Return a card without what its member typed, for a server whose AutoMod blocks that."""
    return described_anew(embed, tr(WITHOUT_WORDS))


def details(clip: Clip) -> discord.Embed:
    """Return the whole recipe of a clip, and the measurements of its audio."""
    recipe, facts = clip.recipe, clip.facts
    asked = {
        tr("Mode"): recipe.mode,
        tr("Why this model"): quoted(facts["chosen"], TEXT_SHOWN) if facts.get("chosen") else None,
        tr("Model"): f"{facts['title']} (`{model_name(recipe.model)}`)",
        SECONDS.heading: SECONDS.shown(_seconds(clip)),
        SEED.heading: SEED.shown(recipe.seed),
        **{OPTIONS[name].heading: _shown(OPTIONS[name], value) for name, value in recipe.options.items()},
        tr("Task"): None if recipe.task is Task.TEXT else recipe.task,
        **{role.capitalize(): _source(source) for role, source in recipe.sources.items()},
        tr("Note"): warnings_of(clip),
    }
    asked[tr("Licence")] = facts["licence"]
    # A clip that was opened from a file was measured elsewhere.
    measured = _measured(facts, recipe.seconds) if "lufs" in facts else {}
    shown = {name: str(value) for name, value in (asked | measured).items() if value is not None}
    return build_embed(
        title=tr("Clip {id}", id=clip.id),
        description=quoted(recipe.prompt, 3500),
        colour=EMBED_COLOURS[recipe.mode],
        fields=[Field(name, value) for name, value in shown.items()],
        footer=tr("The MP3 carries this recipe in its tags; the file holds it as text."),
    )


def _measured(facts: Mapping[str, Any], seconds: float) -> dict[str, str]:
    channels = tr("stereo") if facts["channels"] == 2 else tr("mono")
    # Clips of earlier versions and of music servers do not name it.
    precision = {tr("Precision"): facts["precision"]} if facts.get("precision") else {}
    return precision | {
        tr("Loudness"): _decibels(facts["lufs"], "LUFS"),
        tr("True peak"): _decibels(facts["true_peak_db"], "dBTP"),
        tr("Audio"): f"{facts['sample_rate'] / 1000:g} kHz, {facts['bitrate_kbps']} kbit/s, {channels}",
        tr("Rendered in"): _beside(_speed(facts["render_seconds"], seconds), facts.get("concurrency", 1)),
    }


def _decibels(value: float, unit: str) -> str:
    """Return “−14.0 LUFS”."""
    return f"{value:.1f} {unit}".replace("-", "−")


def _seconds(clip: Clip) -> float:
    """Return a clip's length: that of its bars where it loops, unless it was opened from a file."""
    asked = clip.recipe.seconds
    return round(clip.facts.get("seconds", asked), 3) if clip.recipe.loops else asked


def _facts_line(recipe: Recipe, seconds: float, licence: str) -> str:
    """Return “ar · 10 s · seed 7 · built-in, MIT”."""
    seed = tr("seed {seed}", seed=recipe.seed)
    length = round(seconds, 1) if recipe.loops else seconds
    return f"{recipe.mode} · {length:g} s · {seed} · {maker_line(recipe, licence)}"


def maker_line(recipe: Recipe, licence: str) -> str:
    """Return “built-in, MIT”: the model in short, and the clip's licence."""
    return f"{_maker(recipe.model)}, {licence}"


def _maker(model: str) -> str:
    """Return a model's name in short: the last part of its name on the hub, or what it is to a member."""
    if model in (BUILTIN_AR, BUILTIN_DIFFUSION):
        return tr("built-in")
    return model_name(model).rpartition("/")[2]


def _speed(render_seconds: float, seconds: float) -> str:
    """Return “0.2 s, 50 times as fast as it plays”; the ratio alone where it is about one or less."""
    ratio = seconds / max(render_seconds, 0.01)
    if ratio < 2:
        return f"{render_seconds:.1f} s"
    return tr(
        "{render_seconds:.1f} s, {ratio:.0f} times as fast as it plays",
        render_seconds=render_seconds,
        ratio=ratio,
    )


def _beside(speed: str, concurrency: float) -> str:
    """Return “12.3 s, beside 3 other clips”; the time alone where there was mostly none."""
    others = round(concurrency - 1)
    if others < 1:
        return speed
    return ntr(
        "{speed}, beside {count} other clip", "{speed}, beside {count} other clips", others, speed=speed
    )


def _shown(option: Option, value: OptionValue) -> str:
    return quoted_lines(str(value), TEXT_SHOWN) if option.is_free_text else option.shown(value)


def _source(source: Source) -> str:
    return tr("clip {source}", source=source) if isinstance(source, int) else tr("yes")


def warnings_of(clip: Clip) -> str | None:
    """Return the parts of the recipe that had no effect; clips of earlier versions have no such fact."""
    return " ".join(map(str, clip.facts.get("warnings", ()))) or None
