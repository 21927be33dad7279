r"""The settings file `.env`, read line by line: what people write is understood, or refused by line number.

The content of the file never reaches a message: a token may stand on any line, in place of a name too. Only
the names in `known` are repeated.

    line    = [ "export " | "set " ] NAME "=" value [ comment ]      ":" for "=" where NAME is a known setting
    value   = unquoted | 'text' | "text" | `text` | “text” and other typographic quotes
    comment = "#" and what follows, at the start of a value or after a space

`${NAME}` stands for an environment variable or an earlier line, but not inside '…'; `\"` in "…" for a quote.
Every other backslash is kept, for the sake of Windows paths.
"""

from __future__ import annotations

import codecs
import difflib
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from dotenv.variables import parse_variables

from bot.errors import ConfigError

MAX_BYTES = 1 << 20
_NAME_AND_SIGN = re.compile(
    r"\s*(?:(?:export|set|setx)\s+|\$env:)?(?P<name>[A-Za-z_][\w.-]*)[^\S\n]*(?P<sign>[=:\uff1d])[^\S\n]*",
    re.IGNORECASE,
)
_EXPORTED_ALONE = re.compile(r"export(\s+[A-Za-z_]\w*)+")
_QUOTES = {
    "'": "'",
    '"': '"',
    "`": "`",
    "“": "”“",
    "„": "“”",
    "”": "”",
    "‘": "’‘",
    "‚": "‘’",
    "’": "’",
    "«": "»",
    "»": "«",
}
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\u00ad"
"""What copying from a web page brings along; no value begins or ends with one of these on purpose."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Setting:
    """One NAME=value of the file, and the number of its line, from 1."""

    name: str
    value: str
    line: int


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A line that sets what isn't a setting; `meant` is the known name that is most like it, if one is."""

    line: int
    meant: str | None

    def __str__(self) -> str:
        hint = f" (did you mean {self.meant}?)" if self.meant else ""
        return f"Line {self.line} of .env sets a name that isn't a setting{hint}. It is ignored."


def read(path: Path, known: Collection[str]) -> list[Setting]:
    """Return the file's assignments in order; none where there is no file.

    known: the names of settings, in capitals.  Raises ConfigError with the numbers of the lines at fault.
    """
    try:
        if not path.exists():
            return []
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or type(error).__name__}.") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(
            f"{path} is larger than {MAX_BYTES >> 20} MiB, which is too large for a settings file."
        )
    return parse(_decode(data, path), known, path)


def unknown_names(settings: Collection[Setting], known: Collection[str]) -> list[UnknownName]:
    """Return the lines whose name no setting has: typing errors, most often."""
    return [
        UnknownName(one.line, next(iter(difflib.get_close_matches(one.name.upper(), known, 1, 0.75)), None))
        for one in settings
        if one.name.upper() not in known
    ]


def parse(text: str, known: Collection[str], path: Path = Path(".env")) -> list[Setting]:
    """Parse a text in this format. Raises ConfigError with the numbers of the lines at fault."""
    lines = re.split(r"\r\n|\n|\r", text)
    found: list[Setting] = []
    wrong: list[str] = []
    number = 0
    while number < len(lines):
        number += 1
        line = lines[number - 1].strip().strip(_INVISIBLE).strip()
        if not line or line.startswith("#") or _EXPORTED_ALONE.fullmatch(line):
            continue
        match = _NAME_AND_SIGN.match(line)
        name = match["name"] if match else ""
        if match is None or (match["sign"] == ":" and name.upper() not in known):
            wrong.append(f"Line {number} of {path} is not NAME=value.")
            continue
        rest = line[match.end() :].strip(_INVISIBLE)
        extra = 0
        try:
            if rest[:1] in _QUOTES and rest:
                value, extra = _quoted(rest, lines[number:])
                if extra and name.upper() in known:
                    raise _WrongError("spans several lines; put it on one line")
            else:
                value = _unquoted(rest)
            if name.upper() in known and _CONTROL.search(value):
                raise _WrongError("holds a control character; type it again by hand")
        except _WrongError as error:
            wrong.append(f"The value in line {number} of {path} {error}.")
            number += extra
            continue
        if rest[:1] != "'":
            value = _expanded(value, found)
        found.append(Setting(name, value, number))
        number += extra
    if wrong:
        raise ConfigError(" ".join(wrong))
    return found


class _WrongError(Exception):
    """Completes the sentence “The value in line 3 of .env …”."""


def _unquoted(rest: str) -> str:
    return re.split(r"(?:^|\s)#", rest, maxsplit=1)[0].strip().strip(_INVISIBLE)


def _quoted(rest: str, following: list[str]) -> tuple[str, int]:
    """Return the value that begins with a quote, and how many of the following lines belong to it."""
    opening, closing = rest[0], _QUOTES[rest[0]]
    value: list[str] = []
    for extra, line in enumerate([rest[1:], *following]):
        position = 0
        while position < len(line):
            one = line[position]
            if opening == '"' and line.startswith('\\"', position) and line[position + 2 :].strip():
                value.append('"')
                position += 2
                continue
            if one in closing:
                if (after := line[position + 1 :].strip().strip(_INVISIBLE)) and not after.startswith("#"):
                    raise _WrongError("goes on after its closing quote")
                return "".join(value).strip(_INVISIBLE), extra
            value.append(one)
            position += 1
        value.append("\n")
    raise _WrongError("opens a quote that is not closed")


def _expanded(value: str, before: list[Setting]) -> str:
    known = {one.name: one.value for one in before if one.value}
    known |= {name: inherited for name, inherited in os.environ.items() if inherited}
    return "".join(part.resolve(known) for part in parse_variables(value))


def _decode(data: bytes, path: Path) -> str:
    """Return the text of a file in UTF-8, UTF-16 or UTF-32, with or without a byte-order mark.

    Without a mark, UTF-16 shows by its zero bytes: settings are almost all ASCII, whose other byte is zero.
    """
    marks = (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    )
    mark, encoding = next((one for one in marks if data.startswith(one[0])), (b"", "utf-8"))
    data = data[len(mark) :]
    if not mark:
        even, odd = data[0::2].count(0), data[1::2].count(0)
        if max(even, odd) > len(data) // 4:
            encoding = "utf-16-le" if odd > even else "utf-16-be"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = 1 + len(re.findall(r"\r\n|\n|\r", data[: error.start].decode(encoding, errors="replace")))
    raise ConfigError(f"Line {line} of {path} isn't UTF-8 text. Save the file as UTF-8.")


def lines_of(settings: Collection[Setting]) -> Iterator[Setting]:
    """Yield the line that decides on each name: the last one that is not empty."""
    last: dict[str, Setting] = {}
    for one in settings:
        if one.value or one.name.upper() not in last:
            last[one.name.upper()] = one
    yield from last.values()
