"""Choosing a score's tokens from the autoregressive model's logits, within the score format's grammar."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bot.engines.score.format import (
    CLOCK_BAR,
    CLOCK_LENGTH,
    CLOCK_START,
    CLOCK_STEP,
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
    length_clock,
    tempo_class_of,
    tempo_of,
)
from bot.engines.score.steer import NOTHING, Asked, Steering

PAD = VOCABULARY
LATEST_ENTRANCE = STEPS_PER_BEAT
"""Sixteenths of its first bar that an instrument which was asked for may wait."""


class Row:
    """One clip being decoded: its tokens so far, its grammar, its own random numbers.

    asked: instruments to keep, where they are chosen.
    Stream k's frame f stands in column 1 + k + f (MusicGen's delay pattern); column 0 is all padding.
    """

    def __init__(
        self,
        seconds: float,
        seed: int,
        temperature: float,
        top_k: int,
        tempo: float | None = None,
        asked: Asked = NOTHING,
    ) -> None:
        self.frames: list[list[int]] = [[] for _ in range(STREAMS)]
        self.total: int | None = None
        self._seconds = seconds
        self._rng = np.random.default_rng(seed)
        self._temperature, self._top_k = temperature, top_k
        self._tempo = None if tempo is None else tempo_class_of(tempo)
        self._asked, self._steering = asked, Steering(asked, 1)
        self._clock: list[int] = [CLOCK_START, length_clock(seconds)]
        self._programs = [0] * 5
        self._due: set[int] = set()

    def next_tokens(self, logits: npt.NDArray[np.float32], place: int) -> list[int]:
        """Return the tokens [6] of column `place` + 1 from the logits [6, 512] of column `place`."""
        out = [PAD] * STREAMS
        for stream in range(STREAMS):
            frame = place - stream
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

    def result(self) -> Grid:
        """Return the tokens, int16 [6, frames]."""
        return np.array(self.frames, np.int16)

    def _token(self, logits: npt.NDArray[np.float32], role: int, frame: int) -> int:
        clock = self._clock[frame]
        if clock == CLOCK_START:
            if role > 0:
                return self._draw(logits, HEADER_BASE, HEADER_SIZES[role])
            if self._tempo is None:
                token = self._draw(logits, HEADER_BASE, HEADER_SIZES[role])
            else:
                # A tempo asked for in figures is kept; the model still chooses the metre.
                token = self._draw(logits, HEADER_BASE + self._tempo * len(METRES), len(METRES))
            self._plan(token - HEADER_BASE)
            return token
        if CLOCK_LENGTH <= clock < CLOCK_BAR:
            return 0
        if CLOCK_BAR <= clock < CLOCK_STEP:
            return self._program(logits, role, frame)
        if self._programs[role] == 0:
            return REST
        logits = logits.copy()
        if role < 4 and not self._sounding(role):
            logits[HOLD] = -np.inf
        if role in self._due and clock - CLOCK_STEP >= LATEST_ENTRANCE:
            logits[[REST] if role == DRUMS else [REST, HOLD]] = -np.inf
        token = self._draw(logits, 0, STEP_SIZES[role])
        if token >= (1 if role == DRUMS else ONSET):
            self._due.discard(role)
        return token

    def _program(self, logits: npt.NDArray[np.float32], role: int, frame: int) -> int:
        """Return the token of the instrument that a role takes in the bar of a frame."""
        choice = slice(PROGRAM_BASE, PROGRAM_BASE + PROGRAM_SIZES[role])
        bar = sum(CLOCK_BAR <= clock < CLOCK_STEP for clock in self._clock[:frame])
        chances = np.exp(logits[choice] - logits[choice].max())
        allowed = self._steering.allowed(bar, role, chances / chances.sum())
        logits = logits.copy()
        logits[choice][~allowed] = -np.inf
        token = self._draw(logits, PROGRAM_BASE, PROGRAM_SIZES[role])
        self._programs[role] = token - PROGRAM_BASE
        if self._steering.took(bar, role, self._programs[role]):
            self._due.add(role)
        return token

    def _sounding(self, role: int) -> bool:
        stream = self.frames[role + 1]
        for frame in range(len(stream) - 1, -1, -1):
            if self._clock[frame] >= CLOCK_STEP:
                return stream[frame] == HOLD or stream[frame] >= ONSET
        return False

    def _plan(self, header: int) -> None:
        tempo_class, metre = divmod(header, len(METRES))
        beats = beats_in(self._seconds, tempo_of(tempo_class))
        clock = clock_of(self._seconds, METRES[metre], beats * STEPS_PER_BEAT)
        self._clock = [int(c) for c in clock]
        self.total = len(self._clock)
        self._steering = Steering(self._asked, sum(CLOCK_BAR <= c < CLOCK_STEP for c in self._clock))

    def _draw(self, logits: npt.NDArray[np.float32], first: int, count: int) -> int:
        part = logits[first : first + count].astype(np.float64) / self._temperature
        if 0 < self._top_k < count:
            part = np.where(part < np.partition(part, -self._top_k)[-self._top_k], -np.inf, part)
        chances = np.exp(part - part.max())
        edges = np.cumsum(chances)
        return first + min(
            count - 1, int(np.searchsorted(edges, self._rng.random() * edges[-1], side="right"))
        )
