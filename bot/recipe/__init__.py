"""Recipes: everything that decides how a clip sounds."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Self

from bot.errors import InvalidRecipe
from bot.recipe.frozen import FrozenMapping
from bot.recipe.options import (
    LOOP,
    LYRICS_CHARACTERS,
    MAX_SEED,
    OPTIONS,
    PROMPT,
    PROMPT_CHARACTERS,
    SECONDS,
    SEED,
    YES,
    OptionValue,
    is_sha256,
    validate_options,
    without_blank_texts,
)
from bot.recipe.tasks import REQUIRED_SOURCE, Mode, ModelRef, Role, Task, validate_mode
from bot.text import is_blank, sanitize

__all__ = [
    "LYRICS_CHARACTERS",
    "MAX_SEED",
    "NO_WORDS",
    "PROMPT_CHARACTERS",
    "Mode",
    "ModelRef",
    "OptionValue",
    "Recipe",
    "Role",
    "Source",
    "Task",
    "random_seed",
    "validate_mode",
    "validate_prompt",
]

AUTO = "auto"
"""In a mode's place: the votes choose the model."""
NO_WORDS = "(no words)"
"""The prompt of a clip that was made from invisible characters alone, when that was possible."""

Source = str | int
"""Stored audio by its SHA-256 in hexadecimal digits, or a clip by its id."""

_FIELDS = ("prompt", "mode", "model", "seconds", "seed", "task", "sources")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One clip, completely described: the same recipe on the same machine gives the same audio.

    prompt: 1 to 1,000 characters, sanitized (bot/text.py), not blank.
    model: hub name or folder of the engine's model, or the name of a built-in one.
    seconds: length of the clip, 0.1 to 600.  seed: 0 to 2³¹ − 1.
    options: values by the names of bot.recipe.options.OPTIONS, without what the engine does not take.
    task: what the model does.  sources: the audio it does it with, by role.

    Raises InvalidRecipe, with the field, when a value is out of the widest bounds. The bounds of one engine
    within them are its Capabilities, held by bot.recipe.validate.
    """

    prompt: str
    mode: Mode
    model: str
    seconds: float
    seed: int
    options: Mapping[str, OptionValue] = field(default_factory=FrozenMapping)
    task: Task = Task.TEXT
    sources: Mapping[Role, Source] = field(default_factory=FrozenMapping)

    def __post_init__(self) -> None:
        for name, value in (
            ("prompt", PROMPT.validate(self.prompt)),
            ("mode", validate_mode(self.mode)),
            ("seconds", SECONDS.validate(self.seconds)),
            ("seed", SEED.validate(self.seed)),
            ("options", validate_options(self.options)),
            ("task", _validate_task(self.task)),
            ("sources", _validate_sources(self.sources)),
        ):
            object.__setattr__(self, name, value)
        required = REQUIRED_SOURCE.get(self.task)
        if required is not None and required not in self.sources:
            raise InvalidRecipe(
                "The task {task} needs a source: {required}.", task=self.task, required=required
            )

    @property
    def model_ref(self) -> ModelRef:
        """The model with its mode."""
        return ModelRef(self.mode, self.model)

    @property
    def melody(self) -> Source | None:
        """The audio whose tune the clip follows."""
        return self.sources.get(Role.MELODY)

    @property
    def loops(self) -> bool:
        """Whether the end of the clip runs into its beginning; its length is that of whole bars then."""
        return self.options.get(LOOP) == YES

    @property
    def stored_sources(self) -> frozenset[str]:
        """The SHA-256 of each source that is stored audio."""
        return frozenset(source for source in self.sources.values() if isinstance(source, str))

    @property
    def texts(self) -> tuple[str, ...]:
        """What a member wrote: the prompt, and the options of free text."""
        options = [str(value) for name, value in self.options.items() if OPTIONS[name].is_free_text]
        return (self.prompt, *options)

    def text(self, option: str) -> str | None:
        """Return the value of a text option, None where it is not set."""
        value = self.options.get(option)
        assert value is None or isinstance(value, str)
        return value

    def with_options(self, **changes: OptionValue | None) -> Recipe:
        """Return the same recipe with other options; None leaves one out."""
        known = dict[str, OptionValue | None](self.options) | changes
        return replace(self, options={name: value for name, value in known.items() if value is not None})

    def with_source(self, role: Role, source: Source) -> Recipe:
        """Return the same recipe with another source in a role."""
        return replace(self, sources={**self.sources, role: source})

    def with_seconds(self, seconds: float) -> Recipe:
        """Return the same recipe with another length of the clip."""
        return replace(self, seconds=seconds)

    def reseeded(self, seed: int | None = None) -> Recipe:
        """Return the same recipe with another seed, a random one if none is given."""
        return replace(self, seed=random_seed() if seed is None else seed)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON's types: the fields and options in one object, unset ones left out."""
        data: dict[str, Any] = {
            "prompt": self.prompt,
            "mode": self.mode.value,
            "model": self.model,
            "seconds": self.seconds,
            "seed": self.seed,
            **self.options,
        }
        if self.task is not Task.TEXT:
            data["task"] = self.task.value
        if self.sources:
            data["sources"] = {role.value: source for role, source in self.sources.items()}
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what to_dict returned, in this or an earlier version; None is an unset option.

        A prompt that is blank is read as NO_WORDS, other blank texts as unset: earlier versions stored some,
        and their rows have to stay readable.
        Raises InvalidRecipe for unknown keys and for values out of bounds, TypeError for missing ones.
        """
        given = without_blank_texts(_current(data))
        if unknown := sorted(given.keys() - {*_FIELDS, *OPTIONS}):
            raise InvalidRecipe("A recipe has no {unknown}.", unknown=", ".join(unknown))
        if isinstance(given.get("prompt"), str) and is_blank(sanitize(given["prompt"])):
            given["prompt"] = NO_WORDS
        fields: dict[str, Any] = {name: given[name] for name in _FIELDS if name in given}
        return cls(**fields, options={name: given[name] for name in OPTIONS if name in given})

    def to_json(self) -> str:
        """Return to_dict as text."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Recipe:
        """Read what to_json wrote, as from_dict. Raises ValueError where it is no JSON."""
        return _read(text)


# A waiting job's recipe is read again for each estimate of the whole queue, at 60 µs. Recipes cannot change.
@lru_cache(maxsize=4_096)
def _read(text: str) -> Recipe:
    return Recipe.from_dict(json.loads(text))


def validate_prompt(text: str) -> str:
    """Return a prompt sanitized. Raises InvalidRecipe if it is blank or too long."""
    return str(PROMPT.validate(text))


def random_seed() -> int:
    """Return a random seed, 0 to 2³¹ − 1."""
    return secrets.randbelow(MAX_SEED + 1)


def _current(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's data with the sources of earlier versions, `melody` and `source_clip`, by role."""
    known = dict(data)
    melody, clip = known.pop("melody", None), known.pop("source_clip", None)
    if melody is not None:
        known["sources"] = {Role.MELODY: melody}
    if clip is not None:
        known["task"] = Task.CONTINUE
        known["sources"] = {**known.get("sources", {}), Role.START: clip}
    return known


def _validate_task(task: str) -> Task:
    if task not in list(Task):
        raise InvalidRecipe("The task has to be {tasks}.", tasks=", ".join(Task))
    return Task(task)


def _validate_sources(sources: Mapping[Role, Source]) -> FrozenMapping[Role, Source]:
    known: dict[Role, Source] = {}
    for role in Role:
        source = sources.get(role)
        if source is None:
            continue
        if not (is_sha256(source) or (type(source) is int and source > 0)):
            raise InvalidRecipe(
                "The source {role} has to be a SHA-256, 64 digits of 0-9 and a-f, or a clip's id.", role=role
            )
        known[role] = source
    if unknown := sorted(str(role) for role in sources if role not in list(Role)):
        raise InvalidRecipe(
            "A source is {roles}, not {unknown}.", roles=", ".join(Role), unknown=", ".join(unknown)
        )
    return FrozenMapping(known)
