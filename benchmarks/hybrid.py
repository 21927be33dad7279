"""What `structure` does to a hybrid: `python -m benchmarks.hybrid [--seeds 3] [--json]`.

The built-in ar model plays a prompt of one scene; the built-in diffusion model makes hybrids of that clip
with a prompt of another scene, at five values of `structure`. Measured on each hybrid, 10 s long:

- chroma: correlation of its chroma, second by second, with that of the ar clip.
- onsets: correlation of its onset strength, 62.5 times a second, with that of the ar clip.
- wanted, source: the probabilities that the frozen judge (`bot/comparison/judge.py`) gives to the scene of
  the hybrid's prompt and to that of the ar clip's.
- judged: share of the hybrids that the judge takes for the scene of their prompt.

Means, with 95 % intervals over the pairs of prompts. The rows “ar clip” and “diffusion” are for comparison:
the ar clip itself, and a clip of the diffusion model from the hybrid's prompt alone.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from benchmarks._clips import Clip, Studio
from benchmarks._figures import print_table
from bot.comparison import features
from bot.comparison.judge import Judge
from bot.engines.score.bank import SAMPLE_RATE
from bot.machine import processor
from bot.recipe import Mode, Task

SECONDS = 10.0
STRUCTURES = (0.0, 0.25, 0.5, 0.75, 1.0)
PAIRS = (
    ("folk", "warm acoustic folk", "chiptune", "bouncy chiptune"),
    ("solo piano", "gentle solo piano", "techno", "driving dark techno"),
    ("house", "groovy deep house", "baroque", "stately baroque harpsichord piece"),
    ("jazz trio", "swinging jazz trio", "cyberpunk", "gritty retro futuristic electronic music"),
    ("reggae", "sunny roots reggae", "epic film", "majestic film score with french horn"),
    ("rock", "loud hard rock", "lullaby", "sweet music box lullaby"),
    ("bossa nova", "breezy bossa nova", "horror", "creepy horror music"),
    ("lofi", "chill lofi beat with rhodes", "cello and harp", "elegant cello and harp duet"),
    ("funk", "funky groove with slap bass", "sad violin", "mournful violin for lost love"),
    ("trap", "hard trap beat", "solo piano", "tender piano ballad, memories of childhood"),
)
"""Scene and prompt of the ar clip and of the hybrid; the prompts are of training/prompts.toml."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """The measures of one clip."""

    chroma: float
    onsets: float
    wanted: float
    source: float
    judged: float


class Measures:
    """Measures clips against the ar clip that they are made from."""

    def __init__(self, judge: Judge, source: Clip, source_scene: str, scene: str) -> None:
        self._judge, self._scenes = judge, (scene, source_scene)
        self._chroma, self._onsets = _traits(source)

    def of(self, clip: Clip) -> Likeness:
        """Return the measures of a clip of the same length."""
        chroma, onsets = _traits(clip)
        verdict = self._judge.classify(clip.wave, SAMPLE_RATE)
        wanted, source = self._scenes
        return Likeness(
            chroma=_correlation(chroma, self._chroma),
            onsets=_correlation(onsets, self._onsets),
            wanted=verdict.scenes[wanted],
            source=verdict.scenes[source],
            judged=float(verdict.scene == wanted),
        )


def _traits(clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """Return the chroma of each second [seconds, 12], and the onset strength [frames]."""
    audio = features.mono(clip.wave, SAMPLE_RATE)
    seconds = len(audio) // features.RATE
    parts = audio[: seconds * features.RATE].reshape(seconds, features.RATE)
    return np.stack([features.chroma(part) for part in parts]), features.onset_strength(
        features.log_mel(audio)
    )


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def measured(seeds: int) -> dict[str, list[list[Likeness]]]:
    """Return the measures by row, a list for each pair of prompts."""
    judge = Judge()
    found: dict[str, list[list[Likeness]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        ar, diffusion = (Studio(mode, Path(folder)) for mode in (Mode.AR, Mode.DIFFUSION))
        for number, (source_scene, source_prompt, scene, prompt) in enumerate(PAIRS):
            rows: dict[str, list[Likeness]] = defaultdict(list)
            for seed in range(100 * number + 1, 100 * number + 1 + seeds):
                source = ar.clip(source_prompt, SECONDS, seed, finished=True)
                measures = Measures(judge, source, source_scene, scene)
                rows["ar clip"].append(measures.of(source))
                for structure in STRUCTURES:
                    options = {"structure": structure}
                    made = diffusion.clip(prompt, SECONDS, seed + 50, Task.HYBRID, source, options)
                    rows[f"{structure:g}"].append(measures.of(made))
                rows["diffusion"].append(measures.of(diffusion.clip(prompt, SECONDS, seed + 50)))
            for name, values in rows.items():
                found[name].append(values)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measured(arguments.seeds)
    if arguments.json:
        print(json.dumps(found, default=asdict))
        return
    names = [field.name for field in fields(Likeness)]
    print(f"{processor()}, {len(PAIRS)} pairs of prompts, {arguments.seeds} seeds\n")
    print_table(["structure"], names, (([row], groups) for row, groups in found.items()))


if __name__ == "__main__":
    main()
