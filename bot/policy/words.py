"""The filter of words and links: whole words, also in disguise.

Two steps. `folded` takes disguises off a text: invisible characters, styled and full-width letters (NFKC),
accents on Latin, Greek and Cyrillic letters, letters of another alphabet that look alike. A pattern per
blocked word then allows digits and signs for letters, stretched letters, and separators inside the word.

Whole words are what keeps Scunthorpe and cocktails: a match ends where letters end. Scripts without spaces
between words have no such ends, so their words match inside a sentence; katakana ends with katakana, and a
single Han character counts only where it stands alone.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby

from bot.text import visible

_LOOK_ALIKE = str.maketrans(
    "авсеԁһіјкӏмнорԛгѕтуԝхѵоαβεικνορτυχω",
    "abcedhijklmhopqrstywxvoabeiknoptuxw",
)
"""Cyrillic and Greek small letters → the Latin ones that they look like; from Unicode's confusables.txt."""

_LEET = {
    "a": "4@", "b": "8", "c": "(¢", "e": "3€", "g": "9", "i": "1!|", "l": "1|", "o": "0", "s": "5$",
    "t": "7+", "z": "2",
}  # fmt: skip

_JOINTS = r"[.\-_*·•'’~/\\,]{0,2}"
"""Separators inside a word that leave it one word; a space does not, or “pen is” would be a word."""
_SPACED = r"[\s.\-_*·•'’~/\\,]{1,3}"

_LINK = re.compile(
    r"h(?:tt|xx)ps?\s*:\s*//|\bwww\s*\.\s*\w|\bdiscord(?:app)?\s*(?:\.|\(?dot\)?)\s*(?:gg|com)\b"
    r"|\b[\w-]+\.(?:com|net|org|gg|io|ru|xyz|info|biz|link|click|top|site|online|shop|tv|ly|co)\b(?![.\w])",
    re.IGNORECASE,
)


def find_word(text: str, words: tuple[str, ...]) -> bool:
    """Tell whether a text has one of the blocked words, also in disguise.

    words: with * at an end for any further letters.
    """
    plain = visible(text, max_marks=None, line_breaks=True)
    # Digits alone are no word: 505 is no disguise.
    return any(
        any(letter.isalpha() or letter in "$@€" for letter in match[0])
        for pattern in _patterns(words)
        for match in pattern.finditer(folded(plain))
    )


def find_link(text: str) -> bool:
    """Tell whether a text has a web address or an invitation to a server."""
    return _LINK.search(unicodedata.normalize("NFKC", visible(text))) is not None


def folded(text: str) -> str:
    """Return text in small letters without styles, accents and letters that stand for Latin ones.

    A word in Cyrillic or Greek letters that all look Latin is read as Latin only beside Latin letters, in the
    word itself or where the whole text has no letter that is surely Cyrillic or Greek: Russian “рот” is a
    mouth, no pot.
    """
    text = _undressed(text)
    surely_other = any(
        _script(character) in ("CYRILLIC", "GREEK") and character.translate(_LOOK_ALIKE) == character
        for character in text
    )
    return re.sub(r"[^\W_]+", lambda word: _as_latin(word[0], surely_other), text)


def _undressed(text: str) -> str:
    text = "".join(_unstyled(character) for character in text)
    return _without_accents(unicodedata.normalize("NFKC", text).casefold())


def _as_latin(word: str, surely_other: bool) -> str:
    mixed = any("a" <= character <= "z" for character in word)
    return word.translate(_LOOK_ALIKE) if mixed or not surely_other else word


def _unstyled(character: str) -> str:
    """Return the letter of a symbol that NFKC leaves as it is: 🅰, 🇦, Ⓐ in negative."""
    code = ord(character)
    for first in (0x1F1E6, 0x1F150, 0x1F170):
        if first <= code < first + 26:
            return chr(ord("a") + code - first)
    return character


def _without_accents(text: str) -> str:
    kept: list[str] = []
    base = ""
    for character in unicodedata.normalize("NFD", text):
        if unicodedata.category(character) == "Mn":
            # A mark on a kana or an Indic letter makes another letter; on these it is an ornament.
            if _script(base) not in ("LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW"):
                kept.append(character)
            continue
        base = character
        if character != "ـ":  # Arabic tatweel stretches a word
            kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))


@lru_cache(maxsize=4096)
def _script(character: str) -> str:
    return unicodedata.name(character, "").split(" ")[0] if character else ""


@lru_cache(maxsize=256)
def _patterns(words: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """Return one pattern for all words, none where there are none."""
    alternatives = [alternative for word in words for alternative in _alternatives(word)]
    return (re.compile("|".join(alternatives)),) if alternatives else ()


def _alternatives(word: str) -> list[str]:
    start, end = word.startswith("*"), word.endswith("*")
    own = _undressed(visible(word.strip("*"), max_marks=None))
    # A Cyrillic word stands in a text as itself, and, beside Latin letters, as what it looks like.
    return [
        alternative
        for form in dict.fromkeys((own, own.translate(_LOOK_ALIKE)))
        for alternative in _forms(form.split(), start, end)
    ]


def _forms(letters: list[str], start: bool, end: bool) -> list[str]:
    joined = "".join(letters)
    if not joined:
        return []
    script = _script(joined[0])
    if script in ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR"):
        return [_unspaced(form) for form in dict.fromkeys((joined, *_other_kana(joined)))]
    before = "" if start else r"(?<![^\W_])"
    after = "" if end or script == "HANGUL" else r"(?![^\W_])"
    runs = [[(letter, len(list(run))) for letter, run in groupby(part)] for part in letters]
    close = r"[\W_]+".join(_JOINTS.join(_run(*one, _JOINTS) for one in part) for part in runs)
    found = [f"{before}{close}{after}"]
    if len(joined) > 2:
        found.append(before + _SPACED.join(_letter(letter) for letter in joined) + after)
    return found


def _run(letter: str, times: int, joint: str) -> str:
    """Match a letter so many times, or stretched to three and more: “good” is no stretched “god”."""
    one = _letter(letter)
    exact = joint.join([one] * times)
    return rf"(?:{one}{{{max(3, times + 1)},}}|{exact})"


def _letter(letter: str) -> str:
    signs = _LEET.get(letter, "")
    return f"[{re.escape(letter)}{re.escape(signs)}]" if signs else re.escape(letter)


def _unspaced(word: str) -> str:
    inner = r"[\s.\-_*・]{0,2}".join(map(re.escape, word))
    if len(word) == 1 and _script(word) == "CJK":
        return rf"(?<![\u3400-\u9fff]){inner}(?![\u3400-\u9fff])"
    if all("\u30a1" <= letter <= "\u30fe" for letter in word):
        return rf"(?<![\u30a1-\u30fe]){inner}(?![\u30a1-\u30fe])"
    return inner


def _other_kana(word: str) -> list[str]:
    """Return a word of kana in the other kana."""
    if all("\u3041" <= letter <= "\u3096" for letter in word):
        return ["".join(chr(ord(letter) + 0x60) for letter in word)]
    if all("\u30a1" <= letter <= "\u30f6" for letter in word):
        return ["".join(chr(ord(letter) - 0x60) for letter in word)]
    return []
