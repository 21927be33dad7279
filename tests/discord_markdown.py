"""A model of how Discord reads a message, for tests: what its clients parse, what its servers look for.

Written apart from the code under test, from Discord's documentation ("Message formatting", "Markdown Text
101") and from the behaviour that LyricLy/parse-discord found by trial. Where clients differ, it takes the
reading in which more is live: what has nothing live here has nothing live there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ZERO_WIDTH = "\u200b\u2068\u2069"
"""What the renderer may add: a zero-width space, and the isolates around right-to-left text."""

_INLINE = [
    ("code", r"(?P<ticks>`+)(?:.|\n)+?(?<!`)(?P=ticks)(?!`)"),
    ("timestamp", r"<t:-?\d+(?::[A-Za-z])?>"),
    ("mention", r"<@[!&]?\d+>|<#\d+>|<id:[^<>\s]+>"),
    ("command", r"</[^<>\n]+:\d+>"),
    ("custom emoji", r"<a?:\w+:\d+>"),
    ("emoji code", r":\w[\w+-]*(?:::skin-tone-\d)?:"),
    ("everyone", r"@(?:everyone|here)"),
    ("autolink", r"<[^:<> \n]+:[^<> \n]+>|<[^<>\s@]+@[^<>\s@]+\.[^<>\s@]+>|<\+\d[\d -]+>"),
    ("masked link", r"\[(?:[^\n]|\n)+?\]\(\s*<?[^\s)]+"),
    ("link", r"(?:[a-z][a-z0-9+.-]*)://[^\s<]"),
    ("spoiler", r"\|\|(?:.|\n)+?\|\|"),
    ("bold", r"\*\*(?:.|\n)+?\*\*"),
    ("underline", r"__(?:.|\n)+?__"),
    ("italics", r"\*(?=\S)(?:.|\n)+?\*|_(?:.|\n)+?_(?!\w)"),
    ("strike-through", r"~~(?:.|\n)+?~~"),
]
_RULES = [(kind, re.compile(pattern, re.IGNORECASE | re.ASCII)) for kind, pattern in _INLINE]

_LINES = [
    ("heading", re.compile(r" *#{1,3}\s+\S")),
    ("subtext", re.compile(r" *-# +\S")),
    ("list", re.compile(r" *(?:[*+-]|\d+\.) +\S")),
    ("quote", re.compile(r" *(?:>>>|>) ")),
]

_SERVER = [
    ("mention", r"<@[!&]?\d|<#\d|@everyone|@here"),
    ("address", r"[a-z][a-z0-9+.-]*:/[/\\]"),
    ("invite", r"\b[\w-]+\.[a-z]{2,}/\S|\bdiscord(?:app)?\.\w|\bwww\.\w"),
]
_RAW = [(kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _SERVER]

_ESCAPE = re.compile(r"\\([^0-9A-Za-z\s])")


@dataclass(frozen=True, slots=True)
class Live:
    """Something in a message that is more than text."""

    kind: str
    text: str


def live(markdown: str) -> list[Live]:
    """Return whatever is live in a message's text; an empty list where it is text alone."""
    found = [Live("line break", "\n")] if re.search(r"[\n\r\x0b\x0c\x85\u2028\u2029]", markdown) else []
    for kind, pattern in _RAW:
        found += [Live(kind, match[0]) for match in pattern.finditer(markdown)]
    for kind, pattern in _LINES:
        found += [Live(kind, match[0]) for match in [pattern.match(markdown)] if match]
    return found + _inline(markdown)


def shown(markdown: str) -> str:
    """Return what a person reads of text in which nothing is live, without what the renderer adds unseen."""
    return _ESCAPE.sub(r"\1", markdown).translate(dict.fromkeys(map(ord, ZERO_WIDTH)))


def _inline(markdown: str) -> list[Live]:
    found = []
    position = 0
    while position < len(markdown):
        if escape := _ESCAPE.match(markdown, position):
            position = escape.end()
            continue
        matches = ((kind, pattern.match(markdown, position)) for kind, pattern in _RULES)
        kind, match = next(((kind, match) for kind, match in matches if match), ("", None))
        if match:
            found.append(Live(kind, match[0]))
        position = match.end() if match else position + 1
    return found
