"""Two clips normalised for a blind comparison: equal length, rate, channels, bandwidth, bitrate and loudness.

Run by `child.run` as a process of its own, which decodes, filters, encodes and draws outside the bot.
It reads the fields of Request as JSON, and prints those of Pair, or an error.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import gcd
from pathlib import Path

import numpy as np
from scipy import signal

from bot.audio import child, mp3, picture
from bot.audio.encoding import Encoding, Gain, Goal, encode_until_it_fits
from bot.audio.master import CEILING_DB, FADE_OUT_SECONDS, TARGET_LUFS
from bot.audio.meter import Wave, amplitude, loudness, true_peak
from bot.errors import RenderError

LOUDNESS_TOLERANCE_LU = 0.2
"""How far apart the two may be at most; people take the louder of two equal clips for the better one."""

BANDWIDTH_DB = -60.0
"""A clip's bandwidth ends where its long-term spectrum stays this far below its highest band."""

BANDWIDTH_LOW_HZ = 4_000.0
"""Below it an empty spectrum is the music, not the model: a lone bass must not muffle the other clip."""

MONO_DB = -50.0
"""A difference of the channels this far below their sum is no stereo that anybody hears."""

_LOUDNESS_SPREAD_LU = 0.1
_CUT_SPREAD = 0.06
"""Each side's loudness and cut are lowered at random by up to this much. What is left of a difference between
the models, a hundredth of a LU and some tens of hertz, drowns in it."""

_CLOSE_ENOUGH_LU = 0.03
_MAX_ENCODINGS = 6
MAX_TARGETS = 4
_HEADROOM_DB = 0.5
_TAPS = 2047
_BAND_HZ = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Where the two clips are, where the neutral ones and their picture go, and how much one may weigh."""

    a: str
    b: str
    out_a: str
    out_b: str
    picture: str
    max_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What both files have in common, and the loudness of each (LUFS), measured on the decoded MP3s."""

    sample_rate: int
    samples: int
    bitrate_kbps: int
    bandwidth_hz: float
    mono: bool
    lufs_a: float
    lufs_b: float


def neutralise(request: Request, rng: np.random.Generator) -> Pair:
    """Write both clips with one length, rate, channel count, bandwidth, bitrate and loudness, and no tags.

    The lower rate and bandwidth of the two hold for both, the shorter length, and mono if one is mono;
    the quieter is not limited to reach the louder, the louder is turned down. Every step is applied to
    both, so that neither is changed more often than the other. rng: decides by how little they differ.
    Raises RenderError where a file cannot be read, does not fit, or the disk is full.
    """
    waves, rate = _aligned(*(mp3.decode(Path(path)) for path in (request.a, request.b)))
    mono = any(is_mono(wave) for wave in waves)
    if mono:
        waves = [np.repeat(wave.mean(axis=0, keepdims=True), 2, axis=0) for wave in waves]
    cut = max(BANDWIDTH_LOW_HZ, min(bandwidth(wave, rate) for wave in waves))
    cut = min(cut, 0.45 * rate)
    waves = [
        _faded(_low_passed(wave, rate, cut * factor), rate)
        for wave, factor in zip(waves, 1 - rng.uniform(0, _CUT_SPREAD, 2), strict=True)
    ]
    kbps = mp3.best_bitrate(waves[0].shape[1], rate, request.max_bytes)
    out = Path(request.out_a)
    with mp3.scratch_folder(beside=out) as scratch:
        files, lufs = _equally_loud(waves, rate, kbps, scratch, rng)
        drawn = scratch / "picture.png"
        (decoded_a, _), (decoded_b, _) = (mp3.decode(file) for file in files)
        picture.draw_pair((decoded_a, rate), (decoded_b, rate), drawn)
        mp3.publish({files[0]: out, files[1]: Path(request.out_b), drawn: Path(request.picture)})
    return Pair(
        sample_rate=rate,
        samples=waves[0].shape[1],
        bitrate_kbps=kbps,
        bandwidth_hz=cut,
        mono=mono,
        lufs_a=lufs[0],
        lufs_b=lufs[1],
    )


def bandwidth(wave: Wave, rate: int) -> float:
    """Return in Hz where the spectrum of a wave [channels, samples] ends, to a tenth of a kilohertz."""
    window = min(wave.shape[1], 1 << int(np.log2(rate / _BAND_HZ) + 1))
    hz, power = signal.welch(wave, rate, nperseg=window, axis=1)
    total = power.sum(axis=0)
    audible = np.flatnonzero(total > total.max() * 10 ** (BANDWIDTH_DB / 10))
    return float(np.ceil(hz[audible[-1]] / _BAND_HZ) * _BAND_HZ) if audible.size else 0.0


def is_mono(wave: Wave) -> bool:
    """Tell whether a wave [channels, samples] has one channel, or two that are the same."""
    if wave.shape[0] == 1:
        return True
    middle, side = wave[0] + wave[1], wave[0] - wave[1]
    return bool(np.std(side) <= amplitude(MONO_DB) * np.std(middle))


def _aligned(a: tuple[Wave, int], b: tuple[Wave, int]) -> tuple[list[Wave], int]:
    """Return both at the lower of the two rates and at the length of the shorter one."""
    rate = min(a[1], b[1])
    waves = []
    for wave, own in (a, b):
        common = gcd(rate, own)
        if own != rate:
            wave = signal.resample_poly(wave, rate // common, own // common, axis=1).astype(np.float32)
        waves.append(wave)
    samples = min(wave.shape[1] for wave in waves)
    return [wave[:, :samples] for wave in waves], rate


def _low_passed(wave: Wave, rate: int, cut: float) -> Wave:
    taps = signal.firwin(_TAPS, cut, fs=rate, window=("kaiser", 9.0))
    passed: Wave = signal.oaconvolve(wave, taps[np.newaxis], mode="same", axes=1).astype(np.float32)
    return passed


def _faded(wave: Wave, rate: int) -> Wave:
    length = min(round(FADE_OUT_SECONDS * rate), wave.shape[1])
    faded = wave.copy()
    faded[:, -length:] *= (np.cos(np.linspace(0, np.pi / 2, length)) ** 2).astype(np.float32)
    return faded


def _equally_loud(
    waves: list[Wave], rate: int, kbps: int, scratch: Path, rng: np.random.Generator
) -> tuple[list[Path], list[float]]:
    """Encode both as loud as the one with the higher peaks allows; return the files and their LUFS."""
    limits = [loudness(wave, rate) + CEILING_DB - _HEADROOM_DB - true_peak(wave, rate) for wave in waves]
    target = min(TARGET_LUFS, *limits)
    apart = rng.uniform(-_LOUDNESS_SPREAD_LU, 0, 2)
    for attempt in range(MAX_TARGETS):
        goals = target + apart
        made = [
            _encode_near(wave, rate, kbps, goal, scratch) for wave, goal in zip(waves, goals, strict=True)
        ]
        off = [encoding.lufs - goal for encoding, goal in zip(made, goals, strict=True)]
        # Where one could not come near its goal, the other comes to where the first one is.
        follower = int(abs(off[0]) > abs(off[1]))
        if abs(off[1 - follower]) > _CLOSE_ENOUGH_LU:
            goal = goals[follower] + off[1 - follower]
            made[follower] = _encode_near(waves[follower], rate, kbps, goal, scratch)
        overshoot = max(encoding.true_peak_db for encoding in made) - CEILING_DB
        if overshoot <= 0:
            break
        target -= overshoot + 0.1 * 2**attempt
    lufs = [encoding.lufs for encoding in made]
    if overshoot > 0 or abs(lufs[0] - lufs[1]) > LOUDNESS_TOLERANCE_LU:
        raise RenderError("The two clips couldn't be made equally loud. Try again.")
    return [encoding.file for encoding in made], lufs


def _encode_near(wave: Wave, rate: int, kbps: int, goal: float, scratch: Path) -> Encoding:
    """Return the encoding nearest to `goal` LUFS, one under the ceiling before any above it."""
    wanted = Goal(
        lufs=goal,
        tolerance_lu=_CLOSE_ENOUGH_LU,
        ceiling_db=CEILING_DB,
        limited=False,
        max_encodings=_MAX_ENCODINGS,
    )
    return encode_until_it_fits(
        Gain(wave, rate), kbps, scratch, wanted, target_lufs=goal, ceiling_db=float("inf")
    )


def main() -> None:
    """Answer one request, and print the answer as one JSON object."""
    request = Request(**json.loads(child.request()))
    try:
        answer = asdict(neutralise(request, np.random.default_rng()))
    except RenderError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
