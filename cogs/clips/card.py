"""The card of a clip: the MP3, its picture, and its recipe.

An embed with the MP3 beside it, not Components V2: there a file is a download, here Discord shows a player.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import discord

from bot.errors import NotFound
from bot.hub.naming import model_name
from bot.recipe import OptionValue, Source, Task
from bot.recipe.options import OPTIONS, SECONDS, SEED, Option
from bot.store.clips import Clip
from cogs.ui.embeds import Field, build_embed
from cogs.ui.text import EMBED_COLOURS, plain, quoted

PROMPT_SHOWN = 600
LINE_CHARACTERS = 200
TEXT_SHOWN = 700
"""Two long texts of this length fit beside a long prompt."""


@dataclass(frozen=True, slots=True)
class Card:
    """The parts of a message that shows a clip."""

    embed: discord.Embed
    audio: Path
    picture: Path

    def files(self) -> list[discord.File]:
        """Open the attachments, anew at every call: sending uses them up."""
        return [
            discord.File(self.audio, filename=f"antiphon-{self.audio.stem.lstrip('0')}.mp3"),
            discord.File(self.picture, filename="picture.png", description="Waveform and mel spectrogram"),
        ]


def clip_card(clip: Clip, folder: Path, line: str | None = None) -> Card:
    """Return the card of a clip whose files lie in `folder`. Raises NotFound where they were removed.

    It names nobody: Discord shows above an answer who used the command, and a late post mentions them in its
    content. In an embed a mention of a member whom the reader's client does not know is a raw number.
    line: a quiet word under it.
    """
    audio, picture = folder / clip.file, folder / clip.picture
    if not (clip.file and audio.is_file() and picture.is_file()):
        raise NotFound("The files of this clip are gone.")
    recipe, facts = clip.recipe, clip.facts
    fields = {
        "Mode": recipe.mode,
        "Model": f"{facts['title']}\n{facts['licence']}",
        "Length": f"{recipe.seconds:g} s",
        "Seed": str(recipe.seed),
        "Rendered in": f"{facts['render_seconds']:.1f} s ({facts['real_time_factor']:.2f}× real time)",
    }
    if warnings := _warnings(clip):
        fields["Note"] = warnings
    embed = build_embed(
        description=quoted(recipe.prompt, PROMPT_SHOWN),
        colour=EMBED_COLOURS[recipe.mode],
        fields=[Field(name, value) for name, value in fields.items()],
        footer=plain(line or "", LINE_CHARACTERS),
        image="attachment://picture.png",
    )
    return Card(embed, audio, picture)


def details(clip: Clip) -> discord.Embed:
    """Return the whole recipe of a clip, and the measurements of its audio."""
    recipe, facts = clip.recipe, clip.facts
    asked = {
        "Mode": recipe.mode,
        "Model": model_name(recipe.model),
        SECONDS.heading: SECONDS.shown(recipe.seconds),
        SEED.heading: SEED.shown(recipe.seed),
        **{OPTIONS[name].heading: _shown(OPTIONS[name], value) for name, value in recipe.options.items()},
        "Task": None if recipe.task is Task.TEXT else recipe.task,
        **{role.capitalize(): _source(source) for role, source in recipe.sources.items()},
        "Note": _warnings(clip),
    }
    measured = {
        "Licence": facts["licence"],
        "Loudness": f"{facts['lufs']:.1f} LUFS",
        "True peak": f"{facts['true_peak_db']:.1f} dBTP",
        "Audio": f"{facts['sample_rate'] / 1000:g} kHz, {facts['bitrate_kbps']} kbit/s, "
        + ("stereo" if facts["channels"] == 2 else "mono"),
        "Rendered in": f"{facts['render_seconds']:.2f} s, {facts['real_time_factor']:.3f}× real time",
    }
    shown = {name: str(value) for name, value in (asked | measured).items() if value is not None}
    return build_embed(
        title=f"Clip {clip.id}",
        description=quoted(recipe.prompt, 3500),
        colour=EMBED_COLOURS[recipe.mode],
        fields=[Field(name, value) for name, value in shown.items()],
        footer="The MP3's tags hold this recipe: `antiphon generate --like clip.mp3` makes it again.",
    )


def _shown(option: Option, value: OptionValue) -> str:
    return quoted(str(value), TEXT_SHOWN) if option.is_free_text else option.shown(value)


def _source(source: Source) -> str:
    return f"clip {source}" if isinstance(source, int) else "yes"


def _warnings(clip: Clip) -> str | None:
    """Return the parts of the recipe that had no effect; clips of earlier versions have no such fact."""
    return " ".join(map(str, clip.facts.get("warnings", ()))) or None
