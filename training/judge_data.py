"""Render what the judge is fitted on: `python -m training.judge_data SOUNDS OUT.npz`.

SOUNDS is the folder of the models' own sounds, or one cut by `training.cut_sounds` from another bank. The
composer's settings differ from those of the models' pieces: other seeds, fewer guests, tempi drawn beyond the
scenes', and mixes that are not always the scene's.
"""

from __future__ import annotations

import argparse
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from bot.comparison.features import log_mel, mono
from bot.engines.score.bank import SAMPLE_RATE, Bank
from bot.engines.score.programs import MIX_ID, PROGRAMS
from bot.engines.score.sampler import Sampler
from training.compose import Settings, compose
from training.scenes import SCENES

SEED = 90_000
MIX_CHANGED = 0.15
NEUTRAL_MIXES = ("room", "hall", "stage", "intimate", "bright")
SECONDS = 10.0
FAMILIES = (*tuple(sorted({p.family for p in PROGRAMS if p.family != "silence"})), "drums")
"""What the judge names instruments by."""


def families_of(instruments: tuple[str, ...]) -> list[str]:
    """Return the families of instruments named as in PROGRAMS, and `drums`."""
    by_name = {p.name: p.family for p in PROGRAMS}
    return sorted({by_name.get(name, name) for name in instruments})


def main() -> None:
    """Render as the command line asks."""
    parser = argparse.ArgumentParser(description="Render what the judge is fitted on.")
    parser.add_argument("sounds", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--per-scene", type=int, default=70)
    parser.add_argument("--first", type=int, default=0, help="number of the first piece of each scene")
    args = parser.parse_args()
    sampler = Sampler(Bank(args.sounds))
    mels, scenes, present, tempi = [], [], [], []
    for number in range(args.first, args.first + args.per_scene):
        for index, scene in enumerate(SCENES):
            rng = np.random.default_rng([SEED, number, zlib.crc32(scene.name.encode())])
            settings = Settings(guests=0.05, tempo_shift=float(rng.uniform(0.95, 1.05)), sequences=0.15)
            piece = compose(scene, SECONDS, rng, settings)
            score = piece.score
            if rng.random() < MIX_CHANGED:
                score = replace(score, mix=MIX_ID[str(rng.choice(NEUTRAL_MIXES))])
            wave = sampler.render(score, SECONDS, number)
            mels.append(log_mel(mono(wave, SAMPLE_RATE)).astype(np.float16))
            scenes.append(index)
            tempi.append(score.tempo)
            found = families_of(piece.instruments)
            present.append([family in found for family in FAMILIES])
        print(number, flush=True)
    np.savez(
        args.out,
        mels=np.stack(mels),
        scenes=np.array(scenes),
        present=np.array(present),
        tempi=np.array(tempi, np.float32),
    )


if __name__ == "__main__":
    main()
