"""Mastering of a clip that loops: its beginning follows its end, so that neither fades or jumps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bot.audio.master import Master, Mastered
from bot.audio.meter import Wave

MARGIN_SECONDS = 1.0
"""Of the other end, mastered with each end and left out: ten times the limiter's release."""


@dataclass(frozen=True)
class CircularMaster:
    """A `Master` of a wave [channels, samples] whose end is followed by its beginning.  rate: in Hz."""

    wave: Wave
    rate: int

    @cached_property
    def _master(self) -> Master:
        margin = self._margin
        return Master(
            np.concatenate([self.wave[:, -margin:], self.wave, self.wave[:, :margin]], 1), self.rate
        )

    @property
    def _margin(self) -> int:
        margin: int = min(round(MARGIN_SECONDS * self.rate), self.wave.shape[1])
        return margin

    def at(self, target_lufs: float, ceiling_db: float) -> Mastered:
        """Return the wave at a loudness in LUFS, or as loud as a ceiling in dBTP allows, as `Master` does."""
        mastered = self._master.at(target_lufs, ceiling_db)
        samples = self.wave.shape[1]
        parts = _between(mastered.parts, self._margin, self._margin + samples)
        return replace(mastered, parts=parts, samples=samples)


def _between(parts: Callable[[], Iterator[Wave]], first: int, stop: int) -> Callable[[], Iterator[Wave]]:
    """Return parts of a wave cut down to its samples from `first` up to `stop`."""

    def cut() -> Iterator[Wave]:
        start = 0
        for part in parts():
            inside = part[:, max(0, first - start) : max(0, stop - start)]
            start += part.shape[1]
            if inside.shape[1]:
                yield inside

    return cut
