"""Whether a prompt is in a language that a text encoder trained on English does not know.

The script decides where it is not Latin; for Latin, small words and the words that people ask music with
are counted against the lexicon. A statistical detector was left out: on a handful of words, half of them
loan words (bossa nova, tango, allegro), they guess, and they weigh megabytes.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from bot.coach.lexicon import Reading, key_of, lexicon
from bot.coach.tables import packaged

SHARE = 0.34
"""A prompt counts as foreign from this share of foreign words on, if they also outnumber the English ones."""

_EVIDENCE = frozenset(
    {"plain", "english", "order", "action", "sense", "mood", "place", "abstract", "material"}
)
"""Classes that show English; instruments and genres are called the same in many languages."""

_SCRIPTS = {
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
    "HANGUL": "Korean",
    "CJK": "Chinese",
    "CYRILLIC": "a language in Cyrillic letters",
    "ARABIC": "a language in Arabic letters",
    "HEBREW": "Hebrew",
    "DEVANAGARI": "a language in Devanagari letters",
    "GREEK": "Greek",
    "THAI": "Thai",
}
_LIKELIEST = {"a language in Cyrillic letters": "Russian", "a language in Arabic letters": "Arabic"}
_DENSE = frozenset({"HIRAGANA", "KATAKANA", "HANGUL", "CJK", "THAI"})
_DENSE_LETTERS = 3
"""A letter of a script without spaces says about as much as three of an alphabet."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """A prompt in another language.

    glosses: (word as typed, English), those that are known.
    likeliest: the language to expect, or "emoji", where `language` only describes the script.
    """

    language: str
    glosses: tuple[tuple[str, str], ...] = ()
    likeliest: str = ""

    def is_among(self, languages: frozenset[str]) -> bool:
        """Tell whether it is one of these languages, as far as the text shows."""
        return (self.likeliest or self.language) in languages


@dataclass(frozen=True, slots=True)
class _Words:
    names: Mapping[str, str]
    languages: Mapping[str, frozenset[str]]
    glosses: Mapping[tuple[str, str], str]


def foreign(reading: Reading) -> Foreign | None:
    """Return the other language than English that most of the text is in; None for gibberish and numbers."""
    scripts = Counter[str]()
    for character, count in Counter(reading.text).items():
        if character.isalpha():
            script = _script(character)
            scripts[script] += count * (_DENSE_LETTERS if script in _DENSE else 1)
    if not scripts:
        pictures = any(unicodedata.category(c) == "So" for c in reading.text)
        if pictures and not reading.words:
            return Foreign("pictures, which the model cannot see", likeliest="emoji")
        return None
    other = scripts.total() - scripts["LATIN"]
    if other * 2 >= scripts.total():
        language = _language_of(scripts)
        return Foreign(language, likeliest=_LIKELIEST.get(language, ""))
    return _latin(reading)


def _latin(reading: Reading) -> Foreign | None:
    words = _words()
    typed = {t.key: t for t in reading.terms if t.key.replace(" ", "").replace("'", "").isalpha()}
    hits: Counter[str] = Counter()
    english = unknown = shared = 0
    for key, term in typed.items():
        codes = words.languages.get(key, frozenset())
        if term.classes & _EVIDENCE or _english_without_accents(key):
            english += not codes
            shared += bool(codes)
        else:
            hits.update(codes)
            unknown += not codes and not key.isascii()
    code, known = max(hits.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    telling = known + unknown
    glossed = [
        (term, words.glosses[code, key]) for key, term in typed.items() if (code, key) in words.glosses
    ]
    certain = not english and any(not term.classes for term, _ in glossed)
    if not (certain or telling >= 2) or telling <= english or telling < SHARE * (len(typed) - shared):
        return None
    glosses = {term.span.of(reading.text): meaning for term, meaning in glossed}
    return Foreign(words.names[code] if known else "another language", tuple(glosses.items()))


def _english_without_accents(key: str) -> bool:
    bare = "".join(c for c in unicodedata.normalize("NFD", key) if not unicodedata.combining(c))
    return bare != key and bool(lexicon().classes_of(bare) & _EVIDENCE)


def _language_of(scripts: Counter[str]) -> str:
    if scripts["HIRAGANA"] or scripts["KATAKANA"]:
        return "Japanese"
    del scripts["LATIN"]
    return _SCRIPTS.get(scripts.most_common(1)[0][0], "another language")


@cache
def _script(character: str) -> str:
    return unicodedata.name(character, "UNKNOWN").split(" ")[0].split("-")[0]


@cache
def _words() -> _Words:
    table = packaged("languages.toml")
    names = table.mapping("name")
    languages: dict[str, set[str]] = {}
    for code, small in table.mapping("function").items():
        for word in small.split(","):
            languages.setdefault(key_of(word.strip()), set()).add(code)
    glosses: dict[tuple[str, str], str] = {}
    for code, meanings in table.mapping("gloss").items():
        for meaning, forms in meanings.items():
            for form in forms.split("|"):
                glosses[code, key_of(form)] = meaning
                languages.setdefault(key_of(form), set()).add(code)
    table.done()
    return _Words(names, {word: frozenset(codes) for word, codes in languages.items()}, glosses)
