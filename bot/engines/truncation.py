"""Text that an encoder cuts off: told with the clip, in place of words that nobody hears."""

from __future__ import annotations


def truncation_warning(what: str, tokens: int, limit: int) -> str | None:
    """Return a sentence where `tokens` tokens of a text are more than the `limit` that a model reads."""
    if tokens <= limit:
        return None
    return f"The model read only the first {100 * limit // tokens} % of the {what}, which is too long for it."
