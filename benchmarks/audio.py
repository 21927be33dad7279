"""What finishing a clip costs, stage by stage: `python -m benchmarks.audio [--seconds 10 30 60]`.

Prints the best of several warm runs in milliseconds, for a stereo clip at 44.1 kHz whose peaks need the
limiter: each stage, the whole of `finish` (the picture is drawn while ffmpeg encodes, and a clip that
overshoots is encoded twice), and the processor time that `finish` takes with its ffmpeg, which a busy
machine changes less. "import" is what a fresh worker pays once.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

IMPORT_STARTED = time.perf_counter()

import numpy as np  # noqa: E402

from bot.audio import mp3, picture  # noqa: E402
from bot.audio.checks import check  # noqa: E402
from bot.audio.finish import finish  # noqa: E402
from bot.audio.master import Master  # noqa: E402
from bot.audio.meter import Wave, loudness, true_peak  # noqa: E402
from bot.audio.tags import Provenance, tag  # noqa: E402
from bot.recipe import Mode, Recipe  # noqa: E402
from bot.recipe.capabilities import Capabilities  # noqa: E402

IMPORT_SECONDS = time.perf_counter() - IMPORT_STARTED
RATE = 44_100


def song(seconds: float) -> Wave:
    """Return four chords under a beat: peaks 17 dB over the loudness, like a dry drum kit."""
    time_axis = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(1).standard_normal(time_axis.size)
    beat = time_axis % 0.5
    chord = np.choose((time_axis // 2 % 4).astype(int), (220.0, 174.6, 261.6, 196.0))
    tones = sum(np.sin(2 * np.pi * chord * ratio * time_axis) for ratio in (1, 1.25, 1.5))
    kick = np.sin(2 * np.pi * 50 * beat) * np.exp(-12 * beat)
    snare = noise * np.exp(-25 * ((time_axis + 0.25) % 0.5))
    mono = 0.05 * tones + 0.8 * kick + 0.15 * snare
    return np.stack([mono, np.roll(mono, 20)]).astype(np.float32)


def best(action: Callable[[], object], runs: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the shortest of several runs in milliseconds."""
    times = []
    for _ in range(runs):
        started = clock()
        action()
        times.append(clock() - started)
    return 1_000 * min(times)


def processor_seconds() -> float:
    """Return what this process and its finished children have used."""
    return sum(os.times()[:4])


def measure(seconds: float, folder: Path, runs: int) -> dict[str, float]:
    wave = song(seconds)
    recipe = Recipe(
        prompt="four chords under a beat", mode=Mode.AR, model="benchmark", seconds=seconds, seed=1
    )
    capabilities = Capabilities(
        mode=Mode.AR, model="benchmark", title="Benchmark", licence="MIT", sample_rate=RATE, channels=2,
        min_seconds=1, max_seconds=60, prompt_tokens=64,
    )  # fmt: skip
    provenance = Provenance(device="cpu", slots=1)
    mastered = Master(wave, RATE).at().wave
    encoded = mp3.encode(mastered, RATE, 320, folder)
    decoded, _ = mp3.decode(encoded)
    stages: dict[str, Callable[[], object]] = {
        "check": lambda: check(wave, RATE, seconds),
        "master": lambda: Master(wave, RATE).at(),
        "encode": lambda: mp3.encode(mastered, RATE, 320, folder),
        "decode": lambda: mp3.decode(encoded),
        "loudness": lambda: loudness(decoded, RATE),
        "true peak": lambda: true_peak(decoded, RATE),
        "tag": lambda: tag(recipe, capabilities, provenance),
        "picture": lambda: picture.draw(mastered, RATE, folder / "picture.png"),
        "finish": lambda: finish(wave, recipe, capabilities, folder / "clip.mp3", 10 * 2**20, provenance),
    }
    times = {name: best(stage, runs) for name, stage in stages.items()}
    return times | {"finish, processor": best(stages["finish"], runs, processor_seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, nargs="+", default=[10, 30, 60])
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{'import':18}{1_000 * IMPORT_SECONDS:7.0f} ms")
    with tempfile.TemporaryDirectory() as folder:
        columns = [measure(seconds, Path(folder), arguments.runs) for seconds in arguments.seconds]
    print(f"{'':18}" + "".join(f"{seconds:8.0f} s" for seconds in arguments.seconds))
    for stage in columns[0]:
        print(f"{stage:18}" + "".join(f"{column[stage]:7.0f} ms" for column in columns))


if __name__ == "__main__":
    main()
