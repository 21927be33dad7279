"""How a clip is made, and from which audio: modes, tasks and the roles of sources."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from bot.errors import InvalidRecipe
from bot.locale import mark, tr


class Mode(StrEnum):
    """The paradigm of the model: autoregressive tokens, or denoising."""

    AR = "ar"
    DIFFUSION = "diffusion"

    @property
    def other(self) -> Mode:
        """The mode that this one is compared with."""
        return Mode.DIFFUSION if self is Mode.AR else Mode.AR


MODE_WORDS: Mapping[Mode, str] = {
    Mode.AR: mark("note after note, steadier"),
    Mode.DIFFUSION: mark("out of noise, wilder"),
}
"""Each mode in a musician's words. Its name is its value, on cards, leaderboards and in files alike."""


def described(mode: Mode) -> str:
    """Return “ar: note after note, steadier”."""
    return f"{mode}: {tr(MODE_WORDS[mode])}"


class ModelRef(NamedTuple):
    """A model as settings and recipes name it, with its mode: what a job waits for and a worker loads."""

    mode: Mode
    name: str


class Task(StrEnum):
    """What a model does with the prompt and the sources."""

    TEXT = "text"
    CONTINUE = "continue"
    VARY = "vary"
    COVER = "cover"
    REPAINT = "repaint"
    HYBRID = "hybrid"


class Role(StrEnum):
    """The use of a source.

    melody: the tune is followed.  start: the clip continues it.  initial: denoising begins from it.
    reference: its style is followed.
    """

    MELODY = "melody"
    START = "start"
    INITIAL = "initial"
    REFERENCE = "reference"


MIN_CONTINUED_SECONDS = 1.0
"""Shortest continuation of a source."""
REQUIRED_SOURCE: Mapping[Task, Role] = {
    Task.CONTINUE: Role.START,
    Task.VARY: Role.INITIAL,
    Task.COVER: Role.MELODY,
    Task.REPAINT: Role.INITIAL,
    Task.HYBRID: Role.INITIAL,
}
"""The source without which a task is impossible; further ones are the engine's to offer."""


UNKNOWN_SOURCE = "0" * 64
"""Stands in a recipe for a source that is not there yet, in place of its SHA-256."""


def validate_mode(mode: str) -> Mode:
    """Return the mode of that name. Raises InvalidRecipe."""
    if mode not in list(Mode):
        raise InvalidRecipe("The mode has to be {modes}.", modes=f" {tr('or')} ".join(Mode))
    return Mode(mode)
