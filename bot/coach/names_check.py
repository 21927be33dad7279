"""The check for a person, band or work that stands in for a sound."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.coach.edits import Edit
from bot.coach.lexicon import Span, lexicon, phrase_key
from bot.coach.request import Check, Match, Request
from bot.coach.tables import Table

_REACH = 80
"""Characters before or after the lead in which a name is looked for."""

_NAME_WORDS = 4
_WORDS_BEFORE = 3
_STOP = re.compile(r"[,.;:!?()\[\]\"“”\n]\s")
_ERA = re.compile(r"(?:early|late|mid)?-?(?:\d{4}|\d\d)'?s|\d+")
_JOINERS = frozenset({"of", "the", "de", "da", "del", "van", "von", "di", "la", "le", "and", "&", "y"})
_DESCRIBING = frozenset({"genre", "instrument", "part", "voice", "place"})
"""Classes of the last word of a description in capitals: "Deep House", but not "Deep Purple"."""


def names(table: Table) -> Check:
    """Return the check that finds a name behind “in the style of”, before “type beat”, and the like."""
    leads = [(_any(table.texts("open_leads")), False), (_any(table.texts("strict_leads")), True)]
    tails = [(_any(table.texts("open_tails")), False), (_any(table.texts("strict_tails")), True)]
    hints = {phrase_key(k): str(v) for k, v in table.mapping("hints").items()}

    def find(request: Request) -> Match | None:
        text = request.text
        shouting = not any(c.islower() for c in text)
        found: dict[Span, str] = {}
        replaceable: set[Span] = set()
        for pattern, strict in leads:
            for match in pattern.finditer(text):
                words = _STOP.split(text[match.end() : match.end() + _REACH])[0].split()[:_NAME_WORDS]
                if name := _name(words, strict, shouting):
                    end = text.index(name.split()[-1], match.end()) + len(name.split()[-1])
                    span = Span(match.start(), end)
                    found[span] = name
                    # “in the style of X” can go, or become its sound; “sounds like X” holds a clause.
                    if not strict or _fills_clause(text, span):
                        replaceable.add(span)
        for pattern, strict in tails:
            for match in pattern.finditer(text):
                words = _STOP.split(text[max(0, match.start() - _REACH) : match.start()])[-1].split()[
                    -_WORDS_BEFORE:
                ]
                if name := _name(words, strict, shouting):
                    start = text.rindex(name.split()[0], 0, match.start())
                    span = Span(start, match.end())
                    found[span] = name
                    if strict or _fills_clause(text, span):
                        replaceable.add(span)
        if not found:
            return None
        hinted = {
            span: next((h for known, h in hints.items() if known in phrase_key(name)), "")
            for span, name in found.items()
        }
        first = min(found)
        notes = {"name": found[first], "hint": f" ({hinted[first]})" if hinted[first] else ""}
        rest = sum(span.end - span.start for span in found)
        edits = tuple(
            _replacement(text, span, hinted[span])
            for span in sorted(replaceable)
            # A prompt that is nothing but a name keeps it where nobody knows what else to say.
            if hinted[span] or len(text.strip()) - rest > 3
        )
        return Match(tuple(sorted(found)), notes, edits)

    return Check(find, rewrites=True)


def _replacement(text: str, span: Span, hint: str) -> Edit:
    """Put a hint in a name's place, between the commas that it needs; without one, take the name out."""
    if not hint:
        return Edit(span)
    before, after = text[: span.start].rstrip(), text[span.end :].lstrip()
    comma = "," if after and after[0] not in ",;." else ""
    if before and before[-1] not in ",;.":
        return Edit(Span(len(before), span.end), f", {hint}{comma}")
    return Edit(span, f"{hint}{comma}")


def _fills_clause(text: str, span: Span) -> bool:
    """Tell whether a span is all that stands between two commas or ends of the text."""
    before, after = text[: span.start].rstrip(), text[span.end :].lstrip()
    return (not before or before[-1] in ",;.") and (not after or after[0] in ",;.")


def _any(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)", re.IGNORECASE)


def _name(words: list[str], strict: bool, shouting: bool) -> str:
    """Return the name among these words, or an empty text. strict: only one with a capital counts."""
    found = " ".join(word.strip(',.;:!?()[]"“”') for word in words)
    return ("" if shouting else _capital(found)) or ("" if strict else _unknown(found))


def _capital(found: str) -> str:
    """Return the name written with capitals that the words hold, or an empty text."""
    for run in _runs(found.rstrip("-").split()):
        terms = [t for t in lexicon().read(" ".join(run)).terms if t.key not in _JOINERS]
        known = all(t.classes or _ERA.fullmatch(t.key) for t in terms)
        if terms and not (known and (len(terms) == 1 or terms[-1].classes & _DESCRIBING)):
            return " ".join(run)
    return ""


def _runs(words: list[str]) -> Iterator[list[str]]:
    """Yield the runs of words with a capital, small words within them included."""
    run: list[str] = []
    for word in [*words, ""]:
        if word[:1].isupper() or (run and word.casefold() in _JOINERS):
            run.append(word)
            continue
        while run and not run[-1][:1].isupper():
            run.pop()
        if run:
            yield run
        run = []


def _unknown(found: str) -> str:
    """Return the words that the lexicon does not know, as one name, or an empty text."""
    name: list[str] = []
    for term in lexicon().read(found).terms:
        if term.classes or _ERA.fullmatch(term.key):
            if len(name) > 0 and "plain" in term.classes:
                break
            continue
        name.append(term.span.of(found))
    return " ".join(name)
