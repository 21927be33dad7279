"""Seams of long, continued, repainted clips: `python -m benchmarks.seams [--seeds 1] [--kinds …] [--json]`.

What the built-in models do against the plain way: independent clips of the same prompt with other seeds,
joined by an equal-power crossfade of 2 s. All clips are brought to one loudness first. A seam is
looked at in the 2 s around it, its sides in the seconds before and after. Beside a repaint stands its source,
which has no seam: what the music itself does at those places. A clip with `loop`, mastered and decoded again
from FLAC, is played twice, against the same seed without it, and against a bar line in the loop's middle.

- step: difference of loudness between the 3 s before and after, in LU.
- dip: how far the loudness of the seam is from the mean of both sides, in LU.
- flux: the highest spectral flux in the seam over the median of that inside; how far from 0 dB, either way.
- tempo: the share of seams with one tempo in the 10 s before and after, within 4 %, half and double included.
- beat: how far the beat after the seam is off the beat before it, as a share of a beat, 0 to 0.5.
- chroma: correlation of the chroma of the 10 s before and after.

Means, with 95 % intervals over the prompts.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from benchmarks._clips import Clip, Studio
from benchmarks._figures import print_table
from bot.audio.meter import Wave, amplitude, decibels, loudness
from bot.comparison import features
from bot.engines.score.bank import SAMPLE_RATE
from bot.engines.score.known import repainted
from bot.machine import processor
from bot.recipe import Mode, Task

PROMPTS = (
    "slow piano in the rain",
    "driving dark techno",
    "warm acoustic folk with banjo",
    "swinging jazz trio",
    "bouncy chiptune",
    "elegant viennese waltz",
    "epic orchestral music for a hero",
    "sunny roots reggae",
)
CROSSFADE = 2.0
LONG, SOURCE, CONTINUED, PART = 100.0, 24.0, 40.0, (8.0, 16.0)
TARGET_LUFS = -14.0
LOUDNESS_SECONDS, SIDE_SECONDS = 3.0, 10.0
STEP = round(CROSSFADE * features.FRAMES_PER_SECOND)


@dataclass(frozen=True, slots=True)
class Seam:
    """The measures of one seam; `main` explains them."""

    step: float
    dip: float
    flux: float
    tempo: float
    beat: float
    chroma: float


def crossfaded(first: Wave, second: Wave, seconds: float = CROSSFADE) -> Wave:
    """Join two waves [2, samples] by an equal-power crossfade."""
    length = round(seconds * SAMPLE_RATE)
    angle = np.linspace(0, np.pi / 2, length, dtype=np.float32)
    middle = first[:, -length:] * np.cos(angle) + second[:, :length] * np.sin(angle)
    return np.concatenate([first[:, :-length], middle, second[:, length:]], axis=1)


def measure(wave: Wave, seams: tuple[float, ...], beat: float) -> list[Seam]:
    """Return the measures of each seam of a clip. beat: the beat before the seams, in seconds."""
    audio = features.mono(wave, SAMPLE_RATE)
    flux = np.maximum(0, np.diff(features.log_mel(audio), axis=1)).mean(0)
    inside = _highest_inside(flux, seams)
    out = []
    for seam in seams:
        half = CROSSFADE / 2
        before = _part(wave, seam - half - LOUDNESS_SECONDS, seam - half)
        after = _part(wave, seam + half, seam + half + LOUDNESS_SECONDS)
        levels = [loudness(part, SAMPLE_RATE) for part in (before, after)]
        around = loudness(_part(wave, seam - half, seam + half), SAMPLE_RATE)
        sides = [
            audio[max(0, round(start * features.RATE)) : round(stop * features.RATE)]
            for start, stop in (
                (seam - half - SIDE_SECONDS, seam - half),
                (seam + half, seam + half + SIDE_SECONDS),
            )
        ]
        onsets = [features.onset_strength(features.log_mel(side)) for side in sides]
        tempi = [features.tempo(one) for one in onsets]
        highest = _highest(flux, round((seam - half) * features.FRAMES_PER_SECOND))
        out.append(
            Seam(
                step=abs(levels[1] - levels[0]),
                dip=abs(around - 10 * float(np.log10(np.mean([10 ** (level / 10) for level in levels])))),
                flux=abs(decibels(highest / inside)),
                tempo=float(any(abs(tempi[1] * f / tempi[0] - 1) <= 0.04 for f in (0.5, 1, 2))),
                beat=_off_beat(onsets, len(sides[0]) / features.RATE + CROSSFADE, beat),
                chroma=float(np.corrcoef(features.chroma(sides[0]), features.chroma(sides[1]))[0, 1]),
            )
        )
    return out


def _part(wave: Wave, start: float, stop: float) -> Wave:
    return wave[:, max(0, round(start * SAMPLE_RATE)) : round(stop * SAMPLE_RATE)]


def _highest(flux: np.ndarray, start: int) -> float:
    return float(flux[start : start + STEP].max())


def _highest_inside(flux: np.ndarray, seams: tuple[float, ...]) -> float:
    """Return the median of the highest flux in the 2 s that hold no seam."""
    starts = np.arange(STEP, len(flux) - 2 * STEP, STEP // 4)
    middles = (starts + STEP / 2) / features.FRAMES_PER_SECOND
    far = [all(abs(middle - seam) > CROSSFADE for seam in seams) for middle in middles]
    return float(np.median([_highest(flux, int(start)) for start in starts[far]]))


def _off_beat(onsets: list[np.ndarray], apart: float, beat: float) -> float:
    """Return by how much of a beat the onsets after a seam are off the grid of those before it, 0 to 0.5.

    apart: seconds between the beginnings of both.
    """
    phases = []
    for strength in onsets:
        time = np.arange(len(strength)) / features.FRAMES_PER_SECOND
        phases.append(np.angle(np.sum(strength * np.exp(2j * np.pi * time / beat))) / (2 * np.pi))
    off = (phases[1] + apart / beat - phases[0]) % 1
    return float(min(off, 1 - off))


OURS, PLAIN, UNTOUCHED = "ours", "crossfade", "the source, no seam"
PLAIN_END, INSIDE = "without `loop`", "a bar line inside"
WAYS = OURS, PLAIN, UNTOUCHED, PLAIN_END, INSIDE
Kind = tuple[str, dict[str, list[Seam]]]
"""The name of a kind of seam, and the seams of each way."""


def _long(studio: Studio, prompt: str, seed: int) -> Iterator[Kind]:
    """Render a clip longer than the models' window; yield what was measured."""
    mode = studio.mode
    ours = studio.clip(prompt, LONG, seed)
    count = len(ours.seams) + 1
    each = (LONG + (count - 1) * CROSSFADE) / count
    parts = [studio.clip(prompt, each, seed + 1_000 * n) for n in range(count)]
    joined = _levelled(parts[0].wave)
    for part in parts[1:]:
        joined = crossfaded(joined, _levelled(part.wave))
    edges = tuple((each - CROSSFADE) * n + CROSSFADE / 2 for n in range(1, count))
    ways = {
        OURS: measure(ours.wave, ours.seams, _beat(ours)),
        PLAIN: measure(joined, edges, _beat(parts[0])),
    }
    yield f"{mode}, {LONG:g} s", ways


def _from_clip(studio: Studio, prompt: str, seed: int) -> Iterator[Kind]:
    """Continue a clip, and make a part of it anew; yield what was measured."""
    mode = studio.mode
    source = studio.clip(prompt, SOURCE, seed + 1, finished=True)
    other = studio.clip(prompt, SOURCE, seed + 1_001)
    first, second, beat = _levelled(source.wave), _levelled(other.wave), _beat(source)
    ours = studio.clip(prompt, CONTINUED, seed + 2, Task.CONTINUE, source)
    plain = measure(crossfaded(first, second), (SOURCE - CROSSFADE / 2,), beat)
    yield f"{mode}, continued", {OURS: measure(ours.wave, ours.seams, beat), PLAIN: plain}

    options = {"repaint_start": PART[0], "repaint_end": PART[1]}
    ours = studio.clip(prompt, SOURCE, seed + 2, Task.REPAINT, source, options)
    edges = _edges(source)
    ways = {OURS: ours.wave, PLAIN: _pasted(first, second, edges), UNTOUCHED: first}
    yield f"{mode}, repainted", {way: measure(wave, edges, beat) for way, wave in ways.items()}


def _looped(studio: Studio, prompt: str, seed: int) -> Iterator[Kind]:
    """Play a clip twice; yield what was measured where it begins again."""
    loop = studio.clip(prompt, SOURCE, seed + 3, options={"loop": "true"}, finished=True)
    plain = studio.clip(prompt, SOURCE, seed + 3, finished=True)
    bar, bars = loop.score.steps_per_bar * loop.score.seconds_per_step, len(loop.score.programs)
    middle = bars // 2 * bar
    ways = {
        way: measure(_levelled(np.concatenate([wave, wave], axis=1)), (seam,), beat)
        for way, wave, seam, beat in (
            (OURS, loop.wave, bars * bar, _beat(loop)),
            (PLAIN_END, plain.wave, SOURCE, _beat(plain)),
            (INSIDE, loop.wave, middle, _beat(loop)),
        )
    }
    yield f"{studio.mode}, played twice", ways


KINDS = {"long": _long, "clips": _from_clip, "loops": _looped}
"""What `--kinds` names: clips in sections; clips continued and repainted; clips that loop."""


def _levelled(wave: Wave) -> Wave:
    return wave * np.float32(amplitude(TARGET_LUFS - loudness(wave, SAMPLE_RATE)))


def _beat(clip: Clip) -> float:
    return 60 / clip.score.tempo


def _edges(source: Clip) -> tuple[float, float]:
    """Return where the bars begin and end that the repaint makes anew, in seconds."""
    free = np.flatnonzero(repainted(source.score, *PART).free_programs.any(1))
    bar = source.score.steps_per_bar * source.score.seconds_per_step
    return float(free[0] * bar), float((free[-1] + 1) * bar)


def _pasted(source: Wave, other: Wave, edges: tuple[float, float]) -> Wave:
    """Return a source with the part between two edges from another clip, crossfaded at both."""
    start, end = (round(edge * SAMPLE_RATE) for edge in edges)
    half = round(CROSSFADE / 2 * SAMPLE_RATE)
    front = crossfaded(source[:, : start + half], other[:, start - half : end + half])
    return crossfaded(front, source[:, end - half :])


def of_prompt(
    number: int, seeds: int, kinds: Sequence[str], modes: Sequence[Mode]
) -> dict[tuple[str, str], list[Seam]]:
    """Return the seams of one prompt by kind of seam and way."""
    found: dict[tuple[str, str], list[Seam]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for mode in modes:
            studio = Studio(mode, Path(folder))
            for seed in range(100 * number + 1, 100 * number + 1 + seeds):
                for kind in kinds:
                    for name, ways in KINDS[kind](studio, PROMPTS[number], seed):
                        for way, seams in ways.items():
                            found[name, way] += seams
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="prompts rendered at once")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--modes", nargs="+", type=Mode, choices=list(Mode), default=list(Mode))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found: dict[tuple[str, str], list[list[Seam]]] = defaultdict(list)
    with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("spawn")) as pool:
        given = arguments.seeds, arguments.kinds, arguments.modes
        work = [pool.submit(of_prompt, number, *given) for number in range(len(PROMPTS))]
        for done, one in enumerate(as_completed(work), 1):
            for key, seams in one.result().items():
                found[key].append(seams)
            print(f"{done} of {len(PROMPTS)} prompts", file=sys.stderr, flush=True)
    if arguments.json:
        rows = {f"{kind}: {way}": groups for (kind, way), groups in found.items()}
        print(json.dumps(rows, default=asdict))
        return
    names = [field.name for field in fields(Seam)]
    print(f"{processor()}, {len(PROMPTS)} prompts, seeds each: {arguments.seeds}\n")
    ordered = sorted(found.items(), key=lambda row: (row[0][0], WAYS.index(row[0][1])))
    print_table(
        ["seam", "way", "seams"],
        names,
        (([kind, way, sum(map(len, groups))], groups) for (kind, way), groups in ordered),
    )


if __name__ == "__main__":
    main()
