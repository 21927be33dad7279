"""Choosing a score's tokens from the autoregressive model's logits, within the score format's grammar."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from bot.engines.score.format import (
    CLOCK_BAR,
    CLOCK_LENGTH,
    CLOCK_START,
    CLOCK_STEP,
    COUNTER,
    DRUMS,
    HEADER_BASE,
    HEADER_SIZES,
    HOLD,
    METRES,
    ONSET,
    PROGRAM_BASE,
    PROGRAM_SIZES,
    REST,
    STEP_SIZES,
    STEPS_PER_BEAT,
    STREAMS,
    VOCABULARY,
    Grid,
    beats_in,
    clock_of,
    header_fields,
    length_clock,
    tempo_of,
)
from bot.engines.score.header_request import HeaderRequest
from bot.engines.score.known import Known, kept_bars
from bot.engines.score.steer import NOTHING, InstrumentRequest, Steering, stage_starts

PAD = VOCABULARY
LATEST_ENTRANCE = STEPS_PER_BEAT
"""Sixteenths of its first bar that an instrument which was asked for may wait."""


class Row:
    """One clip being decoded: its tokens so far, its grammar, its own random numbers.

    asked: instruments to keep, where they are chosen.
    known: the score that the clip keeps, and which of it is free.
    keep: share of the bars that are written, from the first; the rest, with the ending, is left out.
    Stream k's frame f stands in column 1 + k + f (MusicGen's delay pattern); column 0 is all padding.
    """

    def __init__(
        self,
        seconds: float,
        seed: int,
        temperature: float,
        top_k: int,
        header: HeaderRequest | None = None,
        asked: InstrumentRequest = NOTHING,
        known: Known | None = None,
        keep: float = 1.0,
    ) -> None:
        self.frames: list[list[int]] = [[] for _ in range(STREAMS)]
        self.total: int | None = None
        self._metre = self._tempo_class = 0
        self._seconds = seconds
        self._rng = np.random.default_rng(seed)
        self._temperature, self._top_k = temperature, top_k
        self._header = header or HeaderRequest()
        self._asked, self._steering = asked, Steering(asked, 1)
        self._clock: list[int] = [CLOCK_START, length_clock(seconds)]
        self._programs = [0] * 5
        self._keeper = DRUMS
        """Role that plays where all were silent for too long: the last pitched one of the bar, or drums."""
        self._due: set[int] = set()
        self._known, self._keep = known, keep
        self._bar_of: list[int] = []
        """Frame → its bar, for instruments and sixteenths."""
        self._step_of: list[int] = []
        """Frame → its sixteenth, −1 where it is none."""

    def next_tokens(self, logits: npt.NDArray[np.float32], position: int) -> list[int]:
        """Return the tokens [6] of column `position` + 1 from the logits [6, 512] of column `position`."""
        out = [PAD] * STREAMS
        for stream in range(STREAMS):
            frame = position - stream
            if frame < 0 or (self.total is not None and frame >= self.total):
                continue
            token = self._clock[frame] if stream == 0 else self._token(logits[stream], stream - 1, frame)
            self.frames[stream].append(token)
            out[stream] = token
        return out

    @property
    def finished(self) -> bool:
        """Whether every stream has all its frames."""
        return self.total is not None and len(self.frames[-1]) == self.total

    def stage(self, stages: int) -> int | None:
        """Return the stage of a sequence that the next column belongs to, None while it is the header's."""
        if self.total is None or len(self.frames[1]) < 2:
            return None
        bar = self._bar_of[min(len(self.frames[1]), self.total - 1)]
        return sum(start <= bar for start in stage_starts(stages, self._bar_of[-1] + 1)) - 1

    def beginning(self, seconds: float) -> Grid | None:
        """Return the tokens of the first bars, int16 [6, frames], once so many seconds of music are written.

        None before that, and where the clip has no bars beyond them.
        """
        if self.total is None or not self.frames[-1]:
            return None
        steps = math.ceil(seconds / (60 / tempo_of(self._tempo_class) / STEPS_PER_BEAT))
        bars = -(-steps // (METRES[self._metre] * STEPS_PER_BEAT))
        if bars not in self._bar_of:
            return None
        end = self._bar_of.index(bars)
        if len(self.frames[-1]) < end:
            return None
        return np.array([stream[:end] for stream in self.frames], np.int16)

    def result(self) -> Grid:
        """Return the tokens, int16 [6, frames]."""
        return np.array(self.frames, np.int16)

    def _token(self, logits: npt.NDArray[np.float32], role: int, frame: int) -> int:
        clock = self._clock[frame]
        if clock == CLOCK_START:
            token = self._draw(self._kept(logits, role), HEADER_BASE, HEADER_SIZES[role])
            if role == 0:
                self._plan(token - HEADER_BASE)
            return token
        if CLOCK_LENGTH <= clock < CLOCK_BAR:
            return 0
        if CLOCK_BAR <= clock < CLOCK_STEP:
            return self._program(logits, role, frame)
        step = self._step_of[frame]
        if self._known is not None and not self._known.free_steps[step, role]:
            return self._kept_step(int(self._known.score.grid[step, role]), role)
        if self._programs[role] == 0:
            return REST
        logits = logits.copy()
        if role < 4 and not self._sounding(role):
            logits[HOLD] = -np.inf
        late = role in self._due and clock - CLOCK_STEP >= LATEST_ENTRANCE
        if late or (role == self._keeper and self._silent(frame)):
            logits[[REST] if role == DRUMS else [REST, HOLD]] = -np.inf
        token = self._draw(logits, 0, STEP_SIZES[role])
        if token >= (1 if role == DRUMS else ONSET):
            self._due.discard(role)
        return token

    def _program(self, logits: npt.NDArray[np.float32], role: int, frame: int) -> int:
        """Return the token of the instrument that a role takes in the bar of a frame."""
        choice = slice(PROGRAM_BASE, PROGRAM_BASE + PROGRAM_SIZES[role])
        bar = self._bar_of[frame]
        chances = np.exp(logits[choice] - logits[choice].max())
        allowed = self._steering.allowed(bar, role, chances / chances.sum())
        logits = logits.copy()
        logits[choice][~allowed] = -np.inf
        if role == COUNTER and not any(self._programs[:COUNTER]) and allowed[1:].any():
            logits[choice][
                0
            ] = -np.inf  # no bar without a pitched instrument, unless drums alone are asked for
        known = self._known
        if known is not None and not known.free_programs[self._bar_of[frame], role]:
            token = PROGRAM_BASE + int(known.score.programs[self._bar_of[frame], role])
        else:
            token = self._draw(logits, PROGRAM_BASE, PROGRAM_SIZES[role])
        self._programs[role] = token - PROGRAM_BASE
        if role == 0:
            self._keeper = DRUMS
        if role < DRUMS and token > PROGRAM_BASE:
            self._keeper = role
        if self._steering.took(bar, role, self._programs[role]):
            self._due.add(role)
        return token

    def _kept_step(self, token: int, role: int) -> int:
        """Return a sixteenth of the known score, as a rest where its role has no instrument now."""
        token = token if self._programs[role] else REST
        if token >= (1 if role == DRUMS else ONSET):
            self._due.discard(role)
        return token

    def _sounding(self, role: int) -> bool:
        stream = self.frames[role + 1]
        for frame in range(len(stream) - 1, -1, -1):
            if self._clock[frame] >= CLOCK_STEP:
                return stream[frame] == HOLD or stream[frame] >= ONSET
        return False

    def _kept(self, logits: npt.NDArray[np.float32], role: int) -> npt.NDArray[np.float32]:
        """Return header logits with all values excluded that the request rules out."""
        wanted = {
            0: self._header.header_tokens,
            1: None if self._header.key is None else (self._header.key,),
            2: self._header.scales,
        }.get(role)
        if self._known is not None:
            wanted = (header_fields(self._known.score)[role],)
        if wanted is None:
            return logits
        out = np.full_like(logits, -np.inf)
        columns = [HEADER_BASE + value for value in wanted]
        out[columns] = logits[columns]
        return out

    def _silent(self, frame: int) -> bool:
        """Tell whether nothing sounds at a frame and nothing did for half a bar, or since the beginning.

        Of the roles after the one that asks, only earlier frames are known yet.
        """
        steps = [f for f in range(frame, -1, -1) if self._clock[f] >= CLOCK_STEP]
        longest = METRES[self._metre] * STEPS_PER_BEAT // 2
        for number, at in enumerate(steps):
            if number >= longest:
                return True
            for role, stream in enumerate(self.frames[1:]):
                if at < len(stream) and stream[at] > REST and (role == DRUMS or stream[at] < PROGRAM_BASE):
                    return False
        return True

    def _plan(self, header: int) -> None:
        tempo_class, metre = divmod(header, len(METRES))
        self._metre, self._tempo_class = metre, tempo_class
        beats = beats_in(self._seconds, tempo_of(tempo_class))
        clock = clock_of(self._seconds, METRES[metre], beats * STEPS_PER_BEAT)
        self._clock = [int(c) for c in clock]
        is_step = clock >= CLOCK_STEP
        is_bar = (clock >= CLOCK_BAR) & ~is_step
        self._bar_of = [int(bar) for bar in np.maximum(np.cumsum(is_bar) - 1, 0)]
        self._step_of = [int(step) for step in np.where(is_step, np.cumsum(is_step) - 1, -1)]
        bars = int(is_bar.sum())
        kept = kept_bars(bars, self._keep)
        self.total = len(self._clock) if kept == bars else self._bar_of.index(kept)
        self._steering = Steering(self._asked, bars)

    def _draw(self, logits: npt.NDArray[np.float32], first: int, count: int) -> int:
        # The inversion of musicgen.sampling.sample_tokens for one token, in NumPy: 11 µs where torch
        # takes 96 µs (one thread of an AMD EPYC), and the masks around it are NumPy as well.
        part = logits[first : first + count].astype(np.float64) / self._temperature
        if 0 < self._top_k < count:
            part = np.where(part < np.partition(part, -self._top_k)[-self._top_k], -np.inf, part)
        chances = np.exp(part - part.max())
        edges = np.cumsum(chances)
        return first + min(
            count - 1, int(np.searchsorted(edges, self._rng.random() * edges[-1], side="right"))
        )
