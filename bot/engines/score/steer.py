"""Constrain the instruments to those that a prompt names, and to the order in which it lists them.

The models hear these words too, and follow them often, not always. Where a prompt names instruments, the
engines let the model choose among these alone, at the places where instruments are chosen; notes are the
model's in any case. English words only; a prompt that names none is left alone.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from bot.engines.score.emoji import spelled_out
from bot.engines.score.format import BASS, CHORD, COUNTER, DRUMS, LEAD, PROGRAM_SIZES
from bot.engines.score.programs import KIT_ID, KITS, PROGRAM_ID, PROGRAMS
from bot.recipe import Recipe

Value = TypeVar("Value")
Mask = npt.NDArray[np.bool_]
LIKELY = 0.05
"""A role that the model itself would give an instrument with this chance takes it."""
SPAN = 0.6
"""By this part of the clip all stages of a sequence have begun, as in the pieces the models learnt from."""
MAX_WISHES = 6
LONGEST_PHRASE = 4
MAX_CHARACTERS = 4_000

ROLES: dict[str, tuple[int, ...]] = {
    "piano": (LEAD, COUNTER, CHORD),
    "electric piano": (CHORD, LEAD),
    "harpsichord": (COUNTER, LEAD, CHORD),
    "bells": (COUNTER, LEAD, CHORD),
    "organ": (COUNTER, LEAD, CHORD),
    "accordion": (LEAD, CHORD, COUNTER),
    "guitar": (COUNTER, LEAD, CHORD),
    "distorted guitar": (CHORD, LEAD),
    "strings": (COUNTER, CHORD),
    "pizzicato": (COUNTER, LEAD, CHORD),
    "harp": (COUNTER, LEAD, CHORD),
    "choir": (LEAD, COUNTER, CHORD),
    "synth pad": (CHORD,),
    "bass": (BASS,),
    "synth bass": (BASS,),
    "timpani": (BASS,),
}
"""Family → roles that its instruments play, the one that is kept free for them first."""
MELODIC = (LEAD, COUNTER, CHORD)

_TOKEN = re.compile(r"[^\W_]+|[,.;:!?\n]")
_NO = {"no", "without", "minus", "lacking", "zero"}
_ONLY_BEFORE = {"only", "just", "solely", "solo", "unaccompanied", "lone"}
_ONLY_AFTER = {"only", "alone", "solo"}
_ACCOMPANIES = {"with", "and", "then", "featuring", "plus"}
"""A "guitar solo" after one of these is a part of the music, not the whole of it."""
ONLY_WITHIN = 3
"""Words between "only" and the instrument, as in "just a soft piano"."""
_BUT = {"but", "with", "only", "just", "then"}
_FIRST = "first|at first|initially|intro of|intro with|" + "|".join(
    f"{verb} {link}"
    for verb in ("start", "starts", "starting", "begin", "begins", "beginning", "open", "opens", "opening")
    for link in ("with", "on", "from")
)
_NEXT = (
    "then|next|later|afterwards|after that|followed by|before|add|adds|adding|bring in|brings in|bringing in|"
    "joined by|build to|builds to|building to|build up to|builds up to|building up to|grows to|growing to"
)
_LAST = "finally|lastly|at last|in the end|at the end|" + "|".join(
    f"{verb} {link}"
    for verb in ["end", "ends", "ending", "finish", "finishes", "finishing"]
    for link in ("with", "on")
)
_MARKS = {
    phrase: position
    for position, phrases in ((0, _FIRST), (1, _NEXT), (2, _LAST))
    for phrase in phrases.split("|")
}


@dataclass(frozen=True, slots=True)
class Wish:
    """One instrument that is asked for.

    programs: indices into PROGRAMS (drums: KITS), any of which will do.  roles: which may play it.
    stage: its position in the sequence, 0 first; 0 for all where there is none.
    """

    programs: tuple[int, ...]
    roles: tuple[int, ...]
    stage: int = 0


@dataclass(frozen=True, slots=True)
class InstrumentRequest:
    """What a prompt says of instruments.

    stages: number of entrances, one after the other; 1 where there is no sequence.
    unwanted: pairs of role and program that must not be heard.
    only: nothing but the wishes may be heard.
    """

    wishes: tuple[Wish, ...] = ()
    stages: int = 1
    unwanted: frozenset[tuple[int, int]] = frozenset()
    only: bool = False

    @property
    def settled(self) -> InstrumentRequest:
        """The request after all its entrances: every instrument may play, none has to wait."""
        return replace(self, wishes=tuple(replace(wish, stage=0) for wish in self.wishes), stages=1)


NOTHING = InstrumentRequest()


@dataclass(frozen=True, slots=True)
class _Word:
    programs: tuple[int, ...]
    drums: bool
    only_in_sequences: bool = False

    @property
    def wish(self) -> Wish:
        if self.drums:
            return Wish(self.programs, (DRUMS,))
        return Wish(self.programs, ROLES.get(PROGRAMS[self.programs[0]].family, MELODIC))


@cache
def _lexicon() -> dict[str, _Word | None]:
    """Return phrase → instrument; None for phrases that only look like one."""
    data = tomllib.loads((Path(__file__).parent / "instruments.toml").read_text(encoding="utf-8"))
    kits = tuple(range(1, len(KITS)))
    out: dict[str, _Word | None] = {p.name: _Word((PROGRAM_ID[p.name],), False) for p in PROGRAMS[1:]}
    for phrase, names in data["notes"].items():
        out[phrase] = _Word(tuple(PROGRAM_ID[n] for n in names), False)
    for phrase, names in data["drums"].items():
        out[phrase] = _Word(tuple(KIT_ID[n] for n in names) or kits, True)
    for phrase, names in data["in_sequences"].items():
        programs = tuple(PROGRAM_ID[n] for n in names)
        out[phrase] = _Word(programs or kits, not programs, True)
    out |= dict.fromkeys(data["not_instruments"]["words"])
    return {f"{phrase}s": word for phrase, word in out.items()} | out


def asked_instruments(prompt: str) -> InstrumentRequest:
    """Parse the instruments that a prompt asks for. Takes any text."""
    text = spelled_out(prompt[:MAX_CHARACTERS]).lower()
    tokens = _TOKEN.findall(text)
    found: list[tuple[int, int, _Word]] = []
    unwanted: set[tuple[int, int]] = set()
    clause, kind, count, denied = 0, -1, 0, False
    only, only_until = False, -1
    position = 0
    while position < len(tokens):
        token = tokens[position]
        length, mark = _match(tokens, position, _MARKS)
        if length:
            count += 1
            clause, kind, denied = count, mark, False
            position += length
            continue
        length, word = _match(tokens, position, _lexicon())
        if length:
            if word is not None and denied:
                unwanted |= {(r, p) for r in word.wish.roles for p in word.programs}
            elif word is not None:
                found.append((kind, clause, word))
                only |= position <= only_until or _stands_alone(tokens, position, length)
            position += length
            continue
        if token in _ONLY_BEFORE or (token == "but" and tokens[position - 1 : position] == ["nothing"]):
            only_until = position + ONLY_WITHIN
        elif token in ("acappella", "cappella"):
            found.append((kind, clause, _Word((PROGRAM_ID["choir"],), False)))
            only = True
        if token in _NO:
            denied = True
        elif token in _BUT or not token[0].isalnum():
            denied = False
        elif token in ("drumless", "beatless"):
            unwanted |= {(DRUMS, kit) for kit in range(1, len(KITS))}
        position += 1
    asked = _ordered(found, frozenset(unwanted))
    # In a sequence, "first only a flute" speaks of its stage, which holds nothing else anyway.
    return replace(asked, only=only and asked.stages == 1 and bool(asked.wishes))


def requested_instruments(recipe: Recipe) -> InstrumentRequest:
    """Return what a recipe asks of instruments: its prompt's, without those of its negative prompt.

    The negative prompt wins: an instrument that both name is not heard.
    """
    asked = asked_instruments(recipe.prompt)
    banned = named_instruments(recipe.text("negative_prompt") or "")
    if not banned:
        return asked
    kept = []
    for wish in asked.wishes:
        programs = tuple(p for p in wish.programs if not all((role, p) in banned for role in wish.roles))
        if programs:
            kept.append(replace(wish, programs=programs))
    stages = sorted({wish.stage for wish in kept})
    wishes = tuple(replace(wish, stage=stages.index(wish.stage)) for wish in kept)
    only = asked.only and bool(wishes)
    return InstrumentRequest(wishes, max(1, len(stages)), asked.unwanted | banned, only)


def named_instruments(negative: str) -> frozenset[tuple[int, int]]:
    """Return pairs of role and program for the instruments that a negative prompt names, in every role.

    A word for several instruments, such as "strings", stands for their whole families.
    """
    tokens = _TOKEN.findall(spelled_out(negative[:MAX_CHARACTERS]).lower())
    banned: set[tuple[int, int]] = set()
    position = 0
    while position < len(tokens):
        length, word = _match(tokens, position, _lexicon())
        position += max(1, length)
        if not length or word is None:
            continue
        if word.drums:
            banned |= {(DRUMS, kit) for kit in word.programs}
            continue
        programs = set(word.programs)
        if len(programs) > 1:
            families = {PROGRAMS[program].family for program in programs}
            families |= {"synth bass"} if "bass" in families else set()
            programs |= {n for n, program in enumerate(PROGRAMS) if program.family in families}
        banned |= {(role, program) for role in (CHORD, BASS, LEAD, COUNTER) for program in programs}
    return frozenset(banned)


def _stands_alone(tokens: list[str], position: int, length: int) -> bool:
    """Tell whether the instrument of `length` tokens there is followed by "only", "alone" or "solo"."""
    after = tokens[position + length] if position + length < len(tokens) else ""
    before = set(tokens[max(0, position - 2) : position])
    return after in _ONLY_AFTER and not (after == "solo" and before & _ACCOMPANIES)


def _match(tokens: list[str], position: int, phrases: dict[str, Value]) -> tuple[int, Value]:
    """Return the length in tokens of the longest phrase that begins there, 0 for none, and its value."""
    for length in range(min(LONGEST_PHRASE, len(tokens) - position), 0, -1):
        phrase = " ".join(tokens[position : position + length])
        if phrase in phrases:
            return length, phrases[phrase]
    return 0, None  # type: ignore[return-value]


def _ordered(found: list[tuple[int, int, _Word]], unwanted: frozenset[tuple[int, int]]) -> InstrumentRequest:
    """Sort clauses into playing order, and number those that name instruments."""
    firsts = any(kind == 0 for kind, _, _ in found)
    keyed: list[tuple[tuple[int, int], _Word]] = []
    for kind, clause, word in found:
        # What is named before the sequence begins belongs to the whole, and joins with the last.
        order = {0: 0, 1: 1, 2: 2}.get(kind, 2 if firsts else 0)
        keyed.append(((order, clause if kind > 0 else 0), word))
    stages = sorted({key for key, _ in keyed})
    sequence = len(stages) > 1 and any(kind >= 0 for kind, _, _ in found)
    wishes: list[Wish] = []
    for key, word in sorted(keyed, key=lambda pair: pair[0]):
        if word.only_in_sequences and not sequence:
            continue
        wish = replace(word.wish, stage=stages.index(key) if sequence else 0)
        if all(wish.programs != other.programs for other in wishes) and len(wishes) < MAX_WISHES:
            wishes.append(wish)
    kept = sorted({wish.stage for wish in wishes})
    wishes = [replace(wish, stage=kept.index(wish.stage)) for wish in wishes]
    named = {(role, program) for wish in wishes for role in wish.roles for program in wish.programs}
    return InstrumentRequest(tuple(wishes), max(1, len(kept)), unwanted - named)


def stage_starts(stages: int, bars: int) -> list[int]:
    """Return the bars at which the stages of a sequence begin; the last within SPAN of the clip."""
    last = max(1, stages - 1)
    return [min(bars - 1, max(s, round(bars * SPAN * s / last))) for s in range(stages)]


class Steering:
    """What the instruments of one clip may be, bar after bar and role after role."""

    def __init__(self, asked: InstrumentRequest, bars: int) -> None:
        starts = stage_starts(asked.stages, bars)
        self._unwanted = asked.unwanted
        self._only = asked.only
        self._wished = {(r, p) for wish in asked.wishes for r in wish.roles for p in wish.programs}
        self._all_in = starts[-1]
        self._sequence = asked.stages > 1
        self._waiting: list[tuple[int, int, Wish]] = []
        self._playing: dict[int, int] = {}
        kept: dict[int, int] = {}
        for wish in asked.wishes:
            role = next((r for r in wish.roles if r not in kept), wish.roles[0])
            if kept.get(role, -1) >= wish.stage:
                # Two at once cannot share a role; the first that was named has it.
                continue
            kept[role] = wish.stage
            self._waiting.append((starts[wish.stage], role, wish))

    def allowed(self, bar: int, role: int, chances: npt.NDArray[np.floating]) -> Mask:
        """Return which programs a role may take in a bar, from the model's chances for each, both [programs].

        Ask for the roles of a bar in their order, and tell `took` what each took.
        """
        wish = self._entering(bar, role, chances)
        mask = np.zeros(PROGRAM_SIZES[role], bool)
        if wish is not None:
            mask[list(wish.programs)] = True
        elif role in self._playing:
            mask[self._playing[role]] = True
            # Where nothing was said of an order, an instrument may pause.
            mask[0] = not self._sequence
        elif bar < self._all_in:
            mask[0] = True
        else:
            mask[:] = True
            mask[[program for at, program in self._unwanted if at == role]] = False
            if self._only:
                mask[1:] = [(role, program) in self._wished for program in range(1, len(mask))]
        return mask

    def took(self, bar: int, role: int, program: int) -> bool:
        """Note what a role took in a bar; tell whether an instrument that was asked for enters with it."""
        for entry in self._waiting:
            start, _, wish = entry
            if start <= bar and role in wish.roles and program in wish.programs:
                self._waiting.remove(entry)
                self._playing[role] = program
                return True
        return False

    def imposed(
        self, chances: Sequence[npt.NDArray[np.floating]], bars: int
    ) -> tuple[npt.NDArray[np.int16], list[tuple[int, int]]]:
        """Return each role's program in each bar, and the bars in which instruments enter.

        The first is [bars, 5], −1 where the model decides; the second holds pairs of bar and role.
        chances: role → the model's chances [programs] over the whole clip.
        """
        out = np.full((bars, len(PROGRAM_SIZES)), -1, np.int16)
        entrances: list[tuple[int, int]] = []
        for bar in range(bars):
            for role, likely in enumerate(chances):
                mask = self.allowed(bar, role, likely)
                if mask.sum() > 1 and mask[0] and role not in self._playing and not self._only:
                    continue
                # An instrument alone keeps to its first role: the model may give it the others as well.
                mask[0] &= mask.sum() == 1 or (self._only and role not in self._playing)
                program = int(np.argmax(np.where(mask, likely, -1.0)))
                out[bar, role] = program
                if self.took(bar, role, program):
                    entrances.append((bar, role))
        return out, entrances

    def _entering(self, bar: int, role: int, chances: npt.NDArray[np.floating]) -> Wish | None:
        reserved = {kept for _, kept, _ in self._waiting}
        for start, kept, wish in self._waiting:
            if start > bar or role not in wish.roles:
                continue
            free = role not in reserved and role not in self._playing
            if role == kept or (free and chances[list(wish.programs)].sum() >= LIKELY):
                return wish
        return None
