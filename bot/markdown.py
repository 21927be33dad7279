"""Discord's markdown: how text that people type is shown, so that it reads as typed and does nothing.

Discord interprets text twice. Its clients parse markdown, where a backslash takes the meaning from the sign
behind it. Its servers look for mentions and addresses in the raw text and know no escapes. So signs are
escaped for the clients, and what the servers look for is broken by a zero-width space, which nobody sees.

Lengths are in code points, as Discord's API counts (discord-api-docs#1315).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from bot.text import ZWJ, visible

ELLIPSIS = "…"
_ZERO_WIDTH_SPACE = "\u200b"
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"

_SIGN = re.compile(r"[\\*_~|`<>\[\]]")
"""What begins or ends bold, italics, underline, strike-through, spoilers, code, mentions, quotes and masked
links, wherever it stands."""

_LINE_START = re.compile(r"[#+-]|\d+(?=\.)")
"""What makes a heading, a subtext or a list at the start of a line; behind a number the dot is escaped."""

_REGIONAL_INDICATORS = ("\U0001f1e6", "\U0001f1ff")
_SKIN_TONES = ("\U0001f3fb", "\U0001f3ff")
_TAGS = ("\U000e0020", "\U000e007f")
_HANGUL_VOWELS_AND_FINALS = ("\u1160", "\u11ff")


def quoted(text: str, limit: int) -> str:
    """Return text as typed, in one line of at most `limit` code points, for any place that has markdown.

    Nothing in it is live: no link, mention, timestamp, emoji code or formatting. Invisible characters and
    bidirectional controls are left out; text with right-to-left letters is isolated, so that it does not
    reorder what stands beside it.
    """
    line = one_line(text)
    if limit < 4 or not _has_right_to_left(line):
        return shortened(_escaped(line), limit)
    return _FIRST_STRONG_ISOLATE + shortened(_escaped(line), limit - 2) + _POP_ISOLATE


def quoted_lines(text: str, limit: int) -> str:
    """Return each line as `quoted` does, as many as fit into `limit` code points."""
    return joined_lines([quoted(line, limit) for line in text.splitlines()], limit)


def plain(text: str, limit: int) -> str:
    """Return text as typed for places without markdown: choices, footers, descriptions of pictures."""
    return shortened(one_line(text), limit)


def one_line(text: str) -> str:
    """Return the visible characters of a text, with single spaces."""
    return " ".join(visible(text).split())


def shortened(text: str, limit: int) -> str:
    """Return text or markdown of at most `limit` code points, with an ellipsis where something is left out.

    No escape and no grapheme cluster is cut in half; an isolate that was opened is closed.
    """
    if len(text) <= limit:
        return text
    kept: list[str] = []
    length = isolates = 0
    for unit in _units(text):
        opened = unit.count(_FIRST_STRONG_ISOLATE) - unit.count(_POP_ISOLATE)
        if length + len(unit) + len(ELLIPSIS) + max(isolates + opened, 0) > limit:
            break
        kept.append(unit)
        length += len(unit)
        isolates = max(isolates + opened, 0)
    return "".join(kept) + ELLIPSIS + _POP_ISOLATE * isolates


def joined_lines(lines: Sequence[str], limit: int) -> str:
    """Return whole lines, as many as fit into `limit` code points, and how many more there are.

    Where not even the first fits, it is shortened.
    """
    text = "\n".join(lines)
    if len(text) <= limit:
        return text
    for kept in range(len(lines) - 1, 0, -1):
        text = "\n".join([*lines[:kept], f"{ELLIPSIS} and {len(lines) - kept} more"])
        if len(text) <= limit:
            return text
    more = f"\n{ELLIPSIS} and {len(lines) - 1} more" if len(lines) > 1 else ""
    return shortened(lines[0], limit - len(more)) + more


def _escaped(line: str) -> str:
    """Return a line of visible text in which every sign that means something to Discord is disarmed."""
    start = _LINE_START.match(line)
    marker = -1 if start is None else start.end() if start[0].isdigit() else 0
    pieces: list[str] = []
    before = ""
    for position, character in enumerate(line):
        following = line[position + 1 : position + 2]
        if position == marker or _SIGN.match(character) or _is_armed(before, character, following):
            pieces.append("\\")
        pieces.append(character)
        if _wants_break(before, character, following):
            pieces.append(_ZERO_WIDTH_SPACE)
        before = character
    return "".join(pieces)


def _is_armed(before: str, character: str, following: str) -> bool:
    """Tell whether a sign that is harmless by itself means something beside its neighbours."""
    if character == "(":
        return before == "]"  # it would end a masked link that the text around this one began
    return character == ":" and following != "" and not following.isspace()  # an emoji's name, an address


def _wants_break(before: str, character: str, following: str) -> bool:
    """Tell whether what Discord's servers look for would begin with a character and the one behind it."""
    match character:
        case "<":
            return following != "" and (following in "@#:/+" or following.isalpha())
        case "@":
            return following != "" and not following.isspace()
        case ":":
            return following != "" and following in "/\\"
        case ".":
            return before.isalnum() and following.isalpha()  # “discord.gg/x” invites without a scheme
    return False


def _units(text: str) -> Iterator[str]:
    """Yield what must not be cut: grapheme clusters (UAX #29 without its rarer rules), escapes included."""
    start = 0
    for position in range(1, len(text)):
        if not _continues(text, start, position):
            yield text[start:position]
            start = position
    yield text[start:]


def _continues(text: str, start: int, position: int) -> bool:
    character, before = text[position], text[position - 1]
    if before == "\\" and position - 1 == start:
        return True
    if before == ZWJ or character in (ZWJ, _ZERO_WIDTH_SPACE) or unicodedata.category(character)[0] == "M":
        return True
    if _within(character, _SKIN_TONES) or _within(character, _TAGS):
        return True
    if _within(character, _HANGUL_VOWELS_AND_FINALS):
        return unicodedata.category(before)[0] == "L"
    # Regional indicators make a flag in pairs.
    return position - start == 1 and all(_within(one, _REGIONAL_INDICATORS) for one in (before, character))


def _within(character: str, bounds: tuple[str, str]) -> bool:
    return bounds[0] <= character <= bounds[1]


def _has_right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)
