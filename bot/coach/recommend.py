"""Which mode suits a prompt, and why; votes may know better than the words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from bot.coach.lexicon import lexicon
from bot.coach.tables import Table, packaged
from bot.recipe import Mode

UNDECIDED = 0.2
"""Below this confidence the reason says that nothing speaks clearly for either mode."""

_CUES_NAMED = 3


@dataclass(frozen=True, slots=True)
class Features:
    """Features of a prompt for the recommendation. counts: class of the lexicon → number of terms, if any."""

    prompt: str
    counts: Mapping[str, int]


class Votes(Protocol):
    """A model of a community's votes."""

    def __call__(self, features: Features) -> Mapping[Mode, float] | None:
        """Return each mode's probability (0 to 1, summing to 1) to win, or None while nobody knows."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A mode, one sentence why, and how sure: 0 is a toss-up, 1 is certain."""

    mode: Mode
    reason: str
    confidence: float


@dataclass(frozen=True, slots=True)
class _Side:
    weights: Mapping[str, float]
    reason: str


def recommend_mode(prompt: str, *, votes: Votes | None = None, default: Mode = Mode.AR) -> Recommendation:
    """Return the mode that suits a prompt; any text is taken.

    votes: asked first; the words decide where there is none, or where it does not know yet.
    default: the mode of a prompt that speaks for neither.
    """
    reading = lexicon().read(prompt)
    counts: dict[str, int] = {}
    for term in reading.terms:
        for name in term.classes:
            counts[name] = counts.get(name, 0) + 1
    known = votes(Features(prompt, counts)) if votes is not None else None
    if known is not None:
        mode = max(Mode, key=lambda m: known.get(m, 0.0))
        share = known.get(mode, 0.0)
        reason = (
            f"In blind votes here on prompts like this, {mode.value} was preferred {share:.0%} of the time."
        )
        return Recommendation(mode, reason, min(1.0, max(0.0, 2 * share - 1)))
    sides, neither = _sides()
    scores = {
        m: math.fsum(w * counts.get(name, 0) for name, w in side.weights.items()) for m, side in sides.items()
    }
    mode = max(Mode, key=lambda m: (scores[m], m == default))
    total = math.fsum(scores.values())
    confidence = (2 * scores[mode] - total) / (1 + total)
    if confidence < UNDECIDED:
        return Recommendation(mode, neither, confidence)
    cues = [t.span.of(prompt) for t in reading.of_class(*sides[mode].weights)]
    named = ", ".join(f"“{cue}”" for cue in list(dict.fromkeys(cues))[:_CUES_NAMED])
    return Recommendation(mode, sides[mode].reason.format(cues=named), confidence)


@cache
def _sides() -> tuple[Mapping[Mode, _Side], str]:
    table = packaged("recommend.toml")
    sides = {}
    for mode in Mode:
        entry = Table(f"recommend.toml, {mode.value}", table.mapping(mode.value))
        sides[mode] = _Side({k: float(v) for k, v in entry.mapping("weights").items()}, entry.text("reason"))
        entry.done()
    last = Table("recommend.toml, neither", table.mapping("neither"))
    neither = last.text("reason")
    last.done()
    table.done()
    return sides, neither
