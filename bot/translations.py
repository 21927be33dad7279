"""The catalogues: LANGUAGE.po in bot/locale, read once when the bot starts.

A catalogue is checked as it is read, so that a translation that cannot be shown stops the start, and never
an answer: its placeholders have to be those of the English text.
"""

from __future__ import annotations

import gettext
import string
from collections.abc import Callable, Mapping
from pathlib import Path

from bot.errors import ConfigError
from bot.locale import install
from bot.locale.names import NATIVE_NAMES
from bot.po_file import Message, PoError, parse

FOLDER = Path(__file__).parent / "locale"


class Translations(gettext.NullTranslations):
    """A language's texts by the English one, those with a plural by the singular and the number of the form.

    plural: tells the form for a count.
    """

    def __init__(self, texts: Mapping[str | tuple[str, int], str], plural: Callable[[int], int]) -> None:
        super().__init__()
        self._texts = texts
        self._plural = plural

    def gettext(self, message: str) -> str:
        """Return a text; the English one where it is not translated."""
        return self._texts.get(message) or self._texts.get((message, self._plural(1)), message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Return the form of a text for a count; the English one where it is not translated."""
        return self._texts.get((msgid1, self._plural(n))) or super().ngettext(msgid1, msgid2, n)


def files(folder: Path = FOLDER) -> dict[str, Path]:
    """Return the catalogues of a folder by their language, which is the file's name."""
    return {path.stem: path for path in sorted(folder.glob("*.po"))}


def load(folder: Path = FOLDER) -> None:
    """Install the catalogues of a folder. Raises ConfigError, with file and line, for one that is broken."""
    found = files(folder)
    for language, path in found.items():
        if language not in NATIVE_NAMES:
            raise _broken(path, 1, f"Discord has no language {language!r}, only {', '.join(NATIVE_NAMES)}")
    install({language: translations(path) for language, path in found.items()})


def translations(path: Path) -> Translations:
    """Return the texts of a catalogue. Raises ConfigError."""
    messages = read(path)
    texts: dict[str | tuple[str, int], str] = {}
    for message in messages:
        if not message.id:
            continue
        _check(message, path)
        if message.fuzzy or message.context is not None:
            continue
        for form, text in message.strings.items():
            if text:
                texts[message.id if isinstance(message.id, str) else (message.id[0], form)] = text
    return Translations(texts, _plural(messages, path))


def read(path: Path) -> list[Message]:
    """Return the messages of a catalogue. Raises ConfigError for one that is no gettext catalogue."""
    try:
        return parse(path.read_bytes().decode("utf-8"))
    except PoError as error:
        raise _broken(path, error.line, str(error)) from error
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        raise _broken(path, number, "the file isn't UTF-8") from error
    except OSError as error:
        raise ConfigError(f"The translation {path} cannot be read: {error}.") from error


def placeholders(text: str) -> set[str]:
    """Return the placeholders of a text, each with its format. Raises ValueError for unbalanced braces."""
    parts = string.Formatter().parse(text)
    return {f"{name}:{form}!{conversion}" for _, name, form, conversion in parts if name is not None}


def _plural(messages: list[Message], path: Path) -> Callable[[int], int]:
    """Return the rule of plurals that a catalogue's header states. Raises ConfigError."""
    header = messages[0].strings.get(0, "") if messages and not messages[0].id else ""
    for line in header.split("\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "plural-forms":
            try:
                return gettext.c2py(value.partition("plural=")[2].strip(" ;"))
            except ValueError as error:
                raise _broken(path, messages[0].line, f"Plural-Forms: {error}") from error
    return lambda count: int(count != 1)


def _check(message: Message, path: Path) -> None:
    """Hold the translation of a message to the placeholders of its English text. Raises ConfigError."""
    given = [message.id] if isinstance(message.id, str) else list(message.id)
    for text in filter(None, message.strings.values()):
        try:
            found = placeholders(text)
        except ValueError as error:
            raise _broken(path, message.line, f"{text!r}: {error}") from error
        # A singular may leave {count} out, as the English one does.
        if found not in [placeholders(one) for one in given]:
            wanted = ", ".join(sorted("{" + one.partition(":")[0] + "}" for one in placeholders(given[-1])))
            problem = f"{text!r} has other placeholders than its text: {wanted or 'none'}"
            raise _broken(path, message.line, problem)


def _broken(path: Path, line: int, problem: str) -> ConfigError:
    return ConfigError(
        f"The translation {path}, line {line}, is broken: {problem}. Correct or remove the file."
    )
