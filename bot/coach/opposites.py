"""The check for words that pull the same part in opposite ways."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from bot.coach.edits import Edit
from bot.coach.lexicon import Phrases, Reading, Span, Term, phrase_key, split_list
from bot.coach.request import Check, Match, Request, negated, tempi
from bot.coach.tables import Table
from bot.errors import SetupError
from bot.recipe import Mode

_OWNERS = frozenset({"instrument", "voice", "part", "genre", "place", "material"})
_OWNER_REACH = 5
"""How many terms after an adjective its noun may stand: "a fast, sad and lonely cello"."""
_LINK = re.compile(
    r"[\s,]*(?:(?:and|but|yet|or|&|\+|/)[\s,]*)?(?:(?:also|very|too|really)\s+)?", re.IGNORECASE
)
_FROM_REACH = 40
"""Characters before the first word in which a “from” makes the two a change: "from slow to fast"."""

_END_OF_PART = re.compile(r"[.;:!?\n]")


@dataclass(frozen=True, slots=True)
class _Group:
    words: frozenset[str]
    above: float | None
    below: float | None

    def holds(self, bpm: float) -> bool:
        return (self.above is not None and bpm > self.above) or (self.below is not None and bpm < self.below)


@dataclass(frozen=True, slots=True)
class _Pair:
    first: str
    second: str
    way: str | None
    replace: str
    close: str


class _Seen(NamedTuple):
    """One word, or one tempo (word < 0), of a group."""

    span: Span
    word: int


def opposites(table: Table) -> Check:
    """Return the check that finds one such pair at a time."""
    groups = {name: _group(table, name, fields) for name, fields in table.mapping("groups").items()}
    pairs = tuple(_pair(entry, groups) for entry in table.tables("pairs"))
    ways = _by_mode(table, "way")
    templates = _by_mode(table, "rewrite")
    vocabulary = {word: name for name, group in groups.items() for word in group.words}
    phrases = Phrases.of(vocabulary)

    def find(request: Request) -> Match | None:
        seen = _occurrences(request.reading, phrases, vocabulary, groups)
        found: list[tuple[_Pair, _Seen, _Seen]] = []
        used: set[_Seen] = set()
        for pair in pairs:
            for one, other in _neighbours(seen.get(pair.first, []), seen.get(pair.second, [])):
                if not used & {one, other} and _same_part(request.reading, one, other):
                    found.append((pair, one, other))
                    used |= {seen for seen in (one, other) if seen.word >= 0}
        return _match(request, found, ways, templates) if found else None

    return Check(find, rewrites=True)


def _neighbours(one: list[_Seen], other: list[_Seen]) -> Iterator[tuple[_Seen, _Seen]]:
    """Yield what stands next to each other with one from each list, left to right."""
    sides = [(seen, side) for side, members in enumerate((one, other)) for seen in members]
    for (left, left_side), (right, right_side) in pairwise(sorted(sides)):
        if left_side != right_side and left.span != right.span:
            yield left, right


def _match(
    request: Request,
    found: list[tuple[_Pair, _Seen, _Seen]],
    ways: Mapping[Mode, str],
    templates: Mapping[Mode, str],
) -> Match:
    edits: list[Edit] = []
    additions: list[str] = []
    for pair, first, second in found:
        words = [seen.span for seen in (first, second) if seen.word >= 0]
        if len(words) > 1 and _LINK.fullmatch(request.text, first.span.end, second.span.start):
            words = [Span(first.span.start, second.span.end)]
        if pair.replace:
            edits += [Edit(words[0], pair.replace), *map(Edit, words[1:])]
            additions += [pair.close] if pair.close else []
        else:
            one, other = (seen.span.of(request.text).lower() for seen in (first, second))
            filled = templates[request.mode].format(first=one, second=other)
            edits += map(Edit, words)
            additions.append(re.sub(r"\ba(?= [aeio])", "an", filled))
    pair, first, second = found[0]
    notes = {
        "first": first.span.of(request.text),
        "second": second.span.of(request.text),
        "way": pair.way or ways[request.mode],
    }
    spans = sorted({seen.span for _, *both in found for seen in both})
    return Match(tuple(spans), notes, tuple(edits), tuple(additions))


def _occurrences(
    reading: Reading, phrases: Phrases, vocabulary: Mapping[str, str], groups: Mapping[str, _Group]
) -> dict[str, list[_Seen]]:
    seen: dict[str, list[_Seen]] = {}
    for span, key, word in reading.phrases(phrases):
        term = reading.term_at(word)
        named = "genre" in term.classes and term.words[1] - term.words[0] > len(key.split())
        if not named and not negated(reading, word):
            seen.setdefault(vocabulary[key], []).append(_Seen(span, word))
    for span, bpm in tempi(reading.text):
        for name, group in groups.items():
            if group.holds(bpm):
                seen.setdefault(name, []).append(_Seen(span, -1))
    return seen


def _same_part(reading: Reading, one: _Seen, other: _Seen) -> bool:
    first, second = sorted((one, other))
    if any("order" in term.classes for term in _between(reading, first, second)) or _from_to(
        reading, first, second
    ):
        return False
    if first.word < 0 or second.word < 0:
        return True
    owners = [_owner(reading, seen) for seen in (first, second)]
    return None in owners or owners[0] == owners[1]


def _between(reading: Reading, first: _Seen, second: _Seen) -> tuple[Term, ...]:
    return reading.terms_in(Span(first.span.end, second.span.start))


def _from_to(reading: Reading, first: _Seen, second: _Seen) -> bool:
    before = reading.terms_in(Span(max(0, first.span.start - _FROM_REACH), first.span.start))
    between = _between(reading, first, second)
    return any(t.key == "from" for t in before) and any(t.key in ("to", "into") for t in between)


def _owner(reading: Reading, seen: _Seen) -> int | None:
    """Return the position of the noun that the word describes: the next thing that sounds, or None."""
    left = seen.span.end
    for term in reading.terms_in(Span(left, len(reading.text)), most=_OWNER_REACH):
        if _END_OF_PART.search(reading.text, left, term.span.start):
            return None
        if term.classes & _OWNERS:
            return term.words[0]
        left = term.span.end
    return None


def _group(table: Table, name: str, fields: Any) -> _Group:
    entry = Table(f"{table.where}, groups {name}", fields)
    words = frozenset(map(phrase_key, split_list(entry.text("words", ""))))
    above = entry.take("bpm_above", float) if entry.has("bpm_above") else None
    below = entry.take("bpm_below", float) if entry.has("bpm_below") else None
    entry.done()
    return _Group(words, above, below)


def _pair(entry: Table, groups: Mapping[str, _Group]) -> _Pair:
    names = entry.texts("groups")
    if len(names) != 2 or not set(names) <= groups.keys():
        raise SetupError(f"{entry.where}: “groups” has to name two groups.")
    way = entry.text("way") if entry.has("way") else None
    pair = _Pair(names[0], names[1], way, entry.text("replace", ""), entry.text("close", ""))
    entry.done()
    return pair


def _by_mode(table: Table, name: str) -> dict[Mode, str]:
    fields = Table(f"{table.where}, {name}", table.mapping(name))
    found = {mode: fields.text(mode.value) for mode in Mode}
    fields.done()
    return found
