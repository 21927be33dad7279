"""Captions: many ways to say what is in a piece, and nothing that is not in it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.engines.score.programs import KITS
from training.compose import Piece


@dataclass(frozen=True, slots=True)
class Words:
    """What people call one scene: names, moods, and settings or sensations."""

    names: tuple[str, ...]
    moods: tuple[str, ...]
    settings: tuple[str, ...]


def _read() -> dict[str, Words]:
    folder = Path(__file__).parent
    data, more = (
        tomllib.loads((folder / name).read_text(encoding="utf-8"))
        for name in ("captions.toml", "wordings.toml")
    )
    return {
        scene: Words(
            names=(*part["names"], *more[scene]["styles"]),
            moods=tuple(part["moods"]),
            settings=(*part["places"], *more[scene]["images"]),
        )
        for scene, part in data.items()
    }


WORDS = _read()

SPOKEN: dict[str, tuple[str, ...]] = {
    "electric piano": ("electric piano", "rhodes", "rhodes piano", "keys"),
    "piano": ("piano", "grand piano"),
    "harp": ("harp",),
    "nylon guitar": ("nylon guitar", "classical guitar", "spanish guitar", "acoustic guitar"),
    "steel guitar": ("steel guitar", "acoustic guitar", "steel string guitar"),
    "clean guitar": ("clean guitar", "electric guitar", "clean electric guitar"),
    "muted guitar": ("muted guitar", "palm muted guitar"),
    "overdriven guitar": ("overdriven guitar", "electric guitar", "crunchy guitar", "lead guitar"),
    "distortion guitar": ("distorted guitar", "distortion guitar", "heavy guitars", "electric guitar"),
    "upright bass": ("upright bass", "double bass", "acoustic bass"),
    "finger bass": ("bass guitar", "electric bass", "bass"),
    "slap bass": ("slap bass",),
    "contrabass": ("contrabass", "double basses", "low strings"),
    "string ensemble": ("strings", "string ensemble", "full strings", "string section", "orchestra strings"),
    "slow strings": ("strings", "slow strings", "soft strings"),
    "tremolo strings": ("tremolo strings", "trembling strings", "nervous strings"),
    "pizzicato strings": ("pizzicato strings", "plucked strings", "pizzicato"),
    "choir": ("choir", "voices", "choral voices"),
    "brass section": ("brass", "brass section", "horns", "horn section"),
    "saxophone": ("saxophone", "sax", "tenor sax"),
    "french horn": ("french horn", "horn"),
    "organ": ("organ", "hammond organ"),
    "church organ": ("church organ", "pipe organ"),
    "glockenspiel": ("glockenspiel", "bells"),
    "tubular bells": ("tubular bells", "church bells", "bells"),
    "vibraphone": ("vibraphone", "vibes"),
    "kalimba": ("kalimba", "thumb piano"),
    "steel drums": ("steel drums", "steel pan"),
    "chip lead": ("chip lead", "square wave lead"),
    "chip pulse": ("pulse waves", "square waves"),
    "chip bass": ("chip bass", "triangle bass"),
    "saw lead": ("saw lead", "synth lead", "lead synth"),
    "supersaw": ("supersaw", "supersaws", "big synths"),
    "warm pad": ("warm pad", "synth pad", "pads", "warm pads"),
    "dark pad": ("dark pad", "dark pads", "synth pad"),
    "glass pad": ("glass pad", "shimmering pad", "glassy pads"),
    "synth bass": ("synth bass", "bass synth"),
    "sub bass": ("sub bass", "808 bass", "808", "deep bass"),
    "acid bass": ("acid bass", "303 bass", "acid line"),
    "reese bass": ("reese bass", "growling bass"),
    "synth bell": ("synth bells", "fm bells", "bell synth"),
    "synth pluck": ("synth pluck", "plucked synth", "plucks"),
    "glitch": ("glitches", "glitch sounds", "digital glitches"),
    "drums": ("drums", "beat", "percussion", "drum beat"),
}
NOTE_NAMES = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
TEMPO_WORDS = (
    (68, ("very slow", "slow", "unhurried")),
    (92, ("slow", "slow paced", "relaxed tempo")),
    (112, ("mid tempo", "moderate tempo", "walking pace")),
    (138, ("upbeat", "lively tempo", "brisk")),
    (999, ("fast", "very fast", "high speed", "rapid")),
)
KIT_WORDS = {
    "brush kit": "brushed drums",
    "trap kit": "rolling hi hats",
    "orchestral kit": "orchestral drums",
    "hand percussion": "hand percussion",
    "acoustic kit": "live drums",
    "lofi kit": "dusty drums",
}

NAMELESS_SEQUENCES = 0.25
"""Share of sequences that say nothing but which instruments enter."""
SOLOS_NAMED = 0.8
"""Share of the captions of a piece for one instrument that say so."""
TYPOS = 0.05
"""Share of captions with a slip of the keyboard."""


def caption(piece: Piece, rng: np.random.Generator) -> str:
    """Return one caption of a piece; guests from outside its scene are always named."""
    words = WORDS[piece.scene.name]
    named = _instruments(piece, rng)
    if len(piece.instruments) == 1 and rng.random() < SOLOS_NAMED:
        body = _solo(piece, words, rng)
    elif piece.form == "sequence" and len(piece.entries) > 1 and rng.random() < 0.75:
        body = _sequence(piece, words, rng)
    else:
        body = _description(words, named, rng)
    extras = _extras(piece, words, rng)
    rng.shuffle(extras)
    text = body
    for extra in extras[: int(rng.integers(0, 4))]:
        text = (
            f"{extra}, {text}"
            if rng.random() < 0.15
            else text + str(rng.choice((", ", ", ", ". ", " "))) + extra
        )
    if rng.random() < TYPOS:
        text = _mistyped(text, rng)
    return text if rng.random() < 0.7 else text.capitalize()


def spoken(name: str, rng: np.random.Generator) -> str:
    """Return a way to say an instrument."""
    options = SPOKEN.get(name, (name,))
    return str(options[int(rng.integers(len(options)))])


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _instruments(piece: Piece, rng: np.random.Generator) -> list[str]:
    audible = [name for name in piece.instruments if name != "drums"]
    keep = int(rng.choice((0, 1, 2, 3), p=(0.3, 0.3, 0.25, 0.15)))
    names = list(rng.permutation(audible))[:keep]
    for guest in piece.guests:
        if guest in audible and guest not in names:
            names.append(guest)
    out = [spoken(str(name), rng) for name in names]
    if "drums" in piece.instruments and rng.random() < 0.12:
        kit = next(KITS[int(row[4])] for row in piece.score.programs if row[4])
        out.append(KIT_WORDS.get(kit, "drums") if rng.random() < 0.6 else spoken("drums", rng))
    return list(dict.fromkeys(out))


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def _description(words: Words, named: list[str], rng: np.random.Generator) -> str:
    draw = rng.random()
    name, mood, setting = (_pick(rng, options) for options in (words.names, words.moods, words.settings))
    if draw < 0.22:
        body = name
    elif draw < 0.5:
        body = f"{mood} {name}"
    elif draw < 0.62:
        body = f"{name}, {mood} and {_pick(rng, words.moods)}"
    elif draw < 0.74:
        body = f"{name} for {setting}"
    elif draw < 0.84:
        body = f"{mood} music like {setting}"
    elif draw < 0.88:
        body = f"{setting}, {mood}"
    elif draw < 0.92:
        body = setting if rng.random() < 0.5 else f"{setting}, {_pick(rng, words.settings)}"
    elif draw < 0.95:
        body = _pick(
            rng,
            (
                f"something like {setting}",
                f"{setting} music",
                f"music for {setting}",
                f"i need {name} for {setting}",
                f"{setting} but as {name}",
                f"the feeling of {setting}",
                f"soundtrack for {setting}",
                f"{mood} {setting}",
                f"{name} pls, {setting}",
            ),
        )
    else:
        verb = _pick(rng, ("create", "make", "compose", "write", "give me", "generate"))
        body = f"{verb} a {mood} {name} track"
    if named:
        joint = _pick(rng, (" with ", " with ", " featuring ", ", ", " played on ", " and "))
        body += joint + _listed(named)
    return body


def _solo(piece: Piece, words: Words, rng: np.random.Generator) -> str:
    name = spoken(piece.instruments[0], rng)
    alone = _pick(
        rng,
        (
            f"solo {name}",
            f"{name} solo",
            f"only {name}",
            f"{name} only",
            f"just {name}",
            f"just a {name}",
            f"{name} alone",
            f"nothing but {name}",
            f"unaccompanied {name}",
            f"a single {name}",
        ),
    )
    if rng.random() < 0.25:
        return alone
    about = _pick(rng, (_pick(rng, words.names), _pick(rng, words.moods), _pick(rng, words.settings)))
    return _pick(rng, (f"{alone}, {about}", f"{about}, {alone}", f"{about}: {alone}"))


def _mistyped(text: str, rng: np.random.Generator) -> str:
    """Return text with two neighbouring letters swapped, one lost, or one doubled or trebled."""
    at = int(rng.integers(max(1, len(text) - 1)))
    match int(rng.integers(3)):
        case 0:
            return text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]
        case 1:
            return text[:at] + text[at + 1 :]
        case _:
            return text[:at] + text[at : at + 1] * int(rng.integers(2, 5)) + text[at + 1 :]


def _sequence(piece: Piece, words: Words, rng: np.random.Generator) -> str:
    stages: list[tuple[int, list[str]]] = []
    for bar, _, name in piece.entries:
        if stages and stages[-1][0] == bar:
            stages[-1][1].append(spoken(name, rng))
        else:
            stages.append((bar, [spoken(name, rng)]))
    start = _pick(
        rng,
        (
            *("start with", "starts with", "begin with", "begins with", "opens with", "first", "first only"),
            *("beginning with", "intro of", "at first just", "starting with", "initially"),
        ),
    )
    parts = []
    for number, (_, names) in enumerate(stages[:4]):
        shown = _listed(list(dict.fromkeys(names))[:2])
        if number == 0:
            mood = _pick(rng, words.moods) + " " if rng.random() < 0.3 else ""
            article = _pick(rng, ("a ", "one ", "")) if rng.random() < 0.5 else ""
            parts.append(f"{start} {article}{mood}{shown}")
        elif number == min(3, len(stages) - 1):
            parts.append(
                _pick(
                    rng,
                    (
                        *(f"then add {shown}", f"finally {shown}", f"build to {shown}"),
                        *(f"and finally {shown}", f"then {shown}", f"ending with {shown}"),
                        *(f"later {shown} joins in", f"in the end {shown} comes in"),
                        f"and at last the {shown}",
                    ),
                )
            )
        else:
            parts.append(
                _pick(
                    rng,
                    (
                        *(f"then {shown}", f"then add {shown}", f"add {shown}", f"after that {shown}"),
                        *(f"followed by {shown}", f"bring in {shown}", f"later {shown} joins"),
                        *(f"next {shown}", f"then comes {shown}"),
                    ),
                )
            )
    sequence = _pick(rng, (", ", ", ", "; ", ". ")).join(parts)
    if rng.random() < NAMELESS_SEQUENCES:
        return sequence
    name = _pick(rng, words.names if rng.random() < 0.7 else words.settings)
    return _pick(
        rng, (f"{name}, {sequence}", f"{name}: {sequence}", f"{sequence}, {name}", f"{name} that {sequence}")
    )


def _extras(piece: Piece, words: Words, rng: np.random.Generator) -> list[str]:
    bpm = piece.score.tempo
    out = []
    if rng.random() < 0.4:
        number = round(bpm)
        out.append(
            _pick(
                rng,
                (
                    f"{number} bpm",
                    f"at {number} bpm",
                    f"{number} beats per minute",
                    f"tempo {number}",
                    f"{number}bpm",
                ),
            )
        )
    else:
        out.append(_pick(rng, next(options for limit, options in TEMPO_WORDS if bpm < limit)))
    out.append(_pick(rng, words.moods))
    out.append(_pick(rng, words.settings))
    if rng.random() < 0.2:
        side = (
            "minor"
            if piece.scale in ("minor", "harmonic minor", "phrygian", "dorian", "minor pentatonic", "blues")
            else "major"
        )
        out.append(f"in {NOTE_NAMES[piece.score.key]} {side}")
    if rng.random() < 0.2:
        shape = {
            "drop": "with a big drop",
            "arc": "that rises and falls",
            "layers": "slowly building",
            "song": "verse and chorus",
            "flat": "steady throughout",
        }.get(piece.form)
        if shape:
            out.append(shape)
    if rng.random() < 0.1 and not any(piece.score.programs[:, 4]):
        out.append(_pick(rng, ("no drums", "without drums", "no percussion")))
    if rng.random() < 0.08:
        out.append(_pick(rng, ("instrumental", "no vocals", "background music", "loop", "soundtrack")))
    return out
