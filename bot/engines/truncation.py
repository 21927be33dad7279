"""The warning about text beyond an encoder's token limit, which is truncated."""

from __future__ import annotations


def truncation_warning(what: str, tokens: int, limit: int) -> str | None:
    """Return a warning where a text of `tokens` tokens exceeds the model's `limit`, or None."""
    if tokens <= limit:
        return None
    return f"The model read only the first {100 * limit // tokens} % of the {what}, which is too long for it."
