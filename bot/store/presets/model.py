"""The entities of presets: body, draft, scope, viewer."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from bot.recipe import NO_WORDS, Mode, OptionValue
from bot.recipe.frozen import FrozenMapping
from bot.recipe.options import (
    OPTIONS,
    PROMPT,
    SECONDS,
    InvalidField,
    validate_options,
    without_blank_texts,
)
from bot.text import is_blank, sanitize, visible

MARK = "{prompt}"
"""Where a member's words go in a template; without it they are appended."""

BOT = 0
"""The owner of what ships with the bot."""
EVERYWHERE = 0
"""The guild in which the decisions of the bot's owner are recorded."""

DESCRIPTION_CHARACTERS = 300
MODEL_CHARACTERS = 100
TAG_CHARACTERS = 24
MAX_TAGS = 5

PRESET_OPTIONS = {name: option for name, option in OPTIONS.items() if option.in_presets}
"""The rows of the table of options that a preset can hold."""
_TEMPLATE = replace(PROMPT, name="template", label="template", if_empty="it has to say what to hear")


class Scope(StrEnum):
    """Visibility of a preset: to its owner, one server, or everybody."""

    PRIVATE = "private"
    SERVER = "server"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The content of one version of a preset.

    template: 1 to 1,000 characters, sanitized, not blank; MARK stands for the member's words.
    model: the name that members know it by, at most 100 characters, one line; empty is the mode's default.
    seconds (0.1 to 600) is None where the bot's default holds.
    options: values by the names of bot.recipe.options.OPTIONS, for those that a preset can hold.
    tags: at most 5 different ones of letters, digits and single hyphens, in lower case, ≤ 24 characters each.
    description: at most 300 characters, one line.

    Raises InvalidField, which names the field.
    """

    template: str
    mode: Mode
    model: str = ""
    seconds: float | None = None
    options: Mapping[str, OptionValue] = field(default_factory=FrozenMapping)
    tags: tuple[str, ...] = ()
    description: str = ""

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "template", _TEMPLATE.validate(self.template))
        if not isinstance(self.mode, str) or self.mode not in list(Mode):
            raise InvalidField("mode", "has to be {mode}.", mode=" or ".join(Mode))
        put(self, "mode", Mode(self.mode))
        put(self, "model", _line("model", self.model, MODEL_CHARACTERS))
        if self.seconds is not None:
            put(self, "seconds", SECONDS.validate(self.seconds))
        put(self, "options", validate_options(self.options))
        if unheld := [name for name in self.options if name not in PRESET_OPTIONS]:
            raise InvalidField(unheld[0], "cannot be part of a preset.")
        put(self, "tags", _tags(self.tags))
        put(self, "description", _line("description", self.description, DESCRIPTION_CHARACTERS))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and options that are set, in one object of JSON's types."""
        data = {
            "template": self.template,
            "mode": self.mode.value,
            "model": self.model,
            "seconds": self.seconds,
            **self.options,
            "tags": list(self.tags),
            "description": self.description,
        }
        return {name: value for name, value in data.items() if value not in (None, "", [])}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what to_dict returned. Raises InvalidField, TypeError for keys of none."""
        return cls(
            **{name: value for name, value in data.items() if name not in OPTIONS},
            options={name: value for name, value in data.items() if name in OPTIONS},
        )

    def to_json(self) -> str:
        """Return to_dict as text."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what to_json wrote. Blank texts, which earlier versions stored, read as NO_WORDS or unset."""
        data = without_blank_texts(json.loads(text))
        template = data.get("template")
        if isinstance(template, str) and is_blank(sanitize(template)):
            data["template"] = NO_WORDS
        return cls.from_dict(data)


@dataclass(frozen=True, slots=True)
class Draft:
    """A preset that is not stored yet. name: clean for display."""

    name: str
    body: Body
    example_clip: int | None = None


@dataclass(frozen=True, slots=True)
class Viewer:
    """The member for whom visibility is decided, and the server they are in."""

    user_id: int
    guild_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A preset with one of its versions.

    version: that version's number; newest: the newest one's.  version_id: what clips remember.
    origin: name of what it was forked from, where it was.
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
    forks: int
    origin: str | None
    example_clip: int | None
    created_at: float
    deleted: bool


def tag_of(text: str) -> str:
    """Return a tag as it is kept: lower case, hyphens for spaces and underscores. Raises InvalidField."""
    tag, before = text, None
    while tag != before:
        before, tag = tag, unicodedata.normalize("NFC", tag.casefold())
    tag = re.sub(r"[\s_-]+", "-", tag).strip("-")
    if not tag or any(unicodedata.category(c)[0] not in "LMN" for c in tag if c != "-"):
        raise InvalidField("tags", "can hold letters, digits and hyphens only.")
    if len(tag) > TAG_CHARACTERS:
        raise InvalidField(
            "tags", "can be {tag_characters} characters long each.", tag_characters=TAG_CHARACTERS
        )
    return tag


def _tags(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(tag, str) for tag in value):
        raise InvalidField("tags", "has to be a list of texts.")
    tags = tuple(dict.fromkeys(tag_of(tag) for tag in value))
    if len(tags) > MAX_TAGS:
        raise InvalidField(
            "tags", "holds {count} tags; {max_tags} is the most.", count=len(tags), max_tags=MAX_TAGS
        )
    return tags


def _line(name: str, value: object, most: int) -> str:
    if not isinstance(value, str):
        raise InvalidField(name, "has to be a text.")
    text = " ".join(visible(value).split())
    if len(text) > most:
        raise InvalidField(name, "has {count:,} characters; {most} is the most.", count=len(text), most=most)
    return "" if is_blank(text) else text
