"""“Use as source” in a message's menu: a clip from the audio of any message, by whoever posted it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import discord
from discord import app_commands

from bot.app import Antiphon
from bot.errors import InvalidRecipe, NotFound, UserError
from bot.locale import mark
from bot.recipe import PROMPT_CHARACTERS
from bot.recipe.build import build_recipe
from bot.recipe.capabilities import Capabilities
from bot.recipe.uses import Use, uses_of
from bot.store.clips import Clip
from cogs.submission.references import Attachment, Reference, check_references, sources_of
from cogs.submission.submit import acknowledge_request, submit
from cogs.ui.forms import Answers, Field, Form, SelectField
from cogs.ui.gate import limits_of
from cogs.ui.persistent_cog import PersistentCog
from cogs.ui.take_choice import TakeChoice, takes_in

_ENDINGS = (
    *(".aac", ".aif", ".aiff", ".amr", ".caf", ".flac", ".m4a", ".m4b", ".mka", ".mkv", ".mov", ".mp3"),
    *(".mp4", ".oga", ".ogg", ".opus", ".wav", ".weba", ".webm", ".wma", ".wv"),
)
_SECONDS_CHARACTERS = 6
MAX_OPEN = 500
"""Files of open forms that are remembered; the oldest are forgotten."""

_opened: OrderedDict[int, discord.Attachment] = OrderedDict()


class SourceForm(Form):
    """What becomes of a file, and the words for the new clip; the number is the message's id."""

    prefix = "source:use"
    reopens = True

    async def offer(self, interaction: discord.Interaction[Antiphon], file: discord.Attachment) -> None:
        """Open it for a file of the message."""
        # The form's id has no room for the file, and a message that the bot cannot fetch has no other way.
        _opened[self.number] = file
        while len(_opened) > MAX_OPEN:
            _opened.popitem(last=False)
        await self.reopen(interaction, {})

    async def reopen(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Open it, filled in."""
        uses = _uses(interaction.client)
        fields: list[Field | SelectField] = [
            SelectField(
                id="use",
                label="What should become of it?",
                options={use.value: f"{use}: {use.description}" for use in uses},
                placeholder=f"{uses[0]}: {uses[0].description}",
            ),
            Field(
                id="words",
                label="What do you want to hear?",
                hint="For example: the same on a piano, in the rain",
                max_length=PROMPT_CHARACTERS,
                value=typed.get("words", ""),
                long=True,
                required=True,
            ),
            Field(
                id="seconds",
                label="Length in seconds",
                hint="Leave it empty for a length that fits the file",
                max_length=_SECONDS_CHARACTERS,
                value=typed.get("seconds", ""),
            ),
        ]
        await self.open(interaction, "Use as source", fields)

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Answers) -> None:
        """Queue the clip."""
        bot = interaction.client
        file = await self.file(bot)
        [use] = typed.chosen.get("use") or (_uses(bot)[0],)
        seconds = _seconds(typed["seconds"])
        references = [Reference(file, Use(use), seconds is not None)]
        engine = self._engine(interaction, references)
        check_references(references, engine)
        recipe = build_recipe(
            engine, limits_of(interaction), prompt=typed["words"], seconds=seconds, **sources_of(references)
        )
        await acknowledge_request(interaction)
        await submit(interaction, recipe, references=references)

    async def file(self, bot: Antiphon) -> Attachment:
        """Return the file. Raises UserError where it is not remembered."""
        file = _opened.get(self.number)
        if file is None:
            raise UserError(
                "I no longer have that file. Choose **Use as source** in the message's menu again."
            )
        return file

    def _engine(
        self, interaction: discord.Interaction[Antiphon], references: list[Reference]
    ) -> Capabilities:
        """Return the default model here where it has this use of a file, else the first allowed that has."""
        models, limits = interaction.client.models, limits_of(interaction)
        default = models.chosen(None, None, limits.default_mode, limits.models)
        [use] = [reference.use for reference in references]
        engines = [default, *(one for one in models.values() if limits.allows(one))]
        return next((one for one in engines if one.takes_source(use.role, use.task)), default)


@dataclass(frozen=True, slots=True)
class ClipFile:
    """The file of a clip on the disk."""

    path: Path

    @property
    def filename(self) -> str:
        """Its name."""
        return self.path.name

    @property
    def size(self) -> int:
        """Its bytes. Raises OSError."""
        return self.path.stat().st_size

    async def read(self) -> bytes:
        """Return what it holds. Raises OSError."""
        return await asyncio.to_thread(self.path.read_bytes)


class TakeSourceForm(SourceForm):
    """What becomes of a take; the number is its clip's."""

    prefix = "source:take"

    async def file(self, bot: Antiphon) -> Attachment:
        """Return the clip's file. Raises NotFound where it is gone."""
        clip = await bot.history.clip(self.number)
        path = bot.settings.clip_dir / clip.file
        if not clip.file or not path.is_file():
            raise NotFound("The files of this clip are gone.")
        return ClipFile(path)


class SourceTakeSelect(TakeChoice, prefix="takes:source"):
    """Chooses the take that a clip is made from."""

    placeholder = mark("Which take do you want to use?")

    async def chosen(self, interaction: discord.Interaction[Antiphon], clip: Clip) -> None:
        """Open the form for the take."""
        await TakeSourceForm(clip.id).reopen(interaction, {})


def _uses(bot: Antiphon) -> list[Use]:
    """Return the uses that need nothing but the file and words; a repaint needs to know which part."""
    return [use for use in uses_of(bot.models.values()) if use is not Use.REPAINT]


def _seconds(typed: str) -> float | None:
    if not typed.strip():
        return None
    try:
        return float(typed.strip().removesuffix("s").replace(",", "."))
    except ValueError:
        raise InvalidRecipe("The length is a number of seconds: 20, for example.") from None


def audio_of(message: discord.Message) -> discord.Attachment | None:
    """Return the first file of a message, or of one forwarded in it, that says it is audio or a film."""
    forwarded = [file for snapshot in message.message_snapshots for file in snapshot.attachments]
    for file in (*message.attachments, *forwarded):
        kind = (file.content_type or "").partition("/")[0]
        if kind in ("audio", "video") or file.filename.lower().endswith(_ENDINGS):
            return file
    return None


class SourceMenu(PersistentCog):
    """The command in the menu of a message."""

    items = (SourceTakeSelect,)
    forms = (SourceForm, TakeSourceForm)

    def __init__(self, bot: Antiphon) -> None:
        super().__init__(bot)
        self.menu = app_commands.ContextMenu(name="Use as source", callback=self.use_as_source)

    async def cog_load(self) -> None:
        """Register the menu, where some model makes clips from files."""
        await super().cog_load()
        if uses_of(self.bot.models.values()):
            self.bot.tree.add_command(self.menu)

    async def cog_unload(self) -> None:
        """Unregister it."""
        await super().cog_unload()
        self.bot.tree.remove_command(self.menu.name, type=self.menu.type)

    async def use_as_source(
        self, interaction: discord.Interaction[Antiphon], message: discord.Message
    ) -> None:
        """Open the form, or ask which of several takes."""
        if self.bot.wrote(message) and (first := takes_in(message)) is not None:
            await SourceTakeSelect.offer(interaction, first)
            return
        file = audio_of(message)
        if file is None:
            raise UserError("That message has no audio file. Choose one with an MP3 or a voice message.")
        await SourceForm(message.id).offer(interaction, file)


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(SourceMenu(bot))
