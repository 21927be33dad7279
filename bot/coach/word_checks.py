"""Checks on words, lists and numbers; each takes its fields from a rule's table and returns the check."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from bot.coach import length as lengths
from bot.coach.edits import Edit
from bot.coach.images import images_for
from bot.coach.lexicon import Phrases, Reading, Span, Term, lexicon, phrase_key
from bot.coach.request import Check, Match, Request, negated, tempi
from bot.coach.tables import Table
from bot.errors import SetupError

_SETTING = re.compile(
    r"\b\d+(?:[.,]\d+)?\s?(?:bpm|khz|hz|bits?|db|ms)\b|\b[A-G](?:#|b|♯|♭)?\s(?:major|minor|maj|min)\b|\b\d{1,2}/\d{1,2}\b",
    re.IGNORECASE,
)
_HYPHENS = "\\-‐‑"
_HYPHENATED = re.compile(rf"(?<![\w{_HYPHENS}])[^\W_]+(?:[{_HYPHENS}][^\W_]+)+(?![\w{_HYPHENS}])")
_SEPARATOR = re.compile(r"(?:[\s,;+&/|·•–-]|\band\b)*", re.IGNORECASE)
_LOOSE = frozenset({"plain"})
SUBJECT_REACH = 3
"""Words before a verb among which the one who does it is looked for: “a voice that says”."""


@dataclass(frozen=True, slots=True)
class _Group:
    terms: Phrases
    contains: tuple[str, ...]
    unless_before: frozenset[str]
    unless_after: frozenset[str]
    unless_subject: frozenset[str]
    only_after: frozenset[str]
    negatable: bool

    def find(self, reading: Reading) -> list[Span]:
        spans = [
            span
            for span, key, word in reading.phrases(self.terms)
            if not self._excused(reading, word, word + len(key.split()))
        ]
        for part in self.contains:
            spans += [Span(m.start(), m.end()) for m in re.finditer(re.escape(part), reading.text)]
        return [s for s in spans if not self.contains or not self._excused_inside(reading.text, s)]

    def _excused(self, reading: Reading, start: int, end: int) -> bool:
        before = (reading.joined(start - size, size) for size in (1, 2, 3) if size <= start)
        after = (reading.joined(end, size) for size in (1, 2))
        if (
            any(phrase in self.unless_before for phrase in before)
            and reading.joined(start - 1, 2) is not None
        ):
            return True
        if any(phrase in self.unless_after for phrase in after) and reading.joined(end - 1, 2) is not None:
            return True
        if self.negatable and negated(reading, start):
            return True
        if self.only_after and not self.only_after & set(reading.keys[max(0, start - SUBJECT_REACH) : start]):
            return True
        return bool(self.unless_subject) and _subject(reading, start, self.unless_subject)

    def _excused_inside(self, text: str, span: Span) -> bool:
        before, after = text[: span.start].rstrip(), text[span.end :].lstrip()
        return before.endswith(tuple(self.unless_before)) or after.startswith(tuple(self.unless_after))


def _subject(reading: Reading, word: int, classes: frozenset[str]) -> bool:
    """Tell whether a term of these classes stands up to three words before, with no comma between."""
    near = bisect_left(reading.terms, word - 3, key=lambda term: term.words[1] - 1)
    for term in reading.terms[near : near + 4]:
        if term.words[1] <= word and term.classes & classes:
            return reading.joined(term.words[1] - 1, word - term.words[1] + 2) is not None
    return False


def words(table: Table) -> Check:
    """Look for words that say something by being there."""
    groups = tuple(_group(entry) for entry in table.tables("groups"))
    drop = table.take("drop", bool, False)
    tidy = frozenset(table.texts("tidy", optional=True))
    companions = Phrases.of(table.texts("companions", optional=True))
    unless = Phrases.of(table.texts("unless_anywhere", optional=True))

    def find(request: Request) -> Match | None:
        reading = request.reading
        if any(True for _ in reading.phrases(unless)):
            return None
        spans = tuple(sorted({span for group in groups for span in group.find(reading)}))
        if not spans:
            return None
        if not drop:
            return Match(spans)
        position = {word.start: n for n, word in enumerate(reading.words)}
        taken = [_with_tidy(reading, span, position[span.start], tidy) for span in spans]
        taken += [span for span, _, _ in reading.phrases(companions)]
        return Match(spans, edits=tuple(Edit(span) for span in _apart(taken)))

    return Check(find, rewrites=drop)


def _group(entry: Table) -> _Group:
    group = _Group(
        terms=Phrases.of(entry.texts("terms", optional=True)),
        contains=entry.texts("contains", optional=True),
        unless_before=frozenset(entry.texts("unless_before", optional=True)),
        unless_after=frozenset(entry.texts("unless_after", optional=True)),
        unless_subject=frozenset(entry.texts("unless_subject", optional=True)),
        only_after=frozenset(map(phrase_key, entry.texts("only_after", optional=True))),
        negatable=entry.take("negatable", bool, False),
    )
    entry.done()
    return group


def _with_tidy(reading: Reading, span: Span, word: int, tidy: frozenset[str]) -> Span:
    while word > 0 and reading.keys[word - 1] in tidy and reading.joined(word - 1, 2) is not None:
        word -= 1
    return Span(reading.words[word].start, span.end)


def _apart(spans: list[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in sorted(spans):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def pattern(table: Table) -> Check:
    """Look for a regular expression; the rewriting puts the replacement in its place."""
    expression = re.compile(table.text("pattern"))
    replacement = table.take("replacement", str)

    def find(request: Request) -> Match | None:
        spans = tuple(Span(m.start(), m.end()) for m in expression.finditer(request.text))
        return Match(spans, edits=tuple(Edit(s, replacement) for s in spans)) if spans else None

    return Check(find, rewrites=True)


def pile(table: Table) -> Check:
    """Look for more words of some classes than of the others."""
    count, least, over = table.texts("count"), table.take("at_least", int), table.texts("outnumbers")
    offers = {phrase_key(k): str(v) for k, v in table.mapping("offers").items()}
    offer, offer_with = table.text("offer"), table.text("offer_with")

    def find(request: Request) -> Match | None:
        reading = request.reading
        pile = reading.of_class(*count)
        others = [t for t in reading.of_class(*over) if not t.classes & set(count)]
        numbers = len(_SETTING.findall(reading.text))
        if len(pile) < least or len(pile) <= len(others) + numbers:
            return None
        players = reading.of_class("instrument")
        fitting = next((offers[t.key] for t in pile if t.key in offers), offer)
        chosen = offer_with.format(instrument=players[0].key) if players else fitting
        return Match(tuple(t.span for t in pile), {"offer": chosen}, additions=(f", {chosen}",))

    return Check(find, rewrites=True)


def bare_list(table: Table) -> Check:
    """Look for a list of things and hardly a word beside it."""
    counted, least = frozenset(table.texts("count")), table.take("at_least", int)
    none_of, also = frozenset(table.texts("none_of")), frozenset(table.texts("also"))
    share, rewriting = table.take("share", float), table.text("rewriting")
    if rewriting not in ("order", "images"):
        raise SetupError(f"{table.where}: “rewriting” has to be order or images.")

    def find(request: Request) -> Match | None:
        reading = request.reading
        if any(t.classes & none_of and not t.classes & counted for t in reading.terms):
            return None
        settings = [Span(m.start(), m.end()) for m in _SETTING.finditer(reading.text)]
        free = [t for t in reading.terms if not any(s.start <= t.span.start < s.end for s in settings)]
        items = [t for t in free if t.classes & counted]
        others = [t for t in free if not t.classes & counted]
        numbers = settings if "setting" in counted else []
        if len(items) + len(numbers) < least:
            return None
        listed = len(items) + len(settings) + sum(bool(t.classes & also) for t in others)
        strangers = sum(not t.classes & (also | _LOOSE) for t in others)
        if listed < share * (listed + strangers):
            return None
        spans = tuple(sorted([t.span for t in items] + numbers))
        if rewriting == "images":
            images = images_for(reading, wanted=2)
            return Match(
                spans, {"image": ", ".join(images)}, additions=tuple(f", {image}" for image in images)
            )
        names = {"first": items[0], "second": items[1], "last": items[-1]}
        notes = {name: term.span.of(reading.text) for name, term in names.items()}
        return Match(spans, notes, edits=_ordered(reading.text, items))

    return Check(find, rewrites=True)


def _ordered(text: str, items: list[Term]) -> tuple[Edit, ...]:
    leads = {1: ", then add ", len(items) - 1: ", finish with "}
    edits = [Edit(Span(items[0].span.start, items[0].span.start), "start with ")]
    for number, (left, right) in enumerate(pairwise(items), 1):
        gap = Span(left.span.end, right.span.start)
        if _SEPARATOR.fullmatch(gap.of(text)):
            edits.append(Edit(gap, leads.get(number, ", ")))
    return tuple(edits)


def hyphens(table: Table) -> Check:
    """Look for genre names with hyphens in them."""
    joined = frozenset(table.texts("joined"))

    def find(request: Request) -> Match | None:
        found = [
            (Span(match.start(), match.end()), better)
            for match in _HYPHENATED.finditer(request.text)
            if (better := _spelled(match.group(), joined))
        ]
        if not found:
            return None
        notes = {"better": ", ".join(better for _, better in found)}
        return Match(tuple(s for s, _ in found), notes, tuple(Edit(s, better) for s, better in found))

    return Check(find, rewrites=True)


def _spelled(name: str, joined: frozenset[str]) -> str | None:
    """Return a genre's name without its hyphens, or None if it is no genre's."""
    parts = re.split(f"[{_HYPHENS}]", name)
    keys = [phrase_key(part) for part in parts]
    if any((len(key) < 2 and key != "n") or key.isdigit() for key in keys):
        return None
    known, spelled, genres, at = lexicon(), "", 0, 0
    while at < len(parts):
        for size in range(min(4, len(parts) - at), 0, -1):
            spaced, solid = " ".join(keys[at : at + size]), "".join(keys[at : at + size])
            glue = "" if solid in joined or "genre" not in known.classes_of(spaced) else " "
            if "genre" in known.classes_of(spaced) | known.classes_of(solid):
                genres += 1
            elif size > 1 or "genre_prefix" not in known.classes_of(spaced):
                continue
            spelled += (" " if spelled else "") + glue.join(parts[at : at + size])
            at += size
            break
        else:
            return None
    return spelled if genres else None


def tempo(table: Table) -> Check:
    """Look for a tempo outside of what music is counted in, in beats per minute."""
    low, high = table.take("low", float), table.take("high", float)

    def find(request: Request) -> Match | None:
        outside = [(span, bpm) for span, bpm in tempi(request.text) if not low <= bpm <= high]
        if not outside:
            return None
        bpm = outside[0][1]
        side = "faster than music is counted" if bpm > high else "slower than music is counted"
        return Match(tuple(span for span, _ in outside), {"side": side, "octave": _octave(bpm, low, high)})

    return Check(find)


def _octave(bpm: float, low: float, high: float) -> str:
    """Return the advice to count the pulse in halves or doubles, where up to four of them reach the range."""
    near = bpm
    for _ in range(4):
        near = near / 2 if near > high else near * 2 if near < low else near
    if not low <= near <= high or near == bpm:
        return f"Choose a tempo from {low:g} to {high:g} bpm."
    feel = "double-time" if bpm > high else "half-time"
    return f"Counted at {near:g} bpm with a {feel} feel, the pulse is much the same."


def length(table: Table) -> Check:
    """Look for more words than the text encoder reads."""
    margin, filler = table.take("margin", float), Phrases.of(table.texts("filler"))

    def find(request: Request) -> Match | None:
        limit = request.prompt_tokens
        if limit is None or lengths.unread_from(request.text, int(limit * margin)) is None:
            return None
        start = lengths.unread_from(request.text, limit)
        if start is None:
            return None
        notes = {
            "limit": f"{limit:,}",
            "words": f"{int(limit * lengths.WORDS_PER_TOKEN):,}",
            "seen": " ".join(request.text[start:].split()[:4]),
        }
        spans = (Span(start, len(request.text)),)
        return Match(spans, notes, tuple(Edit(span) for span, _, _ in request.reading.phrases(filler)))

    return Check(find, rewrites=True)


def language(table: Table) -> Check:
    """Look for a language that the text encoder was not trained on."""

    def find(request: Request) -> Match | None:
        if request.foreign is None or request.foreign.is_among(request.languages):
            return None
        known = ", ".join(f"{word} = {meaning}" for word, meaning in request.foreign.glosses[:6])
        notes: Mapping[str, str] = {
            "language": request.foreign.language,
            "gloss": f" ({known})" if known else "",
        }
        return Match((Span(0, len(request.text)),), notes)

    return Check(find)
