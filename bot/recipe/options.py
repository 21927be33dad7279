"""The table of options. /music, presets, the command line, settings, validation and cards derive from it.

A new option is a row here, its name among an engine's capabilities, and its use in that engine.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

from bot.errors import InvalidRecipe
from bot.locale import tr
from bot.recipe.frozen import FrozenMapping
from bot.recipe.keys import KEYS, normalize_key
from bot.recipe.languages import LANGUAGES, normalize_language
from bot.recipe.tasks import Task
from bot.text import is_blank, sanitize

OptionValue = float | int | str

PROMPT_CHARACTERS = 1_000
LYRICS_CHARACTERS = 4_000
TIME_SIGNATURES = ("2/4", "3/4", "4/4", "6/8")
"""Those that ACE-Step was trained on (VALID_TIME_SIGNATURES of acestep/constants.py)."""
MAX_SEED = 2**31 - 1
"""Seeds fit a signed 32-bit integer, so that every generator and every tag format takes them."""

MIN_REPAINT_SECONDS = 0.5
"""A shorter part is less than a beat of most music."""


class InvalidField(InvalidRecipe):
    """A value that a field cannot have.

    name: the field's key in JSON.  problem: the rest of a sentence that begins with the field.
    shown: the field as members know it, where that is not its name.  values: of the problem's placeholders.
    """

    def __init__(self, name: str, problem: str, shown: str | None = None, /, **values: object) -> None:
        super().__init__(problem, **values)
        self.name = name
        self._shown = shown or name

    @property
    def problem(self) -> str:
        """The problem in the current language."""
        return super().__str__()

    def __str__(self) -> str:
        """Return the field with its problem, in the current language."""
        return f"{self._shown} {self.problem}"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The values of an option: low ≤ value ≤ high, in characters for a text.

    default: the value where neither the member nor the owner gives one; None leaves it to the model.
    """

    low: float
    high: float
    default: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A row of the table.

    name: its key in JSON, in an engine's capabilities and, in capitals, among the settings.
    label: its name for members, in presets and in commands.
    type: int, float or str.  bounds: the widest that any engine may have.
    description: a noun phrase or sentence for help texts, ≤ 100 characters (Discord's limit).
    unit: shown after the value.  title: heads its value on a card; the label by default.
    choices: the only values of a text, compared without regard to case.  normalize: from other spellings.
    if_empty: advice where a text is empty.
    tasks: those it has a meaning for.
    musical: it describes the music, not the sampling, so it is kept when a model of the other mode renders.
    in_presets: whether a preset can hold it.
    dispensable: whether /music does without it where models together take too many options.
    """

    name: str
    label: str
    type: type[OptionValue]
    bounds: Bounds
    description: str
    unit: str = ""
    title: str = ""
    choices: tuple[str, ...] = ()
    normalize: Callable[[str], str] | None = None
    if_empty: str = "leave it out"
    tasks: frozenset[Task] = frozenset(Task)
    musical: bool = False
    in_presets: bool = True
    dispensable: bool = False

    @property
    def heading(self) -> str:
        """The option at the head of its value on a card."""
        return tr(self.title) or self.label.capitalize()

    @property
    def parameter(self) -> str:
        """The option as a parameter of a function; a word that Python reserves has an underscore after it."""
        return self.label.replace("-", "_") + ("_" if iskeyword(self.label) else "")

    @property
    def is_free_text(self) -> bool:
        """Whether its value is a text of a member's own words."""
        return self.type is str and not self.choices

    @property
    def has_setting(self) -> bool:
        """Whether the owner can set a default: where it is about the sampling, for all music alike."""
        return self.type is not str and not self.musical

    @property
    def range(self) -> str:
        """The widest bounds or the choices, as the end of a sentence: “a number from 0 to 100”."""
        if self.choices:
            return tr("one of {choices}", choices=", ".join(self.choices))
        if self.type is str:
            return tr("a text of at most {most:,g} characters", most=self.bounds.high)
        low, high = _shown(self.bounds.low), _shown(self.bounds.high)
        if self.type is int:
            return tr("a whole number from {low} to {high}", low=low, high=high)
        return tr("a number from {low} to {high}", low=low, high=high)

    def shown(self, value: OptionValue) -> str:
        """Return a value with its unit."""
        text = f"{value:g}" if isinstance(value, float) else str(value)
        return f"{text} {tr(self.unit)}" if self.unit else text

    def validate(self, value: object) -> OptionValue:
        """Return the value in the option's type, a text sanitized. Raises InvalidField.

        The widest bounds hold here; an engine's own are checked by bot.recipe.validate.
        """
        if self.type is str:
            return self._text(value)
        types = (int,) if self.type is int else (int, float)
        # An int is compared as it is: one of hundreds of digits does not fit a float.
        within = (
            isinstance(value, types)
            and not isinstance(value, bool)
            and (isinstance(value, int) or math.isfinite(value))
            and self.bounds.low <= value <= self.bounds.high
        )
        if not within:
            raise self.invalid("has to be {range}.", range=self.range)
        assert isinstance(value, int | float)
        return value if self.type is int else float(value)

    def parse(self, text: str) -> OptionValue:
        """Return the value that somebody typed. Raises InvalidField."""
        if self.type is str:
            return self.validate(text)
        try:
            value = int(text) if self.type is int else float(text)
        except ValueError:
            raise self.invalid("has to be {range}.", range=self.range) from None
        return self.validate(value)

    def invalid(self, problem: str, /, **values: object) -> InvalidField:
        """Return the error with a problem of this option, to be raised."""
        return InvalidField(self.name, problem, f"`{self.label}`", **values)

    def _text(self, value: object) -> str:
        if not isinstance(value, str):
            raise self.invalid("has to be a text.")
        # Before anything else: sanitizing takes quadratic time for nested markup.
        length, most = len(value.strip()), int(self.bounds.high)
        if length > most:
            raise self.invalid(
                "has {length:,} characters; {most:,} is the most. Shorten the text.", length=length, most=most
            )
        text = sanitize(value)
        if is_blank(text):
            raise self.invalid("is empty: {advice}.", advice=tr(self.if_empty))
        if not self.choices:
            return text
        spelled = (self.normalize(text) if self.normalize else text).casefold()
        known = {choice.casefold(): choice for choice in self.choices}
        if spelled not in known:
            raise self.invalid("has to be {range}.", range=self.range)
        return known[spelled]


PROMPT = Option(
    name="prompt",
    label="prompt",
    type=str,
    bounds=Bounds(1, PROMPT_CHARACTERS),
    description="What you want to hear: “slow piano in the rain”",
    if_empty="say what you want to hear, for example “slow piano in the rain”",
)
SECONDS = Option(
    name="seconds",
    label="seconds",
    title="Length",
    type=float,
    bounds=Bounds(0.1, 600),
    unit="s",
    description="How long the clip is",
)
SEED = Option(
    name="seed",
    label="seed",
    type=int,
    bounds=Bounds(0, MAX_SEED),
    description="The same seed and the same words make the same clip",
    in_presets=False,
)

STEPS = "num_sampling_steps"
REPAINT_START, REPAINT_END = "repaint_start", "repaint_end"
STRENGTH, STRUCTURE = "strength", "structure"
LOOP = "loop"
SWITCH = YES, NO = "true", "false"
"""The choices of an option that is off where it is left out."""

OPTIONS: Mapping[str, Option] = {
    option.name: option
    for option in (
        Option(
            name="temperature",
            label="temperature",
            type=float,
            bounds=Bounds(0.01, 10),
            description="How adventurous: 1 is as trained, less is safer",
        ),
        Option(
            name="top_k",
            label="top-k",
            type=int,
            bounds=Bounds(0, 100_000),
            description="How many of the likeliest tokens are in each draw; 0 is all of them",
        ),
        Option(
            name="top_p",
            label="top-p",
            type=float,
            bounds=Bounds(0, 1),
            description="How much of the probability the likeliest tokens in each draw hold; 0 and 1 are all",
            dispensable=True,
        ),
        Option(
            name="guidance_scale",
            label="guidance",
            type=float,
            bounds=Bounds(0, 100),
            description="How strictly it follows your words",
        ),
        Option(
            name=STEPS,
            label="steps",
            type=int,
            bounds=Bounds(1, 1_000),
            description="How many denoising steps: more is finer and slower",
        ),
        Option(
            name="shift",
            label="shift",
            type=float,
            bounds=Bounds(1, 5),
            description="More than 1 spends more of the steps on the outline, fewer on the detail",
            dispensable=True,
        ),
        Option(
            name="lora",
            label="lora",
            type=str,
            bounds=Bounds(1, 60),
            description="A style that the owner of the bot added, by its name",
            if_empty="leave it out, or name one",
        ),
        Option(
            name="lora_scale",
            label="lora-scale",
            type=float,
            bounds=Bounds(0, 2),
            description="How much of the LoRA: 1 is as trained, 0 none",
            dispensable=True,
        ),
        Option(
            name="bpm",
            label="bpm",
            title="Tempo",
            type=int,
            bounds=Bounds(30, 300),
            unit="bpm",
            description="The tempo in beats per minute",
            musical=True,
        ),
        Option(
            name="key",
            label="key",
            type=str,
            bounds=Bounds(1, 20),
            choices=KEYS,
            normalize=normalize_key,
            description="The key, for example A minor",
            musical=True,
        ),
        Option(
            name="time_signature",
            label="meter",
            type=str,
            bounds=Bounds(1, 20),
            choices=TIME_SIGNATURES,
            description="How the beats are grouped: 3/4 is a waltz, 4/4 most songs",
            musical=True,
        ),
        Option(
            name=LOOP,
            label="loop",
            type=str,
            bounds=Bounds(1, 5),
            choices=SWITCH,
            description="true makes whole bars whose end runs into their beginning, to be played in a circle",
            tasks=frozenset({Task.TEXT, Task.VARY, Task.REPAINT, Task.HYBRID}),
            musical=True,
        ),
        Option(
            name=STRENGTH,
            label="strength",
            type=float,
            bounds=Bounds(0, 1),
            description="How far a variation goes from its clip: 0 stays with it, 1 is free of it",
            tasks=frozenset({Task.VARY}),
            musical=True,
            in_presets=False,
        ),
        Option(
            name=STRUCTURE,
            label="structure",
            type=float,
            bounds=Bounds(0, 1),
            description="How closely a hybrid or cover keeps its source's notes: 1 keeps them, 0 does not",
            tasks=frozenset({Task.HYBRID, Task.COVER}),
            musical=True,
            in_presets=False,
        ),
        Option(
            name=REPAINT_START,
            label="from",
            title="Repainted from",
            type=float,
            bounds=Bounds(0, 600),
            unit="s",
            description="Where the part that is made anew begins, in seconds from the start of the clip",
            tasks=frozenset({Task.REPAINT}),
            musical=True,
            in_presets=False,
        ),
        Option(
            name=REPAINT_END,
            label="to",
            title="Repainted to",
            type=float,
            bounds=Bounds(0, 600),
            unit="s",
            description="Where the part that is made anew ends, in seconds from the start of the clip",
            tasks=frozenset({Task.REPAINT}),
            musical=True,
            in_presets=False,
        ),
        Option(
            name="negative_prompt",
            label="negative",
            type=str,
            bounds=Bounds(1, PROMPT_CHARACTERS),
            description="What you do not want to hear",
            if_empty="leave it out, or say what you do not want to hear",
            musical=True,
        ),
        Option(
            name="lyrics",
            label="lyrics",
            type=str,
            bounds=Bounds(1, LYRICS_CHARACTERS),
            description="Words to sing; without them nobody sings. [verse] and [chorus] mark the parts",
            if_empty="leave it out for music without a singer",
            musical=True,
            # A preset's settings stand a line each, and a song has many.
            in_presets=False,
        ),
        Option(
            name="vocal_language",
            label="language",
            type=str,
            bounds=Bounds(1, 20),
            choices=tuple(LANGUAGES),
            normalize=normalize_language,
            description="The language of the lyrics; without it the model guesses",
            musical=True,
        ),
    )
}
"""Every option that an engine may take, by its name, in the order in which they are shown."""


def validate_options(given: Mapping[str, object]) -> FrozenMapping[str, OptionValue]:
    """Return the options that are set, each validated, in the table's order. Raises InvalidField."""
    if unknown := [name for name in given if name not in OPTIONS]:
        raise InvalidField(
            unknown[0], "isn't an option. The options are {options}.", options=", ".join(OPTIONS)
        )
    return FrozenMapping(
        {
            name: option.validate(given[name])
            for name, option in OPTIONS.items()
            if given.get(name) is not None
        }
    )


def validate_repaint(options: Mapping[str, OptionValue], seconds: float) -> None:
    """Hold the part that a repaint makes anew to its clip of `seconds`. Raises InvalidField."""
    start, end = OPTIONS[REPAINT_START], OPTIONS[REPAINT_END]
    for option in (start, end):
        if option.name not in options:
            raise option.invalid("is missing. Say where the part begins and ends, in seconds.")
    first, last = float(options[start.name]), float(options[end.name])
    if last > seconds:
        raise end.invalid("is {last:g} s, and the clip ends at {seconds:g} s.", last=last, seconds=seconds)
    if last - first < MIN_REPAINT_SECONDS:
        raise end.invalid(
            "has to be at least {min_repaint_seconds:g} s after `{label}`.",
            min_repaint_seconds=MIN_REPAINT_SECONDS,
            label=start.label,
        )


def without_blank_texts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return JSON data without blank text options, which earlier versions stored."""
    return {
        name: value
        for name, value in data.items()
        if not (name in OPTIONS and isinstance(value, str) and is_blank(sanitize(value)))
    }


def is_sha256(value: object) -> bool:
    """Tell whether a value is a SHA-256 in hexadecimal digits."""
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def _shown(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"
