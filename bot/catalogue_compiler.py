"""A program that compiles the catalogues, LANGUAGE.po, to gettext's binary format, LANGUAGE.mo.

    python -m bot.catalogue_compiler SOURCE_FOLDER TARGET_FOLDER

A catalogue is checked as it is compiled, so that a translation that cannot be shown stops the start, and
never an answer: its placeholders have to be those of the English text.
"""

from __future__ import annotations

import re
import string
import sys
from collections.abc import Sequence
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

from bot.errors import ConfigError
from bot.locale.names import NATIVE_NAMES
from bot.module_run import REFUSED
from bot.translations import files

_LINE = re.compile(
    r"""\s*(?:|#.*|(?:msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?)?\s*"(?:\\.|[^"\\])*")\s*"""
)
"""What gettext allows on a line. Babel takes a text without its last quotation mark, and loses a letter."""


def main(source: str, target: str) -> int:
    """Compile, and return the exit code: 0, or REFUSED with the sentence of the refusal on stderr."""
    try:
        for language, path in files(Path(source)).items():
            with (Path(target) / f"{language}.mo").open("wb") as compiled:
                write_mo(compiled, read_valid(path))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return REFUSED
    return 0


def read_valid(path: Path) -> Catalog:
    """Return a catalogue that can be shown. Raises ConfigError, with file and line, for another one."""
    if path.stem not in NATIVE_NAMES:
        raise _broken(path, 1, f"Discord has no language {path.stem!r}, only {', '.join(NATIVE_NAMES)}")
    catalog = read(path)
    for message in catalog:
        if message.id:
            _check(message, path)
    return catalog


def read(path: Path) -> Catalog:
    """Return a catalogue as it was written. Raises ConfigError for one that is no gettext catalogue."""
    try:
        locale = Locale.parse(path.stem, sep="-")
        lines = path.read_bytes().decode("utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            if not _LINE.fullmatch(line):
                raise _broken(path, number, f"{line.strip()!r} is not a line of a catalogue")
        return read_po(lines, locale=locale, abort_invalid=True)
    except PoFileError as error:
        problem = str(error).rpartition(" on ")[0]
        raise _broken(path, error.lineno + 1, f"{problem}: {error.line.strip()!r}") from error
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        raise _broken(path, number, "the file isn't UTF-8") from error
    except (ValueError, UnknownLocaleError) as error:
        raise _broken(path, 1, str(error)) from error
    except OSError as error:
        raise ConfigError(f"The translation {path} cannot be read: {error}.") from error


def forms(text: str | Sequence[str] | None) -> list[str]:
    """Return the texts of a message: one, or its singular and plurals."""
    return [text or ""] if text is None or isinstance(text, str) else list(text)


def placeholders(text: str) -> set[str]:
    """Return the placeholders of a text, each with its format. Raises ValueError for unbalanced braces."""
    parts = string.Formatter().parse(text)
    return {f"{name}:{form}!{conversion}" for _, name, form, conversion in parts if name is not None}


def _check(message: Message, path: Path) -> None:
    """Hold the translation of a message to the placeholders of its English text. Raises ConfigError."""
    given = forms(message.id)
    for text in filter(None, forms(message.string)):
        try:
            found = placeholders(text)
        except ValueError as error:
            raise _broken(path, message.lineno or 1, f"{text!r}: {error}") from error
        # A singular may leave {count} out, as the English one does.
        if found not in [placeholders(one) for one in given]:
            wanted = ", ".join(sorted("{" + one.partition(":")[0] + "}" for one in placeholders(given[-1])))
            problem = f"{text!r} has other placeholders than its text: {wanted or 'none'}"
            raise _broken(path, message.lineno or 1, problem)


def _broken(path: Path, line: int, problem: str) -> ConfigError:
    return ConfigError(
        f"The translation {path}, line {line}, is broken: {problem}. Correct or remove the file."
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
