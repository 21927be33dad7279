"""The files that a member attaches for a clip: from Discord's servers to a recipe's sources."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, TypedDict

import discord

from bot.errors import InvalidRecipe, UserError
from bot.jobs.melodies import MAX_ATTACHED_BYTES, Attached, prepare
from bot.markdown import quoted
from bot.recipe import Recipe, Role, Source, Task
from bot.recipe.build import OwnerLimits, longest_seconds, within_lengths
from bot.recipe.capabilities import Capabilities
from bot.recipe.options import validate_repaint
from bot.recipe.tasks import MIN_CONTINUED_SECONDS, UNKNOWN_SOURCE
from bot.recipe.uses import Use, uses_of
from bot.recipe.validate import Unsupported
from cogs.ui.discord_errors import NETWORK_ERRORS

_DOWNLOAD_SECONDS = 60.0
_NAME_CHARACTERS = 80
_LENGTH_TOLERANCE = 0.1
"""Seconds that an MP3 can be longer than the clip in it, as its frames are whole."""


class Attachment(Protocol):
    """A file that is not read yet: one in Discord, or a clip's on the disk."""

    @property
    def filename(self) -> str:
        """Its name, as it was typed."""

    @property
    def size(self) -> int:
        """Its bytes."""

    async def read(self) -> bytes:
        """Return what it holds."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A file and what becomes of it.

    has_length: whether the member set the clip's length; else it follows from the file's where that matters.
    """

    file: Attachment
    use: Use
    has_length: bool = False

    @property
    def name(self) -> str:
        """The file's name for a sentence, with nothing in it live."""
        return shown_file(self.file)

    async def read(self) -> Attached:
        """Fetch and decode the file. Raises UserError where the download fails, or for what is no audio."""
        data = await downloaded(self.file)
        return await prepare(data, self.name, tune=self.use is Use.MELODY)


def shown_file(file: Attachment) -> str:
    """Return a file's name for a sentence, with nothing in it live."""
    return quoted(file.filename, _NAME_CHARACTERS)


def check_size(file: Attachment) -> None:
    """Raise UserError where a file is too large to be read."""
    if file.size > MAX_ATTACHED_BYTES:
        raise UserError(
            "{name} has {size:.1f} MiB; {most} MiB is the most. Attach a shorter part of it, or an MP3.",
            name=shown_file(file),
            size=file.size / 2**20,
            most=MAX_ATTACHED_BYTES // 2**20,
        )


async def downloaded(file: Attachment) -> bytes:
    """Return what a file holds. Raises UserError where Discord does not give it."""
    try:
        async with asyncio.timeout(_DOWNLOAD_SECONDS):
            return await file.read()
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        raise UserError(
            "I couldn't fetch {name} from Discord, so nothing was queued. Try again in a minute.",
            name=shown_file(file),
        ) from error


class Sources(TypedDict):
    """The task and the sources of build_recipe."""

    task: Task
    sources: dict[Role, Source]


def sources_of(references: Collection[Reference]) -> Sources:
    """Return what references make of a recipe. Raises InvalidRecipe where they exclude each other."""
    tasks = {reference.use.task for reference in references} - {Task.TEXT}
    roles = {reference.use.role for reference in references}
    if len(tasks) > 1 or len(roles) < len(references):
        uses = ", ".join(_label(reference.use) for reference in references)
        raise InvalidRecipe("{uses} can't go together in one clip. Leave one of them out.", uses=uses)
    return {"task": tasks.pop() if tasks else Task.TEXT, "sources": dict.fromkeys(roles, UNKNOWN_SOURCE)}


def check_references(references: Collection[Reference], engine: Capabilities) -> None:
    """Raise UserError where an engine has no such use of a file, or one is too large. Fetches nothing."""
    task = sources_of(references)["task"]
    for reference in references:
        if not engine.takes_source(reference.use.role, task):
            raise _unsupported(reference.use, engine)
        check_size(reference.file)


def with_file(
    recipe: Recipe, reference: Reference, attached: Attached, engine: Capabilities, limits: OwnerLimits
) -> Recipe:
    """Return the recipe with a file that was read, and with the length that follows from it.

    Raises InvalidRecipe where the model can't use this file as the reference says.
    """
    made = recipe.with_source(reference.use.role, attached.digest)
    if engine.needs_scores and not attached.has_score and reference.use.task is not Task.TEXT:
        raise InvalidRecipe(
            "{name} is a recording, and {title} works with notes. Attach the MP3 of one of its "
            "clips, exactly as I sent it.",
            name=reference.name,
            title=engine.title,
        )
    longest = longest_seconds(engine, limits)
    match reference.use:
        case Use.CONTINUE:
            seconds = recipe.seconds
            if not reference.has_length:
                seconds = min(attached.seconds + seconds, longest)
            if seconds < attached.seconds + MIN_CONTINUED_SECONDS:
                raise _too_long(reference, attached, seconds, longest)
        case Use.COVER | Use.VARY | Use.HYBRID if not reference.has_length:
            seconds = within_lengths(attached.seconds, engine, limits)
        case Use.REPAINT:
            seconds = _repainted_seconds(recipe, reference, attached, longest)
        case _:
            return made
    return made.with_seconds(round(seconds, 2))


def _repainted_seconds(recipe: Recipe, reference: Reference, attached: Attached, longest: float) -> float:
    """Return the length of a repainted clip, which is its file's. Raises InvalidRecipe."""
    named = {"name": reference.name, "length": attached.seconds}
    if attached.seconds > longest + _LENGTH_TOLERANCE:
        raise InvalidRecipe(
            "{name} is {length:.1f} s long, and clips end at {longest:g} s here. Attach a shorter part of "
            "it.",
            longest=longest,
            **named,
        )
    if reference.has_length:
        raise InvalidRecipe(
            "{name} is {length:.1f} s long, and a repaint keeps that length. Leave `seconds` out.", **named
        )
    seconds = min(attached.seconds, longest)
    validate_repaint(recipe.options, round(seconds, 2))
    return seconds


def _too_long(reference: Reference, attached: Attached, seconds: float, longest: float) -> InvalidRecipe:
    if seconds >= longest:
        return InvalidRecipe(
            "{name} is {length:.0f} s long, and clips end at {longest:g} s here. Attach a shorter part of "
            "it.",
            name=reference.name,
            length=attached.seconds,
            longest=longest,
        )
    return InvalidRecipe(
        "{name} is {length:.0f} s long. Set `seconds`, the length of the whole, to {least:.0f} or more.",
        name=reference.name,
        length=attached.seconds,
        least=attached.seconds + 1,
    )


def _label(use: Use) -> str:
    return "`melody`" if use is Use.MELODY else f"`use:{use}`"


def _unsupported(use: Use, engine: Capabilities) -> Unsupported:
    others: Sequence[str] = [_label(one) for one in uses_of([engine])]
    given = {"use": _label(use), "mode": engine.mode, "title": engine.title}
    if not others:
        return Unsupported(
            "{use} does nothing in mode {mode} ({title}). It makes clips from words alone.", **given
        )
    return Unsupported(
        "{use} does nothing in mode {mode} ({title}). A file works there as {others}.",
        others=", ".join(others),
        **given,
    )
