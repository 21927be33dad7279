"""The message of several takes: the prompt once, then each take with its number, its seed and its picture.

The message is a function of the takes that are there, so it is made anew when one of them is deleted. The
name of a file ends with the number of its take, by which it is found again among the attachments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import discord

from bot.file_name import file_stem
from bot.locale import ntr, tr
from bot.store.clips import Clip
from bot.store.job_model import Job, State
from cogs.clips.card import PROMPT_SHOWN, WITHOUT_WORDS, clip_embed, files_of, maker_line, warnings_of
from cogs.ui.embeds import build_embed
from cogs.ui.take_choice import NumberedClip
from cogs.ui.text import EMBED_COLOURS, in_a_line, quoted

_FILE = re.compile(r"(?:take-|picture-)(?P<take>\d)\.(?:mp3|png)")


def takes_embeds(
    jobs: Sequence[Job], clips: Sequence[NumberedClip], *, with_words: bool = True
) -> tuple[discord.Embed, ...]:
    """Return the embeds for the clips that are there, with a line for each take that failed or was cancelled.

    with_words: False for a server whose AutoMod blocks the prompt.
    """
    _, first = clips[0]
    notes = ends_of(jobs)
    if len(clips) == 1:
        [(take, clip)] = clips
        embed = clip_embed(clip, notes=notes, picture=picture_name(take))
        if not with_words:
            embed.description = "\n".join([tr(WITHOUT_WORDS), *(f"-# {note}" for note in notes)])
        return (embed,)
    colour = EMBED_COLOURS[first.recipe.mode]
    prompt = quoted(first.recipe.prompt, PROMPT_SHOWN) if with_words else tr(WITHOUT_WORDS)
    recipe = first.recipe
    head = build_embed(
        description=[prompt, *(f"-# {note}" for note in notes)],
        colour=colour,
        footer=f"{recipe.mode} · {recipe.seconds:g} s · {maker_line(recipe, str(first.facts['licence']))}",
        max_total=_TOTAL_OF_HEAD,
    )
    return (head, *(_take_embed(take, clip, colour) for take, clip in clips))


_TOTAL_OF_HEAD = 4_000
_TOTAL_OF_TAKE = 450
"""Code points: Discord counts 6,000 over all embeds of a message."""


def _take_embed(take: int, clip: Clip, colour: int) -> discord.Embed:
    lines = [tr("**Take {take}** · seed {seed}", take=take, seed=clip.recipe.seed)]
    if warnings := warnings_of(clip):
        lines.append(f"-# {warnings}")
    return build_embed(
        description=lines,
        colour=colour,
        image=f"attachment://{picture_name(take)}",
        max_total=_TOTAL_OF_TAKE,
    )


def takes_files(clips: Sequence[NumberedClip], folder: Path) -> Callable[[], list[discord.File]]:
    """Return what opens the attachments, anew at every call. Raises NotFound where files were removed."""
    found = [(take, clip, *files_of(clip, folder)) for take, clip in clips]

    def opened() -> list[discord.File]:
        return [file for one in found for file in _files(*one)]

    return opened


def _files(take: int, clip: Clip, audio: Path, picture: Path) -> list[discord.File]:
    stem = file_stem(clip.recipe.prompt, "antiphon")
    seed = clip.recipe.seed
    return [
        discord.File(
            audio,
            filename=f"{stem}-take-{take}.mp3",
            description=tr("Take {take}, seed {seed}", take=take, seed=seed),
        ),
        discord.File(
            picture,
            filename=picture_name(take),
            description=tr("Waveform and mel spectrogram of take {take}", take=take),
        ),
    ]


def picture_name(take: int) -> str:
    """Return the attachment's name of a take's picture."""
    return f"picture-{take}.png"


def take_of_file(file_name: str) -> int | None:
    """Return the number of the take that an attachment belongs to, None for another file."""
    found = _FILE.search(file_name)
    return int(found["take"]) if found else None


def ends_of(jobs: Sequence[Job]) -> list[str]:
    """Return a sentence for each take that failed or was cancelled."""
    out = []
    for job in jobs:
        if job.state is State.FAILED:
            reason = tr(str(job.error))
            out.append(tr("Take {take} didn't work. {reason}", take=job.take, reason=reason))
        elif job.state is State.CANCELLED:
            out.append(tr("Take {take} was cancelled.", take=job.take))
    return out


def takes_line(job: Job, takes: int) -> str:
    """Return “prompt · mode · 10 s · 4 takes”."""
    return f"{in_a_line(job.recipe)} · {ntr('{count} take', '{count} takes', takes)}"


def open_takes(jobs: Sequence[Job]) -> list[Job]:
    """Return the takes that are queued or running."""
    return [job for job in jobs if job.state in (State.QUEUED, State.RUNNING)]
