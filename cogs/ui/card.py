"""The card of a clip: the MP3, a picture of it, and what it was made with.

An embed with the MP3 beside it, not Components V2: there a file is a download, here Discord shows a player.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import discord

from bot.errors import NotFound
from bot.store.clips import Clip
from cogs.ui.text import EMBED_COLOURS, quoted

PROMPT_SHOWN = 600


@dataclass(frozen=True, slots=True)
class Card:
    """What a message needs to show a clip."""

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

    line: a quiet word under it.
    """
    audio, picture = folder / clip.file, folder / clip.picture
    if not (clip.file and audio.is_file() and picture.is_file()):
        raise NotFound("The files of this clip are gone.")
    recipe, facts = clip.recipe, clip.facts
    embed = discord.Embed(description=quoted(recipe.prompt, PROMPT_SHOWN), colour=EMBED_COLOURS[recipe.mode])
    embed.add_field(name="Mode", value=recipe.mode)
    embed.add_field(name="Model", value=f"{facts['title']}\n{facts['licence']}")
    embed.add_field(name="Length", value=f"{recipe.seconds:g} s")
    embed.add_field(name="Seed", value=str(recipe.seed))
    embed.add_field(
        name="Rendered in",
        value=f"{facts['render_seconds']:.1f} s ({facts['real_time_factor']:.2f}× real time)",
    )
    embed.add_field(name="For", value=f"<@{clip.user_id}>")
    embed.set_image(url="attachment://picture.png")
    if line:
        embed.set_footer(text=line)
    return Card(embed, audio, picture)


def details(clip: Clip) -> discord.Embed:
    """Return everything that decides how the clip sounds, and what was measured on it."""
    recipe, facts = clip.recipe, clip.facts
    embed = discord.Embed(
        title=f"Clip {clip.id}", description=quoted(recipe.prompt, 3500), colour=EMBED_COLOURS[recipe.mode]
    )
    asked = {
        "Mode": recipe.mode,
        "Model": recipe.model,
        "Length": f"{recipe.seconds:g} s",
        "Seed": recipe.seed,
        "Temperature": recipe.temperature,
        "Top-k": recipe.top_k,
        "Guidance": recipe.guidance_scale,
        "Steps": recipe.num_sampling_steps,
        "Not": quoted(recipe.negative_prompt, 500) if recipe.negative_prompt else None,
        "Lyrics": quoted(recipe.lyrics, 900) if recipe.lyrics else None,
        "Melody": "yes" if recipe.melody else None,
    }
    measured = {
        "Licence": facts["licence"],
        "Loudness": f"{facts['lufs']:.1f} LUFS",
        "True peak": f"{facts['true_peak_db']:.1f} dBTP",
        "Audio": f"{facts['sample_rate'] / 1000:g} kHz, {facts['bitrate_kbps']} kbit/s, "
        + ("stereo" if facts["channels"] == 2 else "mono"),
        "Rendered in": f"{facts['render_seconds']:.2f} s, {facts['real_time_factor']:.3f}× real time",
    }
    for name, value in (asked | measured).items():
        if value is not None:
            embed.add_field(name=name, value=str(value))
    embed.set_footer(
        text="The MP3's tags hold this recipe: `antiphon generate --like clip.mp3` makes it again."
    )
    return embed
