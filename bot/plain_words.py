"""What somebody wants to hear, from a sentence that is said to the bot: “play me some slow piano, please”."""

from __future__ import annotations

import re

from bot.recipe.options import PROMPT_CHARACTERS
from bot.text import is_blank, sanitize

_OPENING = re.compile(
    r"[\s,.!:]*(?:(?:hey|hi|hello|yo|ok|okay|so|please|pls|antiphon|bot)\b(?!-)[\s,.!:]*)*", re.IGNORECASE
)
_REQUEST = re.compile(
    r"""(?:(?:can|could|would|will)\s+you\s+(?:please\s+)?|(?:i(?:'d|’d|\s+would)\s+like|i\s+want)\s+(?:you\s+)?(?:to\s+)?
        |let(?:'s|’s|\s+us)\s+)?
    (?:(?:play|make|create|generate|compose|write|give|do|hear|listen\s+to|sing)\b\s*(?:(?:me|us|for\s+me)\b\s*)?
       (?:(?:a\s+)?(?:clip|piece|bit)\s+(?:of|with)\b\s*)?)?""",
    re.IGNORECASE | re.VERBOSE,
)
_CLOSING = re.compile(r"[\s,]*\b(?:please|pls|thanks|thank\s+you)\b[\s.!?]*$|\s*[?!.]+$", re.IGNORECASE)
_NO_MUSIC = re.compile(
    r"(?:help|start|what|how|who|why|test|ping|commands?|thanks|thank\s+you)?[\s?!.]*", re.IGNORECASE
)


def prompt_in(message: str) -> str | None:
    """Return the prompt in a message to the bot, without mentions and courtesies; None where it has none.

    The words themselves stay as they were typed; what is longer than a prompt is cut after a whole word.
    """
    # Discord's messages have 4,000 characters at most; sanitizing takes quadratic time for nested markup.
    words = " ".join(sanitize(message[:4_000]).split())
    for part in (_OPENING, _REQUEST):
        if found := part.match(words):
            words = words[found.end() :]
    while (shorter := _CLOSING.sub("", words)) != words:
        words = shorter
    words = words.strip(" ,;:-")
    if is_blank(words) or _NO_MUSIC.fullmatch(words):
        return None
    if len(words) > PROMPT_CHARACTERS:
        words = (
            words[: PROMPT_CHARACTERS + 1].rpartition(" ")[0][:PROMPT_CHARACTERS] or words[:PROMPT_CHARACTERS]
        )
    return words
