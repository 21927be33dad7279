"""What words are (instruments, genres, senses, places …), and how to find them in a text."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple, Self

from bot.errors import SetupError

_WORD = re.compile(r"[^\W_](?:\w|['’](?=\w)|[\u0300-\u036f])*")
"""A letter or digit, then what belongs to the word: more of them, inner apostrophes, combining accents."""

_JOINT = re.compile(r"[^\S\r\n]+|[^\S\r\n]?[-‐‑][^\S\r\n]?|[.,/](?=\d)")
"""What may stand between the words of one term: spaces on one line, a hyphen, or a sign within a number."""

WORDS_IN_A_TERM = 4

_UNKNOWN: frozenset[str] = frozenset()


class Span(NamedTuple):
    """A stretch of a text: 0 ≤ start ≤ end ≤ len(text)."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """Return the stretch."""
        return text[self.start : self.end]


class Term(NamedTuple):
    """One known term, or one unknown word (no classes), where it stands.

    words: positions of its first and one past its last word among all words of the text.
    """

    span: Span
    key: str
    classes: frozenset[str]
    words: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reading:
    """A text with its words and the terms that cover them, left to right, longest term first.

    keys: each word's form for look-ups.  linked: whether a word and the next may belong to one term.
    """

    text: str
    words: tuple[Span, ...]
    keys: tuple[str, ...]
    linked: tuple[bool, ...]
    terms: tuple[Term, ...] = ()

    def of_class(self, *classes: str) -> tuple[Term, ...]:
        """Return the terms that belong to at least one of these classes, in order."""
        wanted = frozenset(classes)
        return tuple(term for term in self.terms if term.classes & wanted)

    def phrases(self, phrases: Phrases) -> Iterator[tuple[Span, str, int]]:
        """Yield span, key and first word's position of each phrase, longest first, none overlapping."""
        free = 0
        for position, word in enumerate(self.keys):
            if word not in phrases.first or position < free:
                continue
            for key, size in phrases.first[word]:
                if self.joined(position, size) == key:
                    free = position + size
                    yield Span(self.words[position].start, self.words[free - 1].end), key, position
                    break

    def terms_in(self, span: Span, most: int | None = None) -> tuple[Term, ...]:
        """Return the terms that begin within the span, at most `most`."""
        first = bisect_left(self.terms, span.start, key=lambda term: term.span.start)
        last = bisect_left(self.terms, span.end, key=lambda term: term.span.start)
        return self.terms[first : last if most is None else min(last, first + most)]

    def term_at(self, word: int) -> Term:
        """Return the term that covers the word at this position."""
        return self.terms[bisect_right(self.terms, word, key=lambda term: term.words[0]) - 1]

    def joined(self, position: int, size: int) -> str | None:
        """Return `size` words from `position` as one key, or None where they are not next to each other."""
        end = position + size
        if position < 0 or end > len(self.words) or not all(self.linked[position : end - 1]):
            return None
        return self.keys[position] if size == 1 else " ".join(self.keys[position:end])


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases to look for. first: first word → (phrase, number of words), longest first."""

    first: Mapping[str, tuple[tuple[str, int], ...]]

    @classmethod
    def of(cls, phrases: Iterable[str]) -> Self:
        """Return these phrases, which need at least one word each, ready to be looked for."""
        first: dict[str, list[tuple[str, int]]] = {}
        for key in {phrase_key(phrase) for phrase in phrases}:
            words = key.split()
            first.setdefault(words[0], []).append((key, len(words)))
        return cls({word: tuple(sorted(found, key=lambda p: (-p[1], p[0]))) for word, found in first.items()})


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Terms with their classes. longest: first word → words in its longest term, where that is over one."""

    classes: Mapping[str, frozenset[str]]
    longest: Mapping[str, int]

    def read(self, text: str) -> Reading:
        """Return the text with its known terms. Any text is taken, the empty one too."""
        words = tuple(Span(match.start(), match.end()) for match in _WORD.finditer(text))
        gaps = (text[left.end : right.start] for left, right in pairwise(words))
        linked = (*(gap == " " or _JOINT.fullmatch(gap) is not None for gap in gaps), False)
        bare = Reading(text, words, tuple(key_of(span.of(text)) for span in words), linked)
        return replace(bare, terms=tuple(self._terms(bare)))

    def classes_of(self, key: str) -> frozenset[str]:
        """Return the classes of a term, or of its singular; empty for an unknown one."""
        found = self.classes.get(key)
        if found is None and key.endswith("s") and len(key) > 3:
            found = self.classes.get(key[:-1]) or self.classes.get(key.removesuffix("es"))
        return found or _UNKNOWN

    def _terms(self, bare: Reading) -> Iterator[Term]:
        free = 0
        for position, word in enumerate(bare.keys):
            if position < free:
                continue
            free = position + 1
            for size in range(self.longest.get(word, 1), 1, -1):
                key = bare.joined(position, size)
                if key is not None and (found := self.classes_of(key)):
                    free = position + size
                    span = Span(bare.words[position].start, bare.words[free - 1].end)
                    yield Term(span, key, found, (position, free))
                    break
            else:
                yield Term(bare.words[position], word, self.classes_of(word), (position, free))


def key_of(word: str) -> str:
    """Return a word's form for look-ups: composed, case-folded, with a straight apostrophe."""
    if word.isascii():
        return word.lower()
    return unicodedata.normalize("NFKC", word).casefold().replace("’", "'")


def phrase_key(phrase: str) -> str:
    """Return a phrase's form for look-ups: its words' keys, one space between."""
    return " ".join(key_of(match.group()) for match in _WORD.finditer(phrase))


def split_list(text: str) -> list[str]:
    """Return the entries of a list that is written with commas or line ends between them."""
    return [entry.strip() for entry in re.split(r"[,\n]", text) if entry.strip()]


def build(lists: Mapping[str, Iterable[str]]) -> Lexicon:
    """Return the lexicon of these terms. Raises SetupError for an entry of no word, or of too many."""
    classes: dict[str, set[str]] = {}
    for name, entries in lists.items():
        for entry in entries:
            key = phrase_key(entry)
            if not 1 <= len(key.split()) <= WORDS_IN_A_TERM:
                raise SetupError(f"lexicon.toml, {name}: {entry!r} needs 1 to {WORDS_IN_A_TERM} words.")
            classes.setdefault(key, set()).add(name)
    longest: dict[str, int] = {}
    for words in (key.split() for key in classes if " " in key):
        longest[words[0]] = max(longest.get(words[0], 1), len(words))
    # Most terms have the same few classes, and a set of its own for each would take 0.5 MB.
    shared: dict[frozenset[str], frozenset[str]] = {}
    sets = {key: shared.setdefault(one := frozenset(names), one) for key, names in classes.items()}
    return Lexicon(sets, longest)


@cache
def lexicon() -> Lexicon:
    """Return the lexicon that ships with the bot, read once."""
    text = files("bot.coach").joinpath("lexicon.toml").read_text(encoding="utf-8")
    lists = tomllib.loads(text)
    return build({name: split_list(text) for name, text in lists.items()})
