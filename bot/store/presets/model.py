"""What a preset is: its body with bounds, its scope, and the rows that show it."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from bot.errors import InvalidRecipe
from bot.recipe import NO_WORDS, PROMPT_CHARACTERS, Mode
from bot.text import is_blank, sanitize, visible

MARK = "{prompt}"
"""Where a member's words go in a template; without it they are appended."""

BOT = 0
"""The owner of what ships with the bot."""
EVERYWHERE = 0
"""The guild in which the decisions of the bot's owner are recorded."""

DESCRIPTION_CHARACTERS = 300
TAG_CHARACTERS = 24
TAGS_MOST = 5

BOUNDS: Mapping[str, tuple[float, float]] = {
    "seconds": (0.1, 600),
    "temperature": (0.01, 10),
    "guidance_scale": (0, 100),
    "top_k": (0, 100_000),
    "num_sampling_steps": (1, 1000),
}
"""What any engine could take; the one at hand narrows it when a clip is made."""
_WHOLE = ("top_k", "num_sampling_steps")


class BadField(InvalidRecipe):
    """A value that a preset cannot have. field: its name; problem: what it has to be."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem


class Scope(StrEnum):
    """Who sees a preset: its owner, one server, everybody."""

    PRIVATE = "private"
    SERVER = "server"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Everything about a preset but its name; a version holds exactly one.

    template: 1 to 1,000 characters, sanitized, not blank; MARK stands for the member's words.
    seconds (0.1 to 600), temperature (0.01 to 10), top_k (0 to 100,000), guidance_scale (0 to 100),
    num_sampling_steps (1 to 1,000) and negative_prompt (as template) are None where the bot's defaults hold.
    tags: at most 5 different ones of letters, digits and single hyphens, in lower case, ≤ 24 characters each.
    description: at most 300 characters, one line.

    Raises BadField, which names the field.
    """

    template: str
    mode: Mode
    seconds: float | None = None
    temperature: float | None = None
    top_k: int | None = None
    guidance_scale: float | None = None
    num_sampling_steps: int | None = None
    negative_prompt: str | None = None
    tags: tuple[str, ...] = ()
    description: str = ""

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "template", _text("template", self.template))
        if not isinstance(self.mode, str) or self.mode not in list(Mode):
            raise BadField("mode", f"has to be {' or '.join(Mode)}.")
        put(self, "mode", Mode(self.mode))
        for name, (low, high) in BOUNDS.items():
            put(self, name, _number(name, getattr(self, name), low, high))
        if self.negative_prompt is not None:
            put(self, "negative_prompt", _text("negative_prompt", self.negative_prompt))
        put(self, "tags", _tags(self.tags))
        put(self, "description", _description(self.description))

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that are set, in their order, as JSON knows them."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in fields.items()
            if value not in (None, "", ())
        }

    def to_json(self) -> str:
        """Return as_dict as text."""
        return json.dumps(self.as_dict(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what to_json wrote. Blank texts, which earlier versions stored, read as NO_WORDS or unset."""
        data: dict[str, Any] = json.loads(text)
        for name, unset in (("template", NO_WORDS), ("negative_prompt", None)):
            if isinstance(data.get(name), str) and is_blank(sanitize(data[name])):
                data[name] = unset
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Draft:
    """A preset that is not stored yet. name: clean for display."""

    name: str
    body: Body
    example_clip: int | None = None


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, and in which server."""

    user_id: int
    guild_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A preset with one of its versions.

    version: that version's number; newest: the newest one's.  version_id: what clips remember.
    rating: Wilson's lower bound, 0 to 1.  origin: name of what it was forked from, where it was.
    """

    id: int
    owner_id: int
    name: str
    body: Body
    version: int
    version_id: int
    newest: int
    scope: Scope
    guild_id: int | None
    code: str | None
    uses: int
    ups: int
    downs: int
    rating: float
    forks: int
    origin: str | None
    example_clip: int | None
    created_at: float
    updated_at: float
    deleted: bool


def tag_of(text: str) -> str:
    """Return a tag as it is kept: lower case, hyphens for spaces and underscores. Raises BadField."""
    tag, before = text, None
    while tag != before:
        before, tag = tag, unicodedata.normalize("NFC", tag.casefold())
    tag = re.sub(r"[\s_-]+", "-", tag).strip("-")
    if not tag or any(unicodedata.category(c)[0] not in "LMN" for c in tag if c != "-"):
        raise BadField("tags", "can hold letters, digits and hyphens only.")
    if len(tag) > TAG_CHARACTERS:
        raise BadField("tags", f"can be {TAG_CHARACTERS} characters long each.")
    return tag


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise BadField(name, "has to be a text.")
    length = len(value.strip())
    if length > PROMPT_CHARACTERS:
        raise BadField(name, f"has {length:,} characters; {PROMPT_CHARACTERS:,} is the most.")
    text = sanitize(value)
    if is_blank(text):
        raise BadField(name, "is empty: it has to say what to hear.")
    return text


def _number(name: str, value: object, low: float, high: float) -> float | int | None:
    if value is None:
        return None
    kinds = (int,) if name in _WHOLE else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not _within(value, low, high):
        kind = "whole number" if name in _WHOLE else "number"
        raise BadField(name, f"has to be a {kind} from {low:g} to {high:g}.")
    return value if name in _WHOLE else float(value)


def _within(value: float, low: float, high: float) -> bool:
    return math.isfinite(value) and low <= value <= high if isinstance(value, float) else low <= value <= high


def _tags(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(tag, str) for tag in value):
        raise BadField("tags", "has to be a list of texts.")
    tags = tuple(dict.fromkeys(tag_of(tag) for tag in value))
    if len(tags) > TAGS_MOST:
        raise BadField("tags", f"holds {len(tags)} tags; {TAGS_MOST} is the most.")
    return tags


def _description(value: object) -> str:
    if not isinstance(value, str):
        raise BadField("description", "has to be a text.")
    text = " ".join(visible(value).split())
    if len(text) > DESCRIPTION_CHARACTERS:
        raise BadField("description", f"has {len(text):,} characters; {DESCRIPTION_CHARACTERS} is the most.")
    return "" if is_blank(text) else text
