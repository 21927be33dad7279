"""Split a prompt into clauses in the order of the music, without the parts that the engine parses itself.

Tempo, key and negated instruments ("120 bpm", "in D minor", "no drums") are removed: the engine honours them
exactly, and a sentence embedding reads "no drums" much like "drums".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from bot.engines.score.emoji import spelled_out

MAX_CLAUSES = 8
MAX_CHARACTERS = 4_000

_END = r"[,.;:!?\n，。；、！？]"
_TEMPO = (
    r"(?:\bat\s+|\btempo\s+(?:of\s+)?)?\b\d{2,3}\s*(?:bpm|beats per minute)\b"
    r"|\btempo\s+(?:of\s+)?\d{2,3}\b"
)
_KEY = (
    r"\b(?:in\s+)?(?:the\s+key\s+of\s+)?[a-g](?:\s*(?:sharp|flat|#|♯|♭|b))?\s*-?\s*"
    r"(?:major|minor|maj|min|moll|dur)\b"
)
_NEGATED = (
    rf"\b(?:no|without|minus|lacking|zero)\s+(?:(?!{_END}).)+?"
    rf"(?=\s+(?:but|with|only|just|then)\b|{_END}|$)"
)
_PARSED = re.compile("|".join((_TEMPO, _KEY, _NEGATED)), re.IGNORECASE)


class Kind(IntEnum):
    """Place of a clause in the prompt: the whole prompt, outside a sequence, or a stage of one."""

    WHOLE = 0
    PLAIN = 1
    FIRST = 2
    NEXT = 3
    LAST = 4


_VERB = r"(?:start|begin|open)(?:s|ning|ing|ting)?"
_MARKS = {
    Kind.FIRST: rf"(?:at\s+)?first(?:\s+only)?|initially|intro\s+(?:of|with)|{_VERB}\s+(?:with|on|from|by)",
    Kind.NEXT: r"(?:and\s+)?then(?:\s+add)?|next|later|afterwards|after\s+that|followed\s+by|before"
    r"|add(?:s|ing)?|bring(?:s|ing)?\s+in|joined\s+by|(?:build|grow)(?:s|ing)?\s+(?:up\s+)?to",
    Kind.LAST: r"(?:and\s+)?(?:finally|lastly|at\s+last)|(?:in|at)\s+the\s+end"
    r"|(?:end|finish|close)(?:s|es|ing)?\s+(?:with|on)",
}
_SPLIT = re.compile(
    "|".join(rf"(?P<{kind.name}>\b(?:{marks})\b)" for kind, marks in _MARKS.items())
    + rf"|(?P<PLAIN>{_END}+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Clause:
    """Text of one clause, its position in the prompt, and how many marks of a sequence precede it."""

    text: str
    kind: Kind
    marks: int = 0


def described(prompt: str) -> str:
    """Return the prompt, emoji as words, without tempo, key and negated instruments, white space single."""
    text = spelled_out(prompt[:MAX_CHARACTERS])
    return " ".join(_PARSED.sub(" ", text).split()).strip(" ,.;:")


def clauses(prompt: str) -> list[Clause]:
    """Return the whole prompt and then its clauses, 0 to 1 + MAX_CLAUSES entries; empty without any word.

    A mark of a sequence ("start with", "then", "finally") begins a clause of its stage; punctuation ends a
    clause, and what follows keeps the stage. A prompt of one clause has two entries with the same text.
    """
    text = described(prompt)
    if not any(character.isalnum() for character in text):
        return []
    parts: list[Clause] = []
    kind, start, marks = Kind.PLAIN, 0, 0
    for match in _SPLIT.finditer(text):
        _append(parts, text[start : match.start()], kind, marks)
        found = Kind[str(match.lastgroup)]
        if found is not Kind.PLAIN:
            kind, marks = found, marks + 1
        start = match.end()
    _append(parts, text[start:], kind, marks)
    return [Clause(text, Kind.WHOLE), *parts[:MAX_CLAUSES]]


def stages(prompt: str) -> list[str]:
    """Return one prompt for each stage of a sequence, in the order of the music; without one, `[prompt]`.

    The prompt of a stage holds its own clauses and those outside the sequence: "jazz, first a flute, then
    drums" becomes "only a flute, jazz" and "drums, jazz". Instruments that play already are in the models'
    context: with them in the prompt, the new one entered in half as many clips (training/README.md).
    """
    parts = clauses(prompt)[1:]
    # Without a first mark, what precedes the second stage is the first: "a flute, then drums".
    explicit = any(part.kind is Kind.FIRST for part in parts)
    general = [part.text for part in parts if part.kind is Kind.PLAIN and explicit]
    numbers: dict[tuple[int, int], list[str]] = {}
    for part in parts:
        if part.kind is Kind.PLAIN and explicit:
            continue
        numbers.setdefault((max(part.kind, Kind.FIRST), part.marks), []).append(part.text)
    if len(numbers) < 2:
        return [prompt]
    first, *later = (", ".join([*texts, *general]) for _, texts in sorted(numbers.items()))
    return [f"only {first}", *later]


def _append(parts: list[Clause], text: str, kind: Kind, marks: int) -> None:
    text = text.strip(" -–—\"'()")
    if any(character.isalnum() for character in text):
        parts.append(Clause(text, kind, marks))
