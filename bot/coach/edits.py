"""Changes to a prompt that leave the rest of it as the member typed it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from bot.coach.lexicon import Span, key_of, lexicon

_CONNECTOR_CHARACTERS = 16
"""Characters: how far back a cut looks for a connector, more than one takes with its spaces."""

_LEFT_CONNECTOR = re.compile(r"(?:^|(?<=[\s,;]))(?:and|but|or|&|\+)\s*$|[,;+&]\s*$", re.IGNORECASE)
_RIGHT_CONNECTOR = re.compile(r"^\s*(?:[,;+&]|(?:and|but|or)\b)\s*", re.IGNORECASE)
_CLOSED = re.compile(r"^\s*(?:$|[,.;:!?)\]\n])")
_OPEN = re.compile(r"(?:^|[,.;:!?(\[\n])\s*$")
_ARTICLE = re.compile(r"(?<![^\W_])(a|an)(\s+)$", re.IGNORECASE)


class Edit(NamedTuple):
    """Put `text` in a span's place; an empty one takes the span out, with the comma or “and” it hung on."""

    span: Span
    text: str = ""


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with these edits, whose spans must not overlap."""
    for edit in sorted(set(edits), reverse=True):
        left, right = text[: edit.span.start], text[edit.span.end :]
        text = _replaced(left, edit.text, right) if edit.text else _cut(left, right)
    return text


def append(text: str, addition: str) -> str:
    """Return the text with the addition at its end, unless it already says so."""
    if addition.strip(" ,").casefold() in text.casefold():
        return text
    return text.rstrip(" \t\r\n.,;:!?") + addition


def _cut(left: str, right: str) -> str:
    left = left.rstrip(" \t")
    near = max(0, len(left) - _CONNECTOR_CHARACTERS)
    if _OPEN.search(left, near) or _hangs(left[near:]):
        right = _RIGHT_CONNECTOR.sub("", right, count=1)
    connector = _LEFT_CONNECTOR.search(left, near)
    if connector and (_CLOSED.match(right) or _RIGHT_CONNECTOR.match(right)):
        left = left[: connector.start()].rstrip(" \t")
    bare = right.lstrip(" \t")
    if not left.strip():
        return bare
    if not bare or bare[0] in ",.;:!?)]\r\n":
        return left + bare
    return _replaced(left + " ", "", bare) if left[-1] not in "([\n" else left + bare


def _hangs(left: str) -> bool:
    """Tell whether the last word waits for a noun: in "make best and warm pads" “and” goes with “best”."""
    last = left.rsplit(maxsplit=1)[-1:]
    return bool(last) and "plain" in lexicon().classes_of(key_of(last[0]))


def _replaced(left: str, text: str, right: str) -> str:
    """Join the three, with “a” or “an” in front as the next word wants it."""
    following = text + right
    article = _ARTICLE.search(left, max(0, len(left) - _CONNECTOR_CHARACTERS))
    if article and following[:1].isalpha():
        wanted = "an" if following[0].lower() in "aeio" else "a"
        wanted = wanted.capitalize() if article[1][0].isupper() else wanted
        left = left[: article.start()] + wanted + article[2]
    return left + following
