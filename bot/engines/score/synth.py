"""Synthesised instruments: band-limited wave tables whose brightness falls while a note sounds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

TABLE_BITS = 11
TABLE = 1 << TABLE_BITS
FALL_HEARD = 7.0
"""Time constants after which the brightness has fallen: to 0.1 %."""


@dataclass(frozen=True, slots=True)
class Patch:
    """How one synthesised instrument sounds.

    shape: saw, pulse25, pulse50, triangle, sine, glass.  bright, dark: cut-off in Hz at the start and after
    it fell.
    fall: seconds of that fall.  resonance: level of a peak at the cut-off.  detune: cents of each oscillator.
    attack, decay: seconds; decay 0 is a level that lasts.  vibrato: cents.  wide: two channels of their own.
    """

    shape: str
    bright: float = 9000
    dark: float = 9000
    fall: float = 0.2
    resonance: float = 0.0
    detune: tuple[float, ...] = (0.0,)
    attack: float = 0.004
    decay: float = 0.0
    vibrato: float = 0.0
    wide: bool = False


PATCHES: dict[str, Patch] = {
    "chip lead": Patch("pulse25", vibrato=14),
    "chip pulse": Patch("pulse50", decay=0.9),
    "chip bass": Patch("triangle"),
    "saw lead": Patch("saw", 6500, 3800, 0.3, 0.2, (-7, 7), 0.008, vibrato=9),
    "supersaw": Patch("saw", 8000, 5200, 0.6, 0, (-19, -9, 0, 9, 19), 0.015, wide=True),
    "warm pad": Patch("saw", 1500, 1000, 1.5, 0, (-9, 0, 9), 0.35, wide=True),
    "dark pad": Patch("saw", 420, 650, 2.5, 0.4, (-12, 0, 11), 0.6, wide=True),
    "glass pad": Patch("glass", 7000, 3000, 2.0, 0, (-6, 6), 0.35, wide=True),
    "synth bass": Patch("saw", 2600, 420, 0.12, 0.6, (-4, 4), 0.004),
    "sub bass": Patch("sine", 400, 160, 0.15, 0, (0,), 0.006, 1.6),
    "acid bass": Patch("saw", 3600, 500, 0.1, 2.5, (0,), 0.003, 0.6),
    "synth pluck": Patch("saw", 6000, 700, 0.1, 0.5, (-6, 6), 0.003, 0.45, wide=True),
    "drone": Patch("saw", 500, 350, 3.0, 0.3, (-5, 5), 1.0, wide=True),
    "reese bass": Patch("saw", 1100, 700, 0.8, 0.3, (-22, 22), 0.01),
}
BELL_RATIO, BELL_INDEX = 3.5, 2.2


def tone(name: str, frequency: float, samples: int, rate: int) -> FloatArray:
    """Return a note of `frequency` Hz, float32 [1 or 2, samples], about unit level.

    With its attack and decay.
    """
    time = np.arange(samples) / rate
    if name == "synth bell":
        index = BELL_INDEX * np.exp(-time / 0.5)
        wave = np.sin(
            2 * np.pi * frequency * time + index * np.sin(2 * np.pi * BELL_RATIO * frequency * time)
        )
        return np.asarray(wave * np.exp(-time / 0.9), np.float32)[None]
    if name == "glitch":
        rng = np.random.default_rng(int(frequency))
        held = np.repeat(2.0 ** (rng.integers(-12, 13, samples // 700 + 1) / 12), 700)[:samples]
        wave = np.sign(np.sin(2 * np.pi * np.cumsum(frequency * held) / rate))
        return np.asarray(wave * np.exp(-time / 0.09), np.float32)[None]
    patch = PATCHES[name]
    bright = _table(patch.shape, patch.bright, patch.resonance, round(frequency, 2), rate)
    dark = _table(patch.shape, patch.dark, patch.resonance, round(frequency, 2), rate)
    fallen = min(samples, round(FALL_HEARD * patch.fall * rate))
    blend = np.exp(-time[:fallen] / patch.fall).astype(np.float32)
    brighter = bright - dark
    cycles = None
    if patch.vibrato:
        cents = patch.vibrato * np.minimum(1, time / 0.4) * np.sin(2 * np.pi * 5.5 * time)
        cycles = np.cumsum(2 ** (cents / 1200)) * frequency / rate
    channels = []
    for channel in range(2 if patch.wide else 1):
        wave = np.zeros(samples, np.float32)
        for number, apart in enumerate(patch.detune):
            start = 0.37 * number + 0.19 * channel
            ratio = 2 ** ((apart if channel == 0 else -apart * 0.85) / 1200)
            position: npt.NDArray[np.integer]
            if cycles is None:
                position = _steady(frequency * ratio / rate, start, samples)
            else:
                position = ((cycles * ratio + start) * TABLE).astype(np.int64) & (TABLE - 1)
            wave += dark.take(position)
            wave[:fallen] += blend * brighter.take(position[:fallen])
        channels.append(wave / np.float32(np.sqrt(len(patch.detune))))
    level = np.minimum(1, time / patch.attack)
    if patch.decay:
        level = level * np.exp(-time / patch.decay)
    return np.asarray(np.stack(channels) * level.astype(np.float32), np.float32)


def _steady(step: float, start: float, samples: int) -> npt.NDArray[np.uint32]:
    """Return places in a table that is read once in 1 / step samples, in fixed point of 32 bits."""
    phase = np.arange(samples, dtype=np.uint32)
    phase *= np.uint32(round(step * 2**32))
    phase += np.uint32(round(start % 1 * 2**32) % 2**32)
    phase >>= np.uint32(32 - TABLE_BITS)
    return phase


@lru_cache(maxsize=1024)
def _table(shape: str, cutoff: float, resonance: float, frequency: float, rate: int) -> FloatArray:
    harmonics = np.arange(1, max(2, min(120, int(0.45 * rate / frequency) + 1)))
    if shape == "saw":
        level = 1 / harmonics
    elif shape == "sine":
        level = np.where(harmonics == 1, 1.0, 0.25 / harmonics**2)
    elif shape == "triangle":
        level = np.where(harmonics % 2 == 1, (-1.0) ** (harmonics // 2) / harmonics**2, 0)
    elif shape == "glass":
        level = np.isin(harmonics, (1, 2, 4, 6, 9)) / harmonics**0.8
    else:
        width = 0.25 if shape == "pulse25" else 0.5
        level = np.sin(np.pi * harmonics * width) / harmonics
    cut = max(cutoff, 1.5 * frequency)
    pitch = harmonics * frequency / cut
    level = level / np.sqrt(1 + pitch**6) * (1 + resonance * np.exp(-((np.log2(pitch) * 2.5) ** 2)))
    spectrum = np.zeros(TABLE // 2 + 1, np.complex128)
    spectrum[harmonics] = -1j * level
    wave = np.fft.irfft(spectrum, TABLE)
    return np.asarray(wave / np.sqrt(np.mean(wave**2)) * 0.5, np.float32)
