"""Mode, Recipe and their bounds: everything that decides how a clip sounds."""

from __future__ import annotations

import json
import math
import re
import secrets
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self

from bot.errors import InvalidRecipe
from bot.text import is_blank, sanitize

PROMPT_CHARACTERS = 1_000
LYRICS_CHARACTERS = 4_000
SEED_MAX = 2**31 - 1
"""Seeds fit a signed 32-bit integer, so that every generator and every tag format takes them."""

NO_WORDS = "(no words)"
"""The prompt of a clip that was made from invisible characters alone, when that was possible."""


class Mode(StrEnum):
    """How one clip is made."""

    AR = "ar"
    DIFFUSION = "diffusion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One clip, completely described: the same recipe on the same machine gives the same audio.

    prompt: 1 to 1,000 characters, sanitized (bot/text.py), not blank.
    model: hub name or folder of the engine's model, or the name of a built-in one.
    seconds: length of the clip, > 0.
    seed: 0 to 2³¹ − 1.
    temperature (> 0), top_k (≥ 0; 0 is off), guidance_scale (≥ 0), num_sampling_steps (≥ 1) and
    negative_prompt (as the prompt) are None where the engine does not take them.
    lyrics: words to sing, 1 to 4,000 characters, sanitized, not blank; None where nobody sings.
    melody: SHA-256, in hex, of the audio file whose tune it follows, or None.
    source_clip: id of the clip this one starts from, or None.

    Raises InvalidRecipe when a value is out of these bounds. What one engine takes within them is
    its Capabilities' to say.
    """

    prompt: str
    mode: Mode
    model: str
    seconds: float
    seed: int
    temperature: float | None = None
    top_k: int | None = None
    guidance_scale: float | None = None
    num_sampling_steps: int | None = None
    negative_prompt: str | None = None
    lyrics: str | None = None
    melody: str | None = None
    source_clip: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mode", checked_mode(self.mode))
        object.__setattr__(self, "prompt", checked_prompt(self.prompt))
        if self.negative_prompt is not None:
            object.__setattr__(self, "negative_prompt", checked_negative(self.negative_prompt))
        if self.lyrics is not None:
            object.__setattr__(self, "lyrics", checked_lyrics(self.lyrics))
        _require(_is_number(self.seconds) and self.seconds > 0, "The length has to be more than 0 seconds.")
        _require(
            self.melody is None or re.fullmatch(r"[0-9a-f]{64}", str(self.melody)) is not None,
            "The melody has to be a SHA-256: 64 digits of 0-9 and a-f.",
        )
        for name in ("seed", "top_k", "num_sampling_steps", "source_clip"):
            value = getattr(self, name)
            whole = value is None or (isinstance(value, int) and not isinstance(value, bool))
            _require(whole, f"{name} has to be a whole number.")
        _require(0 <= self.seed <= SEED_MAX, f"The seed has to be a whole number from 0 to {SEED_MAX:,}.")
        _require(
            self.temperature is None or (_is_number(self.temperature) and self.temperature > 0),
            "The temperature has to be more than 0.",
        )
        _require(self.top_k is None or self.top_k >= 0, "Top-k has to be 0 or more.")
        _require(
            self.guidance_scale is None or (_is_number(self.guidance_scale) and self.guidance_scale >= 0),
            "The guidance has to be 0 or more.",
        )
        _require(
            self.num_sampling_steps is None or self.num_sampling_steps >= 1,
            "The number of steps has to be 1 or more.",
        )

    def reseeded(self, seed: int | None = None) -> Recipe:
        """Return the same recipe with another seed, a random one if none is given."""
        return replace(self, seed=random_seed() if seed is None else seed)

    def to_json(self) -> str:
        """Return the recipe as JSON with its keys in the order of the fields, unset ones left out."""
        return json.dumps({k: v for k, v in asdict(self).items() if v is not None}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what to_json wrote. Raises InvalidRecipe for unknown keys and for values out of bounds.

        A prompt that is blank is read as NO_WORDS, other blank texts as unset: earlier versions stored some,
        and their rows have to stay readable.
        """
        data: dict[str, Any] = json.loads(text)
        unknown = data.keys() - {f.name for f in fields(cls)}
        _require(not unknown, f"A recipe has no {', '.join(sorted(unknown))}.")
        for name, unset in (("prompt", NO_WORDS), ("negative_prompt", None), ("lyrics", None)):
            if isinstance(data.get(name), str) and is_blank(sanitize(data[name])):
                data[name] = unset
        return cls(**data)


def checked_mode(mode: str) -> Mode:
    """Return the mode of that name, or raise InvalidRecipe."""
    _require(mode in list(Mode), f"The mode has to be {' or '.join(Mode)}.")
    return Mode(mode)


def checked_prompt(text: str) -> str:
    """Return the prompt sanitized, or raise InvalidRecipe if it is blank or too long."""
    return _checked_text(
        text,
        PROMPT_CHARACTERS,
        "The prompt has",
        "The prompt is empty. Say what you want to hear, for example “slow piano in the rain”.",
    )


def checked_negative(text: str) -> str:
    """Return the negative prompt sanitized, or raise InvalidRecipe if it is blank or too long."""
    return _checked_text(
        text,
        PROMPT_CHARACTERS,
        "The negative prompt has",
        "The negative prompt is empty. Leave it out, or say what you do not want to hear.",
    )


def checked_lyrics(text: str) -> str:
    """Return lyrics sanitized, or raise InvalidRecipe if they are blank or too long."""
    return _checked_text(
        text,
        LYRICS_CHARACTERS,
        "The lyrics have",
        "The lyrics are empty. Leave them out for music without a singer.",
    )


def _checked_text(text: str, limit: int, has: str, empty: str) -> str:
    _require(isinstance(text, str), f"{has} to be a text.")
    # Before anything else: sanitizing takes quadratic time for nested markup.
    length = len(text.strip())
    _require(length <= limit, f"{has} {length:,} characters; {limit:,} is the most. Shorten the text.")
    sanitized = sanitize(text)
    _require(not is_blank(sanitized), empty)
    return sanitized


def random_seed() -> int:
    """Return a seed nobody chose, 0 to 2³¹ − 1."""
    return secrets.randbelow(SEED_MAX + 1)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _require(held: bool, sentence: str) -> None:
    if not held:
        raise InvalidRecipe(sentence)
