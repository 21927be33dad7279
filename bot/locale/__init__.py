"""Texts in the language of whoever reads them: English sentences are the message ids of gettext catalogues.

A text is marked where it is written: `tr("Only {name} can do that.", name=…)`. It comes back in the language
of the running task, which the cogs set (cogs/ui/language.py); elsewhere it is English, so that logs, the
database and the workers hold one language. `docs/languages.md` says how a language is added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from gettext import NullTranslations

__all__ = ["ENGLISH", "current", "installed", "language_for", "mark", "ntr", "set_language", "speaking", "tr"]

ENGLISH = "en"
"""The language of the message ids, by Discord's code as all others."""

_ENGLISH_ONLY = NullTranslations()
_language: ContextVar[str] = ContextVar("language", default=ENGLISH)
_translations: dict[str, NullTranslations] = {}


def tr(message: str, /, **values: object) -> str:
    """Return a text in the current language, with its placeholders filled.

    message: the English sentence; one that no catalogue has comes back as it is.
    values: of the placeholders, `str.format` fields by name. Typed text has been through `quoted` before.
    """
    text = _current().gettext(message) if message else ""
    return text.format(**values) if values else text


def ntr(singular: str, plural: str, count: float, /, **values: object) -> str:
    """Return the form of a text for `count`, which fills the placeholder {count}; otherwise as `tr`."""
    # gettext's rules of plurals are for whole numbers; "1.5 minutes" is a plural in each of our languages.
    number = int(count) if count == int(count) else 2
    return _current().ngettext(singular, plural, number).format(count=count, **values)


def mark(message: str, /) -> str:
    """Return a constant as it is, marked for translation: its use passes it to `tr`."""
    return message


def current() -> str:
    """Return the code of the language that `tr` speaks now."""
    return _language.get()


def set_language(language: str) -> None:
    """Have `tr` speak a language for the rest of the running task."""
    _language.set(language)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Have `tr` speak a language within the block."""
    before = _language.set(language)
    try:
        yield
    finally:
        _language.reset(before)


def language_for(locale: object) -> str:
    """Return the installed language for a locale of Discord such as `pt-BR`; English where there is none."""
    code = str(locale)
    if code in _translations:
        return code
    base = code.partition("-")[0]
    return base if base in _translations else ENGLISH


def installed() -> list[str]:
    """Return the codes of the languages that can be spoken, English first."""
    return [ENGLISH, *sorted(_translations)]


def install(translations: Mapping[str, NullTranslations]) -> None:
    """Make these the languages beside English."""
    _translations.clear()
    _translations.update(translations)


def _current() -> NullTranslations:
    return _translations.get(_language.get(), _ENGLISH_ONLY)
