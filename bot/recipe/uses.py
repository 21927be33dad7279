"""The uses of an attached file: the task and the role of the source that each stands for."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from bot.locale import mark
from bot.recipe.capabilities import Capabilities
from bot.recipe.tasks import Role, Task


class Use(StrEnum):
    """What a member wants done with a file, by the name that is typed."""

    MELODY = "melody"
    CONTINUE = "continue"
    COVER = "cover"
    TIMBRE = "timbre"
    VARY = "vary"
    REPAINT = "repaint"
    HYBRID = "hybrid"

    @property
    def task(self) -> Task:
        """What the model does."""
        return _MEANING[self].task

    @property
    def role(self) -> Role:
        """The role of the file among the recipe's sources."""
        return _MEANING[self].role

    @property
    def description(self) -> str:
        """What becomes of the file, as a choice in Discord says it, in English."""
        return _MEANING[self].description


class _Meaning(NamedTuple):
    task: Task
    role: Role
    description: str


_MEANING = {
    Use.MELODY: _Meaning(Task.TEXT, Role.MELODY, mark("follow its tune")),
    Use.CONTINUE: _Meaning(Task.CONTINUE, Role.START, mark("go on from its end")),
    Use.COVER: _Meaning(Task.COVER, Role.MELODY, mark("the same piece in another style")),
    Use.TIMBRE: _Meaning(Task.TEXT, Role.REFERENCE, mark("another piece with its sound")),
    Use.VARY: _Meaning(Task.VARY, Role.INITIAL, mark("the same piece, changed in part")),
    Use.REPAINT: _Meaning(Task.REPAINT, Role.INITIAL, mark("the seconds from … to … made anew")),
    Use.HYBRID: _Meaning(Task.HYBRID, Role.INITIAL, mark("its notes, played anew by diffusion")),
}


def uses_of(engines: Iterable[Capabilities]) -> list[Use]:
    """Return the uses that some engine takes, in the order of Use."""
    known = list(engines)
    return [use for use in Use if any(engine.takes_source(use.role, use.task) for engine in known)]
