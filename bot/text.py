"""Unicode clean-up of text that people type: invisible characters, Discord's markup, blank text.

Pure functions on strings. `sanitize` is applied once, where text becomes part of a recipe or a preset, so
that models, cards, tags and files all see the same words. `bot/markdown.py` then shows them on Discord.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

ZWJ = "\u200d"
ZWNJ = "\u200c"
EMOJI_SELECTOR = "\ufe0f"
MAX_MARKS = 4
"""Combining marks shown on one letter: Biblical Hebrew stacks four, more of them climb over other lines."""

_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0e\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
"""What shows nothing although its category is not Cc or Cf: Unicode's Default_Ignorable_Code_Point
(DerivedCoreProperties.txt) without the emoji selector U+FE0F, and the empty Braille pattern."""

_LINE_BREAK = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_SUBDIVISION_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f")
"""A black flag with tag characters, for example Scotland's (UTS #51, emoji_tag_sequence)."""

_CUSTOM_EMOJI = re.compile(r"<a?:(\w{1,32}):\d{1,20}>", re.ASCII)
_COMMAND = re.compile(r"</([^<>:\n]{1,100}):\d{1,20}>")
_REFERENCE = re.compile(
    r" ?<(?:@[!&]?\d{1,20}|#\d{1,20}|t:-?\d{1,17}(?::[a-z])?|id:\w{1,20}(?::\d{1,20})?)>",
    re.ASCII | re.IGNORECASE,
)
"""Users, roles, channels, times and guild navigation (Discord's reference, "Message formatting")."""

_FIRST_JOINING_SCRIPT = "\u0590"
"""The first code points of the scripts in which a joiner changes the shape of letters, such as Arabic."""


def sanitize(text: str) -> str:
    r"""Return text as a model should read it, stripped: may be "".

    Control and invisible characters and lone surrogates are left out, line breaks become \n, custom emoji and
    commands become their names; references to users, roles, channels and times are left out, because only
    Discord can resolve them. Idempotent; never longer than the text.
    """
    text = visible(_LINE_BREAK.sub("\n", text), max_marks=None, line_breaks=True)
    while (plain := _REFERENCE.sub("", _COMMAND.sub(r"\1", _CUSTOM_EMOJI.sub(r"\1", text)))) != text:
        text = plain
    return text.strip()


def is_blank(text: str) -> bool:
    """Tell whether a reader would see nothing: spaces, invisible characters and marks without a letter."""
    return all(unicodedata.category(c)[0] in "MZ" or c.isspace() for c in visible(text))


def visible(text: str, *, max_marks: int | None = MAX_MARKS, line_breaks: bool = False) -> str:
    r"""Return text without invisible characters, and with one space for each kind of white space.

    Left out: categories Cc, Cf (with every bidirectional control), Cs, Co, noncharacters and other ignorable
    code points. Joiners stay inside an emoji and between letters of joining scripts, the emoji selector
    behind a symbol, tag characters inside a flag.
    max_marks: combining marks kept on one letter, None for all.  line_breaks: whether \n stays.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible_characters(text, max_marks, line_breaks))


def _visible_characters(text: str, max_marks: int | None, line_breaks: bool) -> Iterator[str]:
    last = ""  # the last character kept
    base = ""  # the last one kept that is no emoji selector
    marks = 0
    position = 0
    while position < len(text):
        flag = _SUBDIVISION_FLAG.match(text, position)
        kept = flag[0] if flag else text[position]
        following = text[position + len(kept) : position + len(kept) + 1]
        position += len(kept)
        if not flag:
            kept = _kept(kept, last, base, following, line_breaks)
            if not kept:
                continue
            is_mark = kept != EMOJI_SELECTOR and unicodedata.category(kept) in ("Mn", "Me")
            marks = marks + 1 if is_mark else 0
            if max_marks is not None and marks > max_marks:
                continue
        yield kept
        last = kept[-1]
        base = base if last == EMOJI_SELECTOR else kept[0]


def _kept(character: str, last: str, base: str, following: str, line_breaks: bool) -> str:
    """Return what stays of one character: itself, a space, or ""."""
    if character == "\n" and line_breaks:
        return character
    category = unicodedata.category(character)
    if category[0] == "Z" or character in "\t\r\n\x0b\x0c\x85":
        return " "
    if character == EMOJI_SELECTOR:
        return character if last == base and base and _is_symbol(base) else ""
    if character in (ZWJ, ZWNJ):
        return character if _joins(base, character, following) else ""
    if category in ("Cc", "Cf", "Cs", "Co") or _IGNORABLE.match(character) or _is_noncharacter(character):
        return ""
    return character


def _joins(before: str, joiner: str, after: str) -> bool:
    if not before or not after:
        return False
    if joiner == ZWJ and _is_picture(before) and _is_picture(after):
        return True
    letters = min(before, after) >= _FIRST_JOINING_SCRIPT and unicodedata.category(after) == "Lo"
    return letters and (unicodedata.category(before) == "Lo" or unicodedata.category(before)[0] == "M")


def _is_picture(character: str) -> bool:
    # Sk: the skin tones. Cn: emoji younger than Python's Unicode tables.
    return unicodedata.category(character) in ("So", "Sk", "Cn") and not _IGNORABLE.match(character)


def _is_symbol(character: str) -> bool:
    if character.isascii():
        return character in "0123456789#*"  # keycaps
    category = unicodedata.category(character)
    return category[0] in "SPN" or category == "Cn"


def _is_noncharacter(character: str) -> bool:
    code = ord(character)
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
