"""Names that members give: clean for display on a card, and comparable without regard to case."""

from __future__ import annotations

import re
import unicodedata

from bot.errors import UserError

NAME_CHARACTERS = 60

_MENTION = re.compile(r"<(?:@[!&]?|#|a?:\w*:|t:|/[^<>]*:|id:)[^<>]*>|@(?=everyone\b|here\b)", re.IGNORECASE)
"""Discord's formatting for users, roles, channels, emoji, times, commands and guild links
(Discord's documentation, message formatting); the @ that makes a whole channel's mention."""

_SCHEME = re.compile(r"\b[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PLAIN = str.maketrans({"[": "(", "]": ")", "_": " ", **dict.fromkeys("*~|`\\<>@", "")})
"""Signs that format text, mask links or mention people; brackets and underscores keep what they stand for."""

_LEADING = re.compile(r"^(?:[\s#>•+-]|\d+\.(?=\s))+")
"""Signs that make a heading, a quote or a list of what follows, at the start of a line."""

_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0e\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that show nothing although their category is not C: Unicode's Default_Ignorable_Code_Point
(DerivedCoreProperties.txt) without the picture selector U+FE0F, and the empty Braille pattern."""

_ZWJ = "\u200d"
_PICTURE_SELECTOR = "\ufe0f"
_ACCENTS_MOST = 2
"""Combining marks on one letter: enough for orthographies in use, too few to climb over other lines."""


def display_name(text: str) -> str:
    """Return a name as a card may show it: one line, 1 to 60 characters, composed (NFC).

    Left out are control, invisible and bidirectional characters, characters that no font has, mentions, and
    the signs of Discord's markdown; a joiner stays only inside an emoji. Cleaning a clean name changes
    nothing.

    Raises UserError where nothing to read is left, or where it is longer than 60 characters.
    """
    name = text
    while (cleaned := _cleaned(name)) != name:
        name = cleaned
    if not any(unicodedata.category(c)[0] in "LNS" for c in name):
        raise UserError("The name has no letter, digit or sign to read. Give it a word or two.")
    if len(name) > NAME_CHARACTERS:
        raise UserError(f"The name has {len(name):,} characters; {NAME_CHARACTERS} is the most. Shorten it.")
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
    seen = (" " if c.isspace() else c for c in _BLANK.sub("", name))
    visible = "".join(c for c in seen if unicodedata.category(c)[0] != "C" and c != _PICTURE_SELECTOR)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", visible).casefold())
    return " ".join(folded.split())


def _cleaned(text: str) -> str:
    text = " ".join(_SCHEME.sub("", _MENTION.sub("", _visible(text))).translate(_PLAIN).split())
    return _LEADING.sub("", unicodedata.normalize("NFC", text)).strip()


def _visible(text: str) -> str:
    """Return the text without what cannot be seen: categories C (but a joiner inside an emoji) and Zl, Zp."""
    text = _BLANK.sub("", text)
    kept: list[str] = []
    accents = 0
    for position, character in enumerate(text):
        category = unicodedata.category(character)
        if category in ("Mn", "Me") and character != _PICTURE_SELECTOR:
            accents += 1
            if accents > _ACCENTS_MOST:
                continue
        else:
            accents = 0
        if category[0] == "Z" or character in "\t\r\n\x0b\x0c\x85":
            kept.append(" ")
        elif category[0] != "C" or (character == _ZWJ and _inside_emoji(text, position)):
            kept.append(character)
    return "".join(kept)


def _inside_emoji(text: str, position: int) -> bool:
    before = text[:position].rstrip(_PICTURE_SELECTOR)[-1:]
    after = text[position + 1 : position + 2]
    pictures = ("So", "Sk")  # Sk: the skin tones
    return (
        bool(before and after)
        and unicodedata.category(before) in pictures
        and unicodedata.category(after) == "So"
    )
