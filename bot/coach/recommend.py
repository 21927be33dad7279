"""Which mode suits a prompt, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from bot.coach.lexicon import lexicon
from bot.coach.tables import Table, packaged
from bot.recipe import Mode

UNDECIDED = 0.2
"""Below this confidence the reason says that the prompt suits both modes."""

_CUES_NAMED = 3


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


def recommend_mode(prompt: str, *, default: Mode = Mode.AR) -> Recommendation:
    """Return the mode that suits a prompt, by its words; `default` where none speaks for either."""
    reading = lexicon().read(prompt)
    counts: dict[str, int] = {}
    for term in reading.terms:
        for name in term.classes:
            counts[name] = counts.get(name, 0) + 1
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
