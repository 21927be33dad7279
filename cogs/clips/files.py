"""The buttons under Details that give a clip of a built-in model as other files: MIDI, stems, FLAC."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import discord

from bot.app import Antiphon
from bot.errors import NotFound, RenderError, UserError
from bot.file_name import file_stem
from bot.jobs.score_files import Kind, Made
from bot.locale import tr
from bot.recipe import Task
from bot.store.clips import Clip
from cogs.delivery.refusals import Remedy, refusal_of
from cogs.ui.answers import think
from cogs.ui.buttons import IdButton, in_rows

MAX_FILES = 10
"""Files of a message (Discord's documentation, "Uploading Files")."""
MESSAGE_BYTES = 4_096
"""Left of the upload limit for the rest of the request."""


class ScoreFileButton(IdButton):
    """Makes one kind of file; subclasses say which."""

    kind: ClassVar[Kind]

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Make the files and send them in private."""
        await think(interaction, private=True)
        bot = interaction.client
        clip = await bot.history.clip(self.number)
        audio = bot.settings.clip_dir / clip.file
        if not clip.file or not audio.is_file():
            raise NotFound("The files of this clip are gone.")
        with tempfile.TemporaryDirectory() as folder:
            try:
                made = await bot.score_files.make(
                    interaction.user.id, self.kind, audio, clip.recipe, Path(folder)
                )
            except RenderError as error:
                raise UserError(str(error)) from error
            await _send(interaction, self.kind, clip, made)


class MidiButton(ScoreFileButton, prefix="clip:midi"):
    """The notes as a MIDI file."""

    kind = Kind.MIDI
    label = "MIDI"
    emoji = "🎼"


class StemsButton(ScoreFileButton, prefix="clip:stems"):
    """Each role as a FLAC."""

    kind = Kind.STEMS
    label = "Stems"
    emoji = "🎛️"


class FlacButton(ScoreFileButton, prefix="clip:flac"):
    """The whole clip as a FLAC."""

    kind = Kind.FLAC
    label = "FLAC"
    emoji = "💿"


ITEMS = (MidiButton, StemsButton, FlacButton)


def file_buttons(bot: Antiphon, clip: Clip) -> discord.ui.View | None:
    """Return the buttons for a clip whose notes are in its file; None for any other."""
    try:
        engine = bot.models[bot.jobs.adopt(clip.recipe).model_ref]
    except UserError:
        return None
    if not (clip.file and engine.needs_scores):
        return None
    return in_rows(MidiButton(clip.id), StemsButton(clip.id), FlacButton(clip.id))


async def _send(interaction: discord.Interaction[Antiphon], kind: Kind, clip: Clip, made: Made) -> None:
    """Send files in as few messages as the upload limit allows. Raises UserError where one is too large."""
    limit = interaction.filesize_limit - MESSAGE_BYTES
    too_large = max(made.files, key=_size)
    if _size(too_large) > limit:
        raise UserError(
            "{what} would have {size:.1f} MiB, and {limit:.4g} MiB is the limit here. The MP3 carries its "
            "notes: `antiphon score` makes stems of it on a computer.",
            what=tr("The FLAC") if kind is Kind.FLAC else tr("A stem"),
            size=_size(too_large) / 2**20,
            limit=interaction.filesize_limit / 2**20,
        )
    stem = file_stem(clip.recipe.prompt, f"antiphon-{clip.id}")
    text = _described(kind, clip, made)
    for files in batches(made.files, limit):
        sent = [discord.File(file, filename=_name(stem, file)) for file in files]
        try:
            await interaction.followup.send(text, files=sent, ephemeral=True)
        except discord.HTTPException as error:
            if refusal_of(error, webhook=True).remedy is not Remedy.SMALLER:
                raise
            raise UserError(
                "Discord takes less here than it promised. Press the button elsewhere."
            ) from error
        text = ""


def batches(files: Sequence[Path], limit: int) -> Iterator[list[Path]]:
    """Yield files in order, as many together as a message takes. limit: bytes of a message."""
    batch: list[Path] = []
    for file in files:
        if batch and (len(batch) == MAX_FILES or sum(map(_size, batch)) + _size(file) > limit):
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


def _described(kind: Kind, clip: Clip, made: Made) -> str:
    lines = []
    match kind:
        case Kind.MIDI:
            lines.append(
                tr(
                    "General MIDI, a track for each role: {tempo:.0f} bpm, {metre}/4.",
                    tempo=made.tempo,
                    metre=made.metre,
                )
            )
        case Kind.STEMS:
            lines.append(tr("Each role alone, 24 bits. Together they are the clip before it was mastered."))
            if made.divided > 1:
                lines.append(
                    tr(
                        "All are lowered by a factor of {factor:.3f}, so that none clips.",
                        factor=made.divided,
                    )
                )
        case Kind.FLAC:
            lines.append(tr("The clip without losses, 24 bits, played and mastered again from its notes."))
    if clip.recipe.task is Task.REPAINT and kind is not Kind.MIDI:
        lines.append(
            tr(
                "This clip was repainted: outside of that part it kept the sound of its source, which is "
                "played anew here."
            )
        )
    return "\n".join(lines)


def _name(stem: str, file: Path) -> str:
    """Return the name under which a file is sent: the clip's, after the role for a stem."""
    # The role first, since a phone shows the beginning of a name.
    return f"{stem}{file.suffix}" if file.stem == "clip" else f"{file.stem}-{stem}{file.suffix}"


def _size(file: Path) -> int:
    return file.stat().st_size
