"""Drum kits: which stroke a kit plays for each part of a drum token, and the strokes that are synthesised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.signal

FloatArray = npt.NDArray[np.float32]

STROKES: dict[str, tuple[int, int]] = {
    "kick": (0, 36),
    "snare": (0, 38),
    "rim": (0, 37),
    "hat": (0, 42),
    "open hat": (0, 46),
    "ride": (0, 51),
    "crash": (0, 49),
    "low tom": (0, 43),
    "high tom": (0, 48),
    "cowbell": (0, 56),
    "tambourine": (0, 54),
    "shaker": (0, 82),
    "high conga": (0, 63),
    "low conga": (0, 64),
    "slap conga": (0, 62),
    "bongo": (0, 60),
    "woodblock": (0, 76),
    "brush kick": (40, 36),
    "brush tap": (40, 38),
    "brush slap": (40, 40),
    "808 snare": (25, 38),
    "808 clap": (25, 39),
    "808 hat": (25, 42),
    "808 open hat": (25, 46),
    "electronic snare": (24, 40),
    "gran cassa": (48, 36),
    "concert snare": (48, 38),
    "concert cymbal": (48, 57),
}
"""Stroke → (drum preset, key) it is cut from."""


MACHINES = frozenset(name for name in STROKES if name.startswith(("808", "electronic"))) | frozenset(
    ("house kick", "boom", "chip kick", "chip snare", "chip hat", "chip crash", "zap", "click")
)
"""Strokes of drum machines and chips, each of which sounds alike whenever it is struck."""


@dataclass(frozen=True, slots=True)
class Alternate:
    """How a repeated stroke differs.

    pitch: playback ratio.  gain: linear.  tilt: of the spectrum, a gain of 1 + 2 · tilt at half the rate.
    """

    pitch: float = 1.0
    gain: float = 1.0
    tilt: float = 0.0


ALTERNATES = (Alternate(), Alternate(1.008, 0.97, -0.06), Alternate(0.993, 1.02, 0.05))
"""The strokes of a recorded drum in turn.

The bank has one recording of each: its other kicks, snares and hats are other drums, by 3, 5 and 7 dB a third
of an octave from the nearest.
"""


@dataclass(frozen=True, slots=True)
class Stroke:
    """sound: a name in STROKES or SYNTHESISED.  gain: linear.  pitch: playback ratio.  pan: −1 to 1."""

    sound: str
    gain: float = 1.0
    pitch: float = 1.0
    pan: float = 0.0


def _kit(*rows: str) -> tuple[tuple[Stroke, ...], ...]:
    """Read four rows (kick, snare, cymbal, extra) of `sound gain pitch pan` entries split by commas."""
    out = []
    for row in rows:
        strokes = [Stroke("")]
        for entry in row.split(","):
            name, _, rest = entry.strip().partition(":")
            numbers = [float(x) for x in rest.split()]
            strokes.append(Stroke(name, *numbers))
        out.append(tuple(strokes))
    return tuple(out)


KIT_STROKES: tuple[tuple[tuple[Stroke, ...], ...], ...] = (
    (),
    _kit(
        "kick:.9, kick:1",
        "snare:.8 1.02 .05, snare:.9 1 .05, rim:.8 1 .1",
        "hat:.5 1 .3, hat:.6 1 .3, open hat:.5 1 .3, ride:.5 1 -.3, crash:.55 1 -.35, tambourine:.5 1 .4",
        "low tom:.8 1 -.3, high tom:.8 1 .25, cowbell:.35 1 .3",
    ),
    _kit(
        "brush kick:.6, brush kick:.7",
        "brush tap:.6 1 .1, brush slap:.75 1 .1, rim:.45 1 .15",
        "hat:.3 1.05 .3, hat:.35 1 .3, open hat:.3 1 .3, ride:.5 1 -.3, crash:.4 1 -.35, shaker:.35 1 .4",
        "low tom:.5 1 -.3, high tom:.5 1 .25, woodblock:.3 1 .3",
    ),
    _kit(
        "house kick:.95, house kick:1.05",
        "808 clap:.35 1.1 .1, electronic snare:.7, 808 clap:.75",
        "808 hat:.4 1 .25, 808 hat:.5 .95 .25, 808 open hat:.55 1 .25, ride:.4 1.1 -.3, crash:.5 1 -.3, "
        "shaker:.5 1 .4",
        "low conga:.6 .9 -.4, high conga:.6 1 .4, cowbell:.3 1 .3",
    ),
    _kit(
        "boom:.95, boom:1.1",
        "808 snare:.5, 808 snare:.85, 808 clap:.85",
        "808 hat:.45 1.15 .2, 808 hat:.55 1.1 .2, 808 open hat:.5 1.05 .2, hat:.4 1.2 -.2, crash:.5 .8 "
        "-.3, shaker:.4 1 .4",
        "house kick:.5 .7, high tom:.5 .8 .2, woodblock:.45 1.3 -.3",
    ),
    _kit(
        "kick:.95 .85, kick:1.05 .85",
        "rim:.5 .85 .1, snare:.85 .82 .05, rim:.75 .85 .1",
        "hat:.4 .85 .25, hat:.5 .85 .25, open hat:.4 .85 .25, ride:.35 .8 -.3, crash:.35 .75 -.3, "
        "shaker:.5 .9 .35",
        "low tom:.5 .8 -.3, high tom:.5 .8 .3, woodblock:.35 .8 .3",
    ),
    _kit(
        "chip kick:.7, chip kick:.8",
        "chip snare:.3, chip snare:.55, chip snare:.5 1.5",
        "chip hat:.25, chip hat:.35, chip hat:.35 .6, chip hat:.3 1.4, chip crash:.4, chip hat:.3 1.6",
        "chip kick:.6 1.4, chip kick:.6 1.9, chip hat:.3 .4",
    ),
    _kit(
        "gran cassa:.85, gran cassa:1.05",
        "concert snare:.3 1 .15, concert snare:.6 1 .15, concert snare:.5 .9 .15",
        "tambourine:.25 1 .4, tambourine:.35 1 .4, concert cymbal:.3 1.1 -.3, concert cymbal:.3 1.2 -.3, "
        "concert cymbal:.6 1 -.3, shaker:.3 1 .4",
        "gran cassa:.8 1.35 -.35, gran cassa:.75 1.7 .3, woodblock:.3 1 .3",
    ),
    _kit(
        "low conga:.8 .85 -.15, low conga:.9 .85 -.15",
        "bongo:.4 1 .2, high conga:.8 1 .2, slap conga:.75 1 .2",
        "shaker:.4 1 .4, shaker:.55 1 .4, tambourine:.4 1 .4, woodblock:.4 1 -.4, tambourine:.5 .9 .4, "
        "shaker:.5 1 .4",
        "low conga:.7 1 -.3, bongo:.6 1 .3, cowbell:.25 1.1 .3",
    ),
    _kit(
        "boom:.7 1.2, boom:.85 1.2",
        "zap:.4 1.4 -.3, zap:.6 1 .2, chip snare:.35 .7",
        "click:.4 1 .5, click:.5 .8 -.5, chip hat:.3 .7 .3, chip hat:.2 1.4 -.6, chip crash:.25 .6, "
        "click:.4 1.6 .6",
        "zap:.45 .5 -.4, zap:.45 2 .4, chip kick:.4 2.5 .3",
    ),
)
"""Kit (index into KITS) → part → state → stroke."""


def synthesised(rate: int) -> dict[str, FloatArray]:
    """Return the strokes that no bank has, float32 [n] each, at `rate` samples a second."""
    rng = np.random.default_rng(20)

    def t(seconds: float) -> npt.NDArray[np.float64]:
        return np.arange(round(seconds * rate)) / rate

    def sweep(seconds: float, high: float, low: float, fall: float, decay: float) -> npt.NDArray[np.float64]:
        x = t(seconds)
        phase = 2 * np.pi * np.cumsum(low + (high - low) * np.exp(-x / fall)) / rate
        return np.asarray(np.sin(phase) * np.exp(-x / decay), np.float64)

    def noise(seconds: float, decay: float, held: int = 1) -> npt.NDArray[np.float64]:
        x = t(seconds)
        values = np.repeat(rng.choice([-1.0, 1.0], len(x) // held + 1), held)[: len(x)]
        return np.asarray(values * np.exp(-x / decay), np.float64)

    high_pass = scipy.signal.butter(2, 4000, "high", fs=rate, output="sos")
    sounds = {
        "house kick": sweep(0.35, 260, 48, 0.025, 0.13) + 0.15 * noise(0.35, 0.004),
        "boom": sweep(0.7, 180, 42, 0.03, 0.28) + 0.1 * noise(0.7, 0.003),
        "chip kick": np.sign(sweep(0.16, 300, 50, 0.03, 9.0)) * np.exp(-t(0.16) / 0.05),
        "chip snare": noise(0.2, 0.05, 3),
        "chip hat": noise(0.06, 0.015),
        "chip crash": noise(0.7, 0.2, 2),
        "zap": sweep(0.14, 3200, 120, 0.03, 0.05),
        "click": scipy.signal.sosfilt(high_pass, noise(0.03, 0.004)),
    }
    return {name: (0.9 * wave / np.abs(wave).max()).astype(np.float32) for name, wave in sounds.items()}
