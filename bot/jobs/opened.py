"""Files of clips that members open again: read, judged like any untrusted input, and kept as clips of theirs.

A file may come from another bot, or from nobody's. Nothing that its tag says of this database is believed:
its sources are left out, and its model has to be one of those that run here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from bot.config import Settings
from bot.engines.configured import InstalledModels
from bot.errors import StoreError, UserError
from bot.hub.naming import model_name
from bot.jobs.configured import ConfiguredModels
from bot.jobs.files import remove_files
from bot.jobs.melodies import Attached
from bot.locale import tr
from bot.loras import pinned
from bot.markdown import quoted
from bot.recipe import Recipe, Task
from bot.recipe.build import OwnerLimits, longest_seconds
from bot.recipe.capabilities import Capabilities
from bot.recipe.options import OPTIONS
from bot.recipe.validate import validate, validate_seconds
from bot.recipe_files import parse_recipe
from bot.store.clips import Clip
from bot.store.opened import NewOpened, OpenedClips

PROMPT_SHOWN = 300
MODEL_SHOWN = 80
_LENGTH_TOLERANCE = 1.0
"""Seconds by which a file may differ from its recipe, for the padding of encoders."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The recipe in a file, as it can be used here.

    made_from: what the file's own recipe was made from, which is not in the file; None for words alone.
    """

    recipe: Recipe
    made_from: Task | None


@dataclass(frozen=True, slots=True)
class OpenedBy:
    """Who opened a file, and where."""

    user_id: int
    guild_id: int | None
    channel_id: int
    application_id: int


class OpenedService:
    """Turns files into clips."""

    def __init__(self, store: OpenedClips, models: InstalledModels, settings: Settings) -> None:
        self._store = store
        self._models = models
        self._configured = ConfiguredModels(models)
        self._folder = settings.clip_dir

    def parse(self, text: str | None, name: str) -> Recipe:
        """Return the recipe that a file carries, as its tag has it. name: what a refusal calls the file.

        Raises UserError where it carries none, and InvalidRecipe for one that cannot be read.
        """
        if text is None:
            raise UserError(
                "{name} has no recipe in its tags, so I can't tell how it was made. Use an MP3 exactly as I "
                "sent it. Any other audio works as `source` of `/music`.",
                name=name,
            )
        return parse_recipe(text)

    def usable(self, recipe: Recipe, limits: OwnerLimits) -> Opened:
        """Return what can be done here with a recipe out of a file, whose words passed the gate.

        Raises UserError for a model that is not here, and InvalidRecipe for values that it does not take.
        """
        recipe = self._configured.adopt_shown(recipe)
        engine = self._models.get(recipe.model_ref)
        if engine is None:
            raise UserError(
                "That clip was made by {model}, which doesn't run here. Make another one from its words: "
                "`/music prompt:` {prompt}",
                model=quoted(model_name(recipe.model), MODEL_SHOWN),
                prompt=quoted(recipe.prompt, PROMPT_SHOWN),
            )
        made_from = None if recipe.task is Task.TEXT and not recipe.sources else recipe.task
        own = {name: value for name, value in recipe.options.items() if Task.TEXT in OPTIONS[name].tasks}
        alone = replace(recipe, task=Task.TEXT, sources={}, options=own)
        validate(alone, engine)
        validate_seconds(alone.seconds, engine, longest_seconds(engine, limits))
        if lora := alone.text("lora"):
            alone = alone.with_options(lora=pinned(lora, engine.loras))
        return Opened(alone, made_from)

    def lacks_audio(self, recipe: Recipe, attached: Attached | None) -> str | None:
        """Return why a file's audio is no source for this recipe's model, or None where it is one."""
        if attached is None:
            return tr("This file is a recipe without audio, so there is nothing to vary or to go on from.")
        if abs(attached.seconds - recipe.seconds) > _LENGTH_TOLERANCE and not recipe.options.get("loop"):
            return tr(
                "The file lasts {length:.1f} s and its recipe {seconds:g} s, so it was changed: I use its "
                "recipe alone.",
                length=attached.seconds,
                seconds=recipe.seconds,
            )
        if self._engine(recipe).needs_scores and not attached.has_score:
            return tr("Its notes aren't in its tags any more, so I use its recipe alone.")
        return None

    async def keep(
        self, data: bytes, sha256: str, opened: Opened, by: OpenedBy, now: float, *, with_audio: bool
    ) -> Clip:
        """Return the clip of a file: the member's own where this is one of theirs, else a new record.

        with_audio: whether the file is kept, as a source of other clips.  Raises StoreError for a full disk.
        """
        if with_audio and opened.made_from is None:
            for clip in await self._store.rendered(by.user_id, opened.recipe):
                if await asyncio.to_thread(_holds, self._folder / clip.file, data):
                    return clip
        ending = _ending(data) if with_audio else ""
        known = await self._store.find(by.user_id, sha256)
        if known is not None and known.recipe == opened.recipe:
            if not ending or (self._folder / (known.file or "-")).is_file():
                return known
            name = await self._store.written_again(known, ending)
            await self._write(name, data)
            return replace(known, file=name)
        engine = self._engine(opened.recipe)
        clip, removed = await self._store.add(
            NewOpened(
                recipe=opened.recipe,
                sha256=sha256,
                ending=ending,
                facts={"title": engine.title, "licence": engine.licence},
                user_id=by.user_id,
                guild_id=by.guild_id,
                channel_id=by.channel_id,
                application_id=by.application_id,
            ),
            now,
        )
        await asyncio.to_thread(remove_files, self._folder, *removed)
        if clip.file:
            await self._write(clip.file, data)
        return clip

    def _engine(self, recipe: Recipe) -> Capabilities:
        return self._models[recipe.model_ref]

    async def _write(self, name: str, data: bytes) -> None:
        try:
            await asyncio.to_thread((self._folder / name).write_bytes, data)
        except OSError as error:
            raise StoreError(f"The opened file cannot be written to {self._folder}: {error}.") from error


def _ending(data: bytes) -> str:
    """Return the ending of a file's name, by its first bytes."""
    return {b"fLaC": ".flac", b"RIFF": ".wav"}.get(data[:4], ".mp3")


def _holds(file: Path, data: bytes) -> bool:
    try:
        return file.stat().st_size == len(data) and file.read_bytes() == data
    except OSError:
        return False
