"""The file format of gettext's catalogues: LANGUAGE.po, read without keeping its comments.

Source: “The Format of PO Files”, GNU gettext manual. Babel reads it too; with it the bot's process was 2.5 MB
larger and the tree of objects that it builds left holes in the heap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_LINE = re.compile(
    r"""\s*(?:|#(?P<comment>.*)|(?:(?P<keyword>msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?)\s*)?"(?P<text>(?:\\.|[^"\\])*)")\s*"""
)
"""What gettext allows on a line, which ends with its text's quotation mark."""
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


class PoError(ValueError):
    """A line that is none of a catalogue's. line: from 1 on."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


@dataclass(slots=True)
class Message:
    """A text and its translations. line: of its msgid.

    id: the text, or a text and its plural.  strings: by the number of the form, which is 0 without a plural;
    an empty one is still to be written.
    """

    line: int
    id: str | tuple[str, str]
    strings: dict[int, str] = field(default_factory=dict)
    context: str | None = None
    fuzzy: bool = False


def parse(text: str) -> list[Message]:
    """Return the messages of a file, its header first, whose id is empty. Raises PoError."""
    messages: list[Message] = []
    context, fuzzy = None, False
    for number, keyword, value in _entries(text):
        message = messages[-1] if messages else None
        open_id = message is not None and not message.strings
        match keyword:
            case "#":
                fuzzy = fuzzy or "fuzzy" in re.split(r"[,\s]+", value)
            case "msgctxt" if not open_id:
                context = value
            case "msgid" if not open_id:
                messages.append(Message(number, value, context=context, fuzzy=fuzzy))
                context, fuzzy = None, False
            case "msgid_plural" if open_id and message and isinstance(message.id, str):
                message.id = message.id, value
            case "msgstr" if open_id and message and isinstance(message.id, str):
                message.strings[0] = value
            case _ if (
                message and isinstance(message.id, tuple) and keyword == f"msgstr[{len(message.strings)}]"
            ):
                message.strings[len(message.strings)] = value
            case _:
                raise PoError(number, f"{keyword} is out of place")
    if messages and not messages[-1].strings:
        raise PoError(messages[-1].line, "it has no msgstr")
    return messages


def _entries(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield (number of its first line, keyword, text) for each keyword, and flags with the keyword "#"."""
    at, keyword, parts = 0, "", []
    for number, line in enumerate(text.split("\n"), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise PoError(number, f"{line.strip()!r} is not a line of a catalogue")
        comment, began, value = match["comment"], match["keyword"], match["text"]
        if value is not None and began is None:
            if not keyword:
                raise PoError(number, f"{line.strip()!r} continues no text")
            parts.append(value)
            continue
        if keyword:
            yield at, keyword, _unescaped("".join(parts))
            keyword = ""
        if began is not None:
            at, keyword, parts = number, began, [value]
        elif comment is not None and comment.startswith(","):
            yield number, "#", comment
    if keyword:
        yield at, keyword, _unescaped("".join(parts))


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), text)
