"""Names of downloaded files, made from what a member typed."""

from __future__ import annotations

import re
import unicodedata

MAX_CHARACTERS = 60

_LETTERS = str.maketrans(
    {
        "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l",
        "þ": "th", "’": "", "'": "",
    }
)  # fmt: skip
"""Latin letters that Unicode does not decompose, and apostrophes, which part no word."""
_RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d")
"""Names that Windows gives to devices, whatever the extension
(learn.microsoft.com/windows/win32/fileio/naming-a-file)."""


def file_stem(text: str, otherwise: str) -> str:
    """Return a text as a file's name without its ending: slow-piano-in-the-rain.

    At most MAX_CHARACTERS of a-z, 0-9 and hyphens, since Discord drops other characters from the names of
    attachments; ends with a whole word where it can. Accents are taken off.
    otherwise: the name where fewer than two letters and digits are left, as of a text in another script.
    """
    folded = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    letters = "".join(one for one in folded if not unicodedata.combining(one))
    words = re.findall(r"[a-z0-9]+", letters)
    stem = "-".join(words)
    if len(stem) > MAX_CHARACTERS:
        stem = stem[: MAX_CHARACTERS + 1]
        stem = stem[: stem.rfind("-")] if "-" in stem else stem[:MAX_CHARACTERS]
    if sum(map(len, words)) < 2 or not stem:
        return otherwise
    return f"{stem}-clip" if _RESERVED.fullmatch(stem) else stem
