"""How much of a prompt a text encoder reads: an estimate without its tokenizer."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PIECE = re.compile(r"\w+|[^\w\s]")
_WORD_LETTERS = 7
_PIECE_LETTERS = 4
_LATIN_LAST = "\u024f"
WORDS_PER_TOKEN = 0.75
"""English words per token of a subword vocabulary of some ten thousand entries: the usual rule of thumb."""


def unread_from(text: str, limit: int) -> int | None:
    """Return where the part begins that an encoder of `limit` (≥ 1) tokens leaves out, or None.

    The estimate: a common English word is one token; longer words come in pieces of about four letters,
    numbers in pieces of two digits; letters outside of Latin, which English vocabularies lack, cost about one
    token each; the end sign is one.
    """
    used = 1
    for start, cost in _pieces(text):
        used += cost
        if used > limit:
            return start
    return None


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    for match in _PIECE.finditer(text):
        yield match.start(), _cost(match.group())


def _cost(piece: str) -> int:
    if piece[0].isdigit():
        return -(-len(piece) // 2)
    if not piece.isascii() and max(piece) > _LATIN_LAST:
        return len(piece)
    return 1 if len(piece) <= _WORD_LETTERS else 1 - (_WORD_LETTERS - len(piece)) // _PIECE_LETTERS
