"""Names that members give: clean for display on a card, and comparable without regard to case."""

from __future__ import annotations

import re
import unicodedata

from bot.errors import UserError
from bot.text import EMOJI_SELECTOR, visible

NAME_CHARACTERS = 60

_MENTION = re.compile(r"<(?:@[!&]?|#|a?:\w*:|t:|/[^<>]*:|id:)[^<>]*>|@(?=everyone\b|here\b)", re.IGNORECASE)
"""Discord's formatting for users, roles, channels, emoji, times, commands and guild links
(Discord's documentation, message formatting); the @ that makes a whole channel's mention."""

_SCHEME = re.compile(r"\b[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PLAIN = str.maketrans({"[": "(", "]": ")", "_": " ", **dict.fromkeys("*~|`\\<>@", "")})
"""Signs that format text, mask links or mention people; brackets and underscores keep what they stand for."""

_LEADING = re.compile(r"^(?:[\s#>•+-]|\d+\.(?=\s))+")
"""Signs that make a heading, a quote or a list of what follows, at the start of a line."""

_MAX_MARKS = 2
"""Combining marks on one letter: enough for orthographies in use, too few to climb over other lines."""


def display_name(text: str) -> str:
    """Return a name as a card may show it: one line, 1 to 60 characters, composed (NFC).

    Left out are control, invisible and bidirectional characters, characters that no font has, mentions, and
    the signs of Discord's markdown; a joiner stays inside an emoji and between letters of joining scripts.
    Idempotent.

    Raises UserError where nothing to read is left, or where it is longer than 60 characters.
    """
    name = text
    while (cleaned := _cleaned(name)) != name:
        name = cleaned
    if not any(unicodedata.category(c)[0] in "LNS" for c in name):
        raise UserError("The name has nothing readable in it. Use a word or two.")
    if len(name) > NAME_CHARACTERS:
        raise UserError(
            "The name has {count:,} characters; {name_characters} is the most. Shorten it.",
            count=len(name),
            name_characters=NAME_CHARACTERS,
        )
    return name


def name_key(name: str) -> str:
    """Return what names are compared by: equal for two that differ in case, width, spaces, joiners only.

    The folding is Unicode's compatibility caseless matching (The Unicode Standard, chapter 3.13, D146).
    """
    folded = _folded(name)
    while (again := _folded(folded)) != folded:
        folded = again
    return folded


def _folded(name: str) -> str:
    seen = visible(name, max_marks=None)
    shown = "".join(c for c in seen if unicodedata.category(c)[0] != "C" and c != EMOJI_SELECTOR)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", shown).casefold())
    return " ".join(folded.split())


def _cleaned(text: str) -> str:
    text = "".join(c for c in visible(text, max_marks=_MAX_MARKS) if unicodedata.category(c) != "Cn")
    text = " ".join(_SCHEME.sub("", _MENTION.sub("", text)).translate(_PLAIN).split())
    return _LEADING.sub("", unicodedata.normalize("NFC", text)).strip()
