"""A prompt said in the words of the other mode, with everything concrete that it names."""

from __future__ import annotations

import re

from bot.coach import edits
from bot.coach.edits import Edit
from bot.coach.images import ATMOSPHERE, images, images_for, sound_for
from bot.coach.language import foreign
from bot.coach.lexicon import Reading, lexicon
from bot.recipe import Mode

_PICTURES = 3
"""Words of touch, place or material that a prompt for diffusion should hold, at least."""

_SOUNDING = ("instrument", "voice", "genre", "part")
_SEGMENT = re.compile(r"[^,;.!?\n]*(?:[.,](?=\d)[^,;.!?\n]*)*")
_SETTING = re.compile(r"\d+|\d+bpm|bpm|tempo|[a-g][b♭]?|major|minor|maj|min|sharp|flat")


def translate(prompt: str, to: Mode) -> str:
    """Return the prompt in the wording that `to` listens to.

    Whatever it names stays: only words that order the piece in time come and go. A prompt that already
    speaks that way, one in another language, and one without a word come back unchanged.
    """
    reading = lexicon().read(prompt)
    if not reading.words or foreign(reading) is not None:
        return prompt
    return _painted(reading) if to is Mode.DIFFUSION else _ordered(reading)


def _painted(reading: Reading) -> str:
    """Remove the order in time, and add the moods of the instruments."""
    known = images()
    replaced = [Edit(span, known.scaffold[key]) for span, key, _ in reading.phrases(known.scaffolding)]
    text = edits.apply(reading.text, replaced)
    if not any(c.isalnum() for c in text):
        return reading.text
    plain = lexicon().read(text)
    missing = _PICTURES - len(plain.of_class(*ATMOSPHERE))
    for image in images_for(plain, wanted=_PICTURES):
        if missing <= 0:
            break
        missing -= len(lexicon().read(image).of_class(*ATMOSPHERE))
        text = edits.append(text, f", {image}")
    return text


def _ordered(reading: Reading) -> str:
    """Let the sounding parts enter one after the other, and lay the rest under them."""
    if reading.of_class("order"):
        return reading.text
    segments = [s.strip() for s in _SEGMENT.findall(reading.text) if any(c.isalnum() for c in s)]
    settings = [s for s in segments if all(map(_SETTING.fullmatch, lexicon().read(s).keys))]
    sounding = [s for s in segments if s not in settings and lexicon().read(s).of_class(*_SOUNDING)]
    scenery = [s for s in segments if s not in settings and s not in sounding]
    players = sounding or [sound_for(reading)]
    text = f"start with {players[0]}"
    for part in players[1:-1]:
        text += f", then add {part}"
    if len(players) > 1:
        text += f", and build to {players[-1]}"
    else:
        text += ", then let it grow and fade"
    if scenery:
        text += f", over {', '.join(scenery)}"
    return text + "".join(f", {s}" for s in settings)
