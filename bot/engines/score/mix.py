"""The mix effects of a score's mix name: drive, filters, echo, room, tape, vinyl and rain."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.signal

from bot.audio.blocks import blocks

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
    wander: tuple[float, float] = (0.55, 6.3)
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
ECHOES = 4
FADE_IN, FADE_OUT = 0.005, 0.2
CEILING = 0.89
"""Peak of a finished mix, −1 dBFS."""
SAMPLES_HELD = math.lcm(*(mix.crush for mix in MIXES.values()))
"""Blocks begin at a multiple of it, so that a sample is held across none."""

BLOCK_SECONDS = 30.0
"""Of the blocks of a mix: the notes, echo and room that reach into one are played for it again."""

Dry = Callable[[int, int], tuple[FloatArray, FloatArray]]
"""Returns music and drums, float32 [2, n] each, from one sample of a clip up to another."""


def mix_of(name: str, circle: float = 0.0) -> Mix:
    """Return the mix of a name; with whole cycles in a clip that loops in `circle` seconds, 0 for another."""
    mix = MIXES[name]
    if not circle:
        return mix
    slow, fast = (max(1, round(hertz * circle)) / circle for hertz in mix.wander)
    return replace(mix, wander=(slow, fast))


def mixed(
    dry: Dry, samples: int, kicks: list[float], mix: Mix, beat: float, rate: int, seed: int
) -> FloatArray:
    """Return the finished clip, float32 [2, samples].

    kicks: times of bass drum strokes in seconds.  beat: seconds a beat.
    """
    parts = list(blocks(samples, rate, SAMPLES_HELD, BLOCK_SECONDS))
    out = np.empty((2, samples), np.float32)
    powers = []
    for start, stop in parts:
        first = max(0, start - _reach(mix, beat, rate))
        music, drums = dry(first, stop)
        out[:, start:stop] = _with_room(mix, music, drums, kicks, beat, rate, first)[:, start - first :]
        powers.append(np.mean(out[:, start:stop] ** 2))
    level = np.sqrt(np.float32(np.average(powers, weights=[stop - start for start, stop in parts]))) + 1e-6
    effects = _Effects(mix, rate, np.random.default_rng(seed))
    # A clip of one block stays in double precision until its end; longer ones take the place of the clip.
    whole: npt.NDArray[np.floating] = out if len(parts) > 1 else np.empty(out.shape)
    for start, stop in parts:
        whole[:, start:stop] = effects(out[:, start:stop] * (0.14 / level))
    return _finished(whole, rate)


def _reach(mix: Mix, beat: float, rate: int) -> int:
    """Return how many samples before a block are heard in it, as echo and room."""
    echo = ECHOES * round(mix.echo[0] * beat * rate) if mix.echo else 0
    return echo + len(_impulse(mix.room, rate)[0])


def _with_room(
    mix: Mix, music: FloatArray, drums: FloatArray, kicks: list[float], beat: float, rate: int, first: int
) -> FloatArray:
    """Return music and drums [2, n], from the sample `first` of the clip, with ducking, echo and room."""
    samples = music.shape[1]
    if mix.duck and kicks:
        music = music * _ducking(kicks, first, samples, rate, mix.duck)
    if mix.echo:
        music = _echoed(music, mix.echo[0] * beat, mix.echo[1], rate)
    dry = music + drums
    send = music + 0.35 * drums
    wet = scipy.signal.oaconvolve(send, _impulse(mix.room, rate), axes=1)[:, :samples]
    return np.asarray(dry + mix.wet * wet)


class _Effects:
    """What is done to a mix after its room, block after block."""

    def __init__(self, mix: Mix, rate: int, rng: np.random.Generator) -> None:
        self._mix, self._rate = mix, rate
        self._start = 0
        self._before: npt.NDArray[np.floating] = np.zeros((2, 0))
        self._low = _Filter(2, mix.low_pass, "low", rate) if mix.low_pass else None
        self._high = _Filter(1, mix.high_pass, "high", rate)
        self._noise = _Noise(mix, rate, rng)

    def __call__(self, out: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Return the next block [2, n]."""
        mix, samples = self._mix, out.shape[1]
        if mix.drive:
            out = np.tanh(out * (1 + mix.drive)) / (1 + 0.5 * mix.drive)
        if mix.flutter:
            dry = np.concatenate([self._before, out], axis=1) if self._start else out
            reach = math.ceil(2 * mix.flutter * self._rate) + 1
            out = _fluttered(dry, mix, self._rate, self._start, samples)
            self._before = dry[:, -reach:].copy()
        if mix.crush > 1:
            out = np.repeat(out[:, :: mix.crush], mix.crush, axis=1)[:, :samples]
        if self._low is not None:
            out = self._low(out)
        self._start += samples
        return self._noise(self._high(out))


class _Noise:
    """The crackle and rain of a mix, block after block."""

    def __init__(self, mix: Mix, rate: int, rng: np.random.Generator) -> None:
        self._mix, self._rate, self._rng = mix, rate, rng
        self._pops = _Filter(1, (400, 6000), "band", rate)
        self._drops = _Filter(1, (900, 9000), "band", rate)

    def __call__(self, out: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Return the next block [2, n] with its noise."""
        if self._mix.crackle:
            out = out + _crackle(out.shape[1], self._mix.crackle, self._rate, self._rng, self._pops)
        if self._mix.rain:
            out = out + _rain(out.shape[1], self._mix.rain, self._rng, self._drops)
        return out


class _Filter:
    """A Butterworth filter that goes on, block after block, where it was."""

    def __init__(self, order: int, hertz: float | tuple[float, float], kind: str, rate: int) -> None:
        self._sections = scipy.signal.butter(order, hertz, kind, fs=rate, output="sos")
        self._state: npt.NDArray[np.float64] | None = None

    def __call__(self, wave: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return the next block [..., n] filtered."""
        if self._state is None:
            self._state = np.zeros((len(self._sections), *wave.shape[:-1], 2))
        out, self._state = scipy.signal.sosfilt(self._sections, wave, zi=self._state)
        return np.asarray(out)


def mixed_parts(
    music: Sequence[FloatArray],
    drums: FloatArray,
    kicks: list[float],
    mix: Mix,
    beat: float,
    rate: int,
    seed: int,
) -> list[FloatArray]:
    """Return the parts of a finished clip, float32 [2, n] each, which add up to what `mixed` makes of them.

    The parts are those of music, the drums, and the noise of the mix. A step that is not linear works on the
    sum; what it did there, as a gain in time, is applied to each part.
    """
    rng = np.random.default_rng(seed)
    samples = drums.shape[1]
    impulse = _impulse(mix.room, rate)
    parts: list[npt.NDArray[np.floating]] = []
    for part in music:
        if mix.duck and kicks:
            part = part * _ducking(kicks, 0, samples, rate, mix.duck)
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
        parts = [_fluttered(part, mix, rate, 0, samples) for part in parts]
    if mix.crush > 1:
        parts = [np.repeat(part[:, :: mix.crush], mix.crush, axis=1)[:, :samples] for part in parts]
    if mix.low_pass:
        parts = [_Filter(2, mix.low_pass, "low", rate)(part) for part in parts]
    parts = [_Filter(1, mix.high_pass, "high", rate)(part) for part in parts]
    noise, add_noise = np.zeros((2, samples)), _Noise(mix, rate, rng)
    for start, stop in blocks(samples, rate, SAMPLES_HELD, BLOCK_SECONDS):
        noise[:, start:stop] = add_noise(noise[:, start:stop])
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
    """Bring a mix [2, n] under the ceiling and fade it, in place; return it as float32."""
    parts = [out[:, start:stop] for start, stop in blocks(out.shape[1], rate, SAMPLES_HELD)]
    peak = _peak(parts) + 1e-9
    if peak > CEILING:
        knee = 0.6
        for part in parts:
            over = np.abs(part) > knee
            squeezed = knee + (1 - knee) * np.tanh((np.abs(part) - knee) / (1 - knee))
            part[:] = np.where(over, np.sign(part) * squeezed, part)
        gain = min(1.0, CEILING / (_peak(parts) + 1e-9))
    else:
        gain = min(CEILING / peak, 4.0)
    for part in parts:
        part *= gain
    samples = out.shape[1]
    rise, fall = min(samples, round(FADE_IN * rate)), min(samples, round(FADE_OUT * rate))
    out[:, :rise] *= np.linspace(0, 1, rise)
    out[:, samples - fall :] *= np.linspace(1, 0, fall) ** 2
    return np.asarray(out, np.float32)


def _peak(parts: Sequence[npt.NDArray[np.floating]]) -> float:
    return max((float(np.abs(part).max()) for part in parts), default=0.0)


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


def _ducking(kicks: list[float], first: int, samples: int, rate: int, depth: float) -> FloatArray:
    """Return the gain under the kicks, float32 [samples], from the sample `first` of the clip."""
    gain = np.ones(samples, np.float32)
    length = round(0.24 * rate)
    dip = (1 - depth * (1 - np.linspace(0, 1, length)) ** 1.5).astype(np.float32)
    for kick in kicks:
        start = round(kick * rate) - first
        part = gain[max(0, start) : max(0, start + length)]
        begun = max(0, -start)
        np.minimum(part, dip[begun : begun + len(part)], out=part)
    return gain


def _echoed(music: FloatArray, delay: float, level: float, rate: int) -> FloatArray:
    out = music.copy()
    lag = round(delay * rate)
    for repeat in range(1, ECHOES + 1):
        shift = lag * repeat
        if shift >= music.shape[1]:
            break
        source = music[::-1] if repeat % 2 else music
        out[:, shift:] += level * 0.5 ** (repeat - 1) * source[:, : music.shape[1] - shift]
    return out


def _fluttered(
    wave: npt.NDArray[np.floating], mix: Mix, rate: int, start: int, samples: int
) -> npt.NDArray[np.floating]:
    """Return the last samples of a wave [2, n] with tape's wander; `start`: where in the clip they begin."""
    stop, depth = start + samples, mix.flutter
    time = np.arange(stop - wave.shape[1], stop)
    now = time[-samples:]
    slow, fast = mix.wander
    wander = (
        depth
        * rate
        * (0.7 * np.sin(2 * np.pi * slow * now / rate) + 0.1 * np.sin(2 * np.pi * fast * now / rate))
    )
    position = np.clip(now - depth * rate + wander, 0, stop - 1)
    return np.stack([np.interp(position, time, channel) for channel in wave])


def _crackle(samples: int, level: float, rate: int, rng: np.random.Generator, band: _Filter) -> FloatArray:
    hiss = rng.standard_normal((2, samples)).astype(np.float32) * level * 0.12
    pops = np.zeros(samples, np.float32)
    positions = rng.integers(0, samples, max(1, round(9 * samples / rate)))
    pops[positions] = rng.exponential(level * 2.5, len(positions)) * rng.choice([-1, 1], len(positions))
    return np.asarray(hiss + 3 * band(pops), np.float32)


def _rain(samples: int, level: float, rng: np.random.Generator, band: _Filter) -> FloatArray:
    return np.asarray(level * band(rng.standard_normal((2, samples))), np.float32)
