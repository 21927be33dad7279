"""The arguments and the results of a check."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.coach.edits import Edit
from bot.coach.language import Foreign
from bot.coach.lexicon import Reading, Span
from bot.recipe import Mode
from bot.recipe.capabilities import ENGLISH

_NEGATIONS = """
no not non without never zero minus less isn't don't doesn't avoid neither nor
ohne keine kein sans sin sem senza zonder bez без utan tanpa không fără
"""
NEGATIONS = frozenset(_NEGATIONS.split())
_NEGATION_REACH = 3
"""How many words before the negated one a negation may stand: "without any real vocals"."""

_BREAK = re.compile(r"[.;:!?\n]")
_TEMPO = re.compile(
    r"(?<![\w.,])(?P<before>\d{1,9}(?:[.,]\d{1,3})?)[ \t]{0,3}-?[ \t]{0,3}(?:b\.?p\.?m\b|beats (?:per|a) min)"
    r"|\b(?:bpm|tempo)[ \t]{0,3}(?:[:=]|of|at|is)?[ \t]{0,3}(?P<after>\d{1,9}(?:[.,]\d{1,3})?)(?![\w])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt with everything a check may ask.

    prompt_tokens: what the text encoder reads, ≥ 1, or None where unknown.
    instrumental: whether the model has no voices.  foreign: the other language it is in, if it is.
    languages: those that the text encoder was trained on, by their English names.
    """

    reading: Reading
    mode: Mode
    prompt_tokens: int | None
    instrumental: bool
    foreign: Foreign | None
    languages: frozenset[str] = ENGLISH

    @property
    def text(self) -> str:
        """The prompt as it was typed."""
        return self.reading.text


@dataclass(frozen=True, slots=True)
class Match:
    """Where a check found something. notes fill the rule's suggestion.

    edits, additions: the rewriting, if any: changes in place, and text for the prompt's end.
    """

    spans: tuple[Span, ...]
    notes: Mapping[str, str] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    additions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """A rule's check. rewrites: whether its matches may hold a rewriting."""

    find: Callable[[Request], Match | None]
    rewrites: bool = False


def negated(reading: Reading, word: int) -> bool:
    """Tell whether the word at this position is said not to be there: "no vocals", "not too loud"."""
    for before in range(word - 1, max(-1, word - 1 - _NEGATION_REACH), -1):
        gap = reading.text[reading.words[before].end : reading.words[before + 1].start]
        if _BREAK.search(gap) or "," in gap:
            return False
        if reading.keys[before] in NEGATIONS:
            return True
    return False


def tempi(text: str) -> list[tuple[Span, float]]:
    """Return every tempo the text gives in beats per minute, with its place."""
    return [
        (Span(match.start(), match.end()), float((match["before"] or match["after"]).replace(",", ".")))
        for match in _TEMPO.finditer(text)
    ]
