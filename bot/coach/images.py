"""Moods of instruments, and instruments of scenes: the vocabulary that translates between the modes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from bot.coach.lexicon import Phrases, Reading, phrase_key
from bot.coach.tables import packaged

ATMOSPHERE = ("sense", "place", "material")


@dataclass(frozen=True, slots=True)
class Images:
    """What images.toml says.

    image: term → what it feels like.  sound: term → instruments.  scaffold: ordering phrase → what stands
    for it where
    nothing has an order; scaffolding: these phrases, ready to be looked for.
    """

    image: Mapping[str, str]
    sound: Mapping[str, str]
    scaffold: Mapping[str, str]
    scaffolding: Phrases
    default_images: tuple[str, ...]
    default_sound: str


@cache
def images() -> Images:
    """Return the images that ship with the bot, read once."""
    table = packaged("images.toml")
    default = table.mapping("default")
    scaffold = {phrase_key(k): str(v) for k, v in table.mapping("scaffold").items()}
    found = Images(
        image={phrase_key(k): str(v) for k, v in table.mapping("image").items()},
        sound={phrase_key(k): str(v) for k, v in table.mapping("sound").items()},
        scaffold=scaffold,
        scaffolding=Phrases.of(scaffold),
        default_images=tuple(default["image"]),
        default_sound=str(default["sound"]),
    )
    table.done()
    return found


def images_for(reading: Reading, wanted: int) -> list[str]:
    """Return `wanted` (≥ 0) images that fit what the text names, in its order, then the defaults."""
    known = images()
    fitting = [image for term in reading.terms if (image := _entry(term.key, known.image))]
    text = reading.text.casefold()
    fresh = dict.fromkeys(i for i in [*fitting, *known.default_images] if i.casefold() not in text)
    return list(fresh)[:wanted]


def sound_for(reading: Reading) -> str:
    """Return instruments that fit the place or feeling a text describes."""
    known = images()
    return next((s for term in reading.terms if (s := _entry(term.key, known.sound))), known.default_sound)


def _entry(key: str, entries: Mapping[str, str]) -> str | None:
    return entries.get(key) or entries.get(key.removesuffix("s"))
