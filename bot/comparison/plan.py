"""The clips of a comparison, in the order in which they are rendered, and what was measured of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from bot.comparison.results import Memory, Sound
from bot.errors import UserError
from bot.recipe import Recipe
from bot.recipe.build import OwnerLimits, build_recipe, longest_seconds
from bot.recipe.capabilities import Capabilities
from bot.recipe.options import STEPS

SWEPT = (2, 4, 8, 16, 30, 50, 100)
_WARM_SECONDS = 10.0


class Purpose(StrEnum):
    """Why a clip is rendered. WARM: it pays for loading and compiling, and counts for nothing."""

    WARM = "warm"
    LENGTHS = "lengths"
    STEPS = "steps"


@dataclass(frozen=True, slots=True)
class Planned:
    """A clip that a comparison renders."""

    recipe: Recipe
    purpose: Purpose

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {"recipe": self.recipe.to_dict(), "purpose": self.purpose.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Planned:
        """Return what `to_dict` made a dict of."""
        return cls(Recipe.from_dict(data["recipe"]), Purpose(data["purpose"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured of a planned clip. seconds: to render it, mastering left out."""

    seconds: float
    memory: Memory
    sound: Sound

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Measured:
        """Return what `to_dict` made a dict of."""
        return cls(
            seconds=data["seconds"],
            memory=Memory(**data["memory"]),
            sound=Sound.from_dict(data["sound"]),
        )


def plan(
    prompt: str,
    engine: Capabilities,
    limits: OwnerLimits,
    lengths: Sequence[float],
    seeds: int,
    *,
    sweep: bool,
) -> list[Planned]:
    """Return what a model renders: each seed at each length that it can make, then the sweep.

    sweep: whether to render the shortest length with more and more steps, where a model has them.
    Raises UserError where it can make none of the lengths, or the prompt is refused.
    """
    longest = longest_seconds(engine, limits)
    made = [length for length in lengths if engine.min_seconds <= length <= longest]
    if not made:
        raise UserError(f"{engine.title} makes clips of {engine.min_seconds:g} to {longest:g} s here.")
    clips = [
        build_recipe(engine, limits, prompt=prompt, seconds=seconds, seed=seed)
        for seconds in made
        for seed in range(1, seeds + 1)
    ]
    warm = clips[0].with_seconds(min(max(_WARM_SECONDS, engine.min_seconds), longest))
    bounds = engine.options.get(STEPS) if sweep else None
    counts = [count for count in SWEPT if bounds is not None and bounds.low <= count <= bounds.high]
    return [
        Planned(warm, Purpose.WARM),
        *(Planned(clip, Purpose.LENGTHS) for clip in clips),
        *(Planned(clips[0].with_options(**{STEPS: count}), Purpose.STEPS) for count in counts),
    ]


def measured_of(facts: Mapping[str, Any], sound: Sound) -> Measured:
    """Return the measures of a rendered clip. facts: the worker's, as stored with it."""
    return Measured(seconds=float(facts["render_seconds"]), memory=Memory(**facts["memory"]), sound=sound)
