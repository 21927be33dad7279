"""AutoMod: the keywords that a guild or a channel blocks.

Interaction answers and members' messages are judged, on creation and on every edit. Messages that a bot
writes with its own token are exempt; source: Discord's AutoMod FAQ ("bots and webhooks"), and the change log
of 2024-06-27 for the 400 on edits of deferred answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from sandbox.components import texts, walk
from sandbox.errors import refusal
from sandbox.model import Json
from sandbox.rules.book import Rulebook, rule

MESSAGE_BLOCKED, TITLE_BLOCKED = 200000, 200001
AUTOMOD = rule(
    "automod_keywords", "Interaction answers and members' messages hold no blocked keyword (200000, 200001)."
)


def judge_keywords(words: Mapping[str, int], said: Iterable[str], rules: Rulebook) -> None:
    """Raise 400 with the keyword's code if one of the texts holds a blocked keyword."""
    if not words or AUTOMOD not in rules:
        return
    everything = "\n".join(said)
    for word, code in words.items():
        if _pattern(word).search(everything):
            raise refusal(code)


def message_texts(body: Json) -> Iterator[str]:
    """The texts of a message body that AutoMod reads: content, embeds, and components."""
    yield body.get("content") or ""
    for embed in body.get("embeds") or []:
        yield from (embed.get(name) or "" for name in ("title", "description"))
        yield (embed.get("footer") or {}).get("text") or ""
        yield (embed.get("author") or {}).get("name") or ""
        for field in embed.get("fields") or []:
            yield from (field["name"], field["value"])
    components = body.get("components") or []
    yield from texts(components)
    yield from (component.get("label") or "" for _, component in walk(components))


def _pattern(word: str) -> re.Pattern[str]:
    """A keyword matches whole words, or a part of one where it begins or ends with an asterisk."""
    before = "" if word.startswith("*") else r"(?<!\w)"
    after = "" if word.endswith("*") else r"(?!\w)"
    return re.compile(before + re.escape(word.strip("*")) + after, re.IGNORECASE)
