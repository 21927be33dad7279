"""The mix effects of a score's mix name: drive, filters, echo, room, tape, vinyl and rain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.signal

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Mix:
    """One way to mix.

    room: seconds of reverberation (to −60 dB).  wet: its level.  drive: 0 is clean.  low_pass, high_pass: Hz.
    echo: (beats, level), repeated at half that level.  crackle, rain: noise levels.  flutter: seconds of
    tape's wander.
    duck: how far the kick pushes the rest down, 0 to 1.  crush: samples held.
    """

    room: float = 0.7
    wet: float = 0.15
    drive: float = 0.0
    low_pass: float = 0.0
    high_pass: float = 25.0
    echo: tuple[float, float] | None = None
    crackle: float = 0.0
    rain: float = 0.0
    flutter: float = 0.0
    duck: float = 0.0
    crush: int = 1


MIXES: dict[str, Mix] = {
    "room": Mix(),
    "hall": Mix(room=1.9, wet=0.3),
    "tape": Mix(room=0.6, wet=0.12, drive=0.8, low_pass=4200, crackle=0.012, flutter=0.0011),
    "club": Mix(room=0.8, wet=0.12, drive=0.5, duck=0.55, echo=(0.75, 0.16)),
    "chip": Mix(room=0.2, wet=0.02, crush=2),
    "cathedral": Mix(room=3.8, wet=0.55, low_pass=8000),
    "cave": Mix(room=3.2, wet=0.5, low_pass=5000, drive=0.3),
    "underwater": Mix(room=2.2, wet=0.4, low_pass=1700, flutter=0.003),
    "stage": Mix(room=1.0, wet=0.16, drive=0.9),
    "neon": Mix(room=1.5, wet=0.22, drive=0.6, echo=(0.75, 0.3), duck=0.35),
    "intimate": Mix(room=0.45, wet=0.1),
    "dub": Mix(room=1.2, wet=0.18, low_pass=9000, echo=(0.75, 0.42)),
    "cinema": Mix(room=2.6, wet=0.36, drive=0.3),
    "vinyl": Mix(room=0.8, wet=0.16, drive=0.3, low_pass=8500, crackle=0.006),
    "bright": Mix(room=0.6, wet=0.1, high_pass=60, drive=0.2),
    "rain": Mix(room=1.8, wet=0.3, low_pass=7000, rain=0.03),
}
FADE_IN, FADE_OUT = 0.005, 0.2
CEILING = 0.89
"""Peak of a finished mix, −1 dBFS."""


def mixed(
    music: FloatArray, drums: FloatArray, kicks: list[float], name: str, beat: float, rate: int, seed: int
) -> FloatArray:
    """Return the finished clip, float32 [2, n].

    music, drums: float32 [2, n].  kicks: times of bass drum strokes in seconds.  beat: seconds a beat.
    """
    mix = MIXES[name]
    rng = np.random.default_rng(seed)
    samples = music.shape[1]
    if mix.duck and kicks:
        music = music * _ducking(kicks, samples, rate, mix.duck)
    if mix.echo:
        music = _echoed(music, mix.echo[0] * beat, mix.echo[1], rate)
    dry = music + drums
    send = music + 0.35 * drums
    impulse = _impulse(mix.room, rate)
    out = dry + mix.wet * scipy.signal.oaconvolve(send, impulse, axes=1)[:, :samples]
    level = np.sqrt(np.mean(out**2)) + 1e-6
    out = out * (0.14 / level)
    if mix.drive:
        out = np.tanh(out * (1 + mix.drive)) / (1 + 0.5 * mix.drive)
    if mix.flutter:
        out = _fluttered(out, mix.flutter, rate)
    if mix.crush > 1:
        out = np.repeat(out[:, :: mix.crush], mix.crush, axis=1)[:, :samples]
    if mix.low_pass:
        out = scipy.signal.sosfilt(scipy.signal.butter(2, mix.low_pass, fs=rate, output="sos"), out, axis=1)
    out = scipy.signal.sosfilt(
        scipy.signal.butter(1, mix.high_pass, "high", fs=rate, output="sos"), out, axis=1
    )
    if mix.crackle:
        out = out + _crackle(samples, mix.crackle, rate, rng)
    if mix.rain:
        out = out + _rain(samples, mix.rain, rate, rng)
    return _finished(out, rate)


def mixed_parts(
    music: Sequence[FloatArray],
    drums: FloatArray,
    kicks: list[float],
    name: str,
    beat: float,
    rate: int,
    seed: int,
) -> list[FloatArray]:
    """Return the parts of a finished clip, float32 [2, n] each, which add up to what `mixed` makes of them.

    The parts are those of music, the drums, and the noise of the mix. A step that is not linear works on the
    sum; what it did there, as a gain in time, is applied to each part.
    """
    mix = MIXES[name]
    rng = np.random.default_rng(seed)
    samples = drums.shape[1]
    impulse = _impulse(mix.room, rate)
    parts: list[npt.NDArray[np.floating]] = []
    for part in music:
        if mix.duck and kicks:
            part = part * _ducking(kicks, samples, rate, mix.duck)
        if mix.echo:
            part = _echoed(part, mix.echo[0] * beat, mix.echo[1], rate)
        parts.append(part + mix.wet * scipy.signal.oaconvolve(part, impulse, axes=1)[:, :samples])
    parts.append(drums + mix.wet * scipy.signal.oaconvolve(0.35 * drums, impulse, axes=1)[:, :samples])
    level = np.sqrt(np.mean(_sum(parts) ** 2)) + 1e-6
    parts = [part * (0.14 / level) for part in parts]
    if mix.drive:
        whole = _sum(parts)
        gain = _gain(whole, np.tanh(whole * (1 + mix.drive)) / (1 + 0.5 * mix.drive))
        parts = [part * gain for part in parts]
    if mix.flutter:
        parts = [_fluttered(part, mix.flutter, rate) for part in parts]
    if mix.crush > 1:
        parts = [np.repeat(part[:, :: mix.crush], mix.crush, axis=1)[:, :samples] for part in parts]
    if mix.low_pass:
        low = scipy.signal.butter(2, mix.low_pass, fs=rate, output="sos")
        parts = [scipy.signal.sosfilt(low, part, axis=1) for part in parts]
    high = scipy.signal.butter(1, mix.high_pass, "high", fs=rate, output="sos")
    parts = [scipy.signal.sosfilt(high, part, axis=1) for part in parts]
    noise = np.zeros((2, samples))
    if mix.crackle:
        noise = noise + _crackle(samples, mix.crackle, rate, rng)
    if mix.rain:
        noise = noise + _rain(samples, mix.rain, rate, rng)
    parts.append(noise)
    whole = _sum(parts)
    gain = _gain(whole, _finished(whole.copy(), rate))
    return [np.asarray(part * gain, np.float32) for part in parts]


def _sum(parts: Sequence[npt.NDArray[np.floating]]) -> npt.NDArray[np.floating]:
    total: npt.NDArray[np.floating] = np.sum(np.stack(parts), axis=0)
    return total


def _gain(before: npt.NDArray[np.floating], after: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return after / before, [2, n]; beside a zero of the wave, what it is in the samples around it."""
    gains = np.zeros(before.shape)
    time = np.arange(before.shape[1])
    for gain, dividend, divisor in zip(gains, after, before, strict=True):
        steady = np.abs(divisor) > 1e-6
        if steady.any():
            gain[:] = np.interp(time, time[steady], dividend[steady] / divisor[steady])
    return gains


def _finished(out: npt.NDArray[np.floating], rate: int) -> FloatArray:
    peak = float(np.abs(out).max()) + 1e-9
    if peak > CEILING:
        knee = 0.6
        over = np.abs(out) > knee
        squeezed = knee + (1 - knee) * np.tanh((np.abs(out) - knee) / (1 - knee))
        out = np.where(over, np.sign(out) * squeezed, out)
        out = out * min(1.0, CEILING / (float(np.abs(out).max()) + 1e-9))
    else:
        out = out * min(CEILING / peak, 4.0)
    samples = out.shape[1]
    rise, fall = min(samples, round(FADE_IN * rate)), min(samples, round(FADE_OUT * rate))
    out[:, :rise] *= np.linspace(0, 1, rise)
    out[:, samples - fall :] *= np.linspace(1, 0, fall) ** 2
    return np.asarray(out, np.float32)


@lru_cache(maxsize=16)
def _impulse(seconds: float, rate: int) -> FloatArray:
    rng = np.random.default_rng(7)
    time = np.arange(round(seconds * rate)) / rate
    noise = rng.standard_normal((2, len(time))) * 10 ** (-3 * time / seconds)
    noise[:, : round(0.012 * rate)] = 0
    dull = scipy.signal.sosfilt(scipy.signal.butter(1, 2600, fs=rate, output="sos"), noise, axis=1)
    blend = np.minimum(1, time / (0.4 * seconds))
    out = noise * (1 - blend) * 0.5 + dull * (0.5 + blend)
    return np.asarray(out / np.sqrt(np.sum(out**2, axis=1, keepdims=True)), np.float32)


def _ducking(kicks: list[float], samples: int, rate: int, depth: float) -> FloatArray:
    gain = np.ones(samples, np.float32)
    length = round(0.24 * rate)
    dip = (1 - depth * (1 - np.linspace(0, 1, length)) ** 1.5).astype(np.float32)
    for kick in kicks:
        start = round(kick * rate)
        part = gain[start : start + length]
        np.minimum(part, dip[: len(part)], out=part)
    return gain


def _echoed(music: FloatArray, delay: float, level: float, rate: int) -> FloatArray:
    out = music.copy()
    lag = round(delay * rate)
    for repeat in range(1, 5):
        shift = lag * repeat
        if shift >= music.shape[1]:
            break
        source = music[::-1] if repeat % 2 else music
        out[:, shift:] += level * 0.5 ** (repeat - 1) * source[:, : music.shape[1] - shift]
    return out


def _fluttered(wave: npt.NDArray[np.floating], depth: float, rate: int) -> npt.NDArray[np.floating]:
    time = np.arange(wave.shape[1])
    wander = (
        depth
        * rate
        * (0.7 * np.sin(2 * np.pi * 0.55 * time / rate) + 0.1 * np.sin(2 * np.pi * 6.3 * time / rate))
    )
    position = np.clip(time - depth * rate + wander, 0, wave.shape[1] - 1)
    return np.stack([np.interp(position, time, channel) for channel in wave])


def _crackle(samples: int, level: float, rate: int, rng: np.random.Generator) -> FloatArray:
    hiss = rng.standard_normal((2, samples)).astype(np.float32) * level * 0.12
    pops = np.zeros(samples, np.float32)
    positions = rng.integers(0, samples, max(1, round(9 * samples / rate)))
    pops[positions] = rng.exponential(level * 2.5, len(positions)) * rng.choice([-1, 1], len(positions))
    shaped = scipy.signal.sosfilt(scipy.signal.butter(1, (400, 6000), "band", fs=rate, output="sos"), pops)
    return np.asarray(hiss + 3 * shaped, np.float32)


def _rain(samples: int, level: float, rate: int, rng: np.random.Generator) -> FloatArray:
    noise = rng.standard_normal((2, samples))
    band = scipy.signal.butter(1, (900, 9000), "band", fs=rate, output="sos")
    return np.asarray(level * scipy.signal.sosfilt(band, noise, axis=1), np.float32)
