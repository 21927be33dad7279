"""How far mastering moves the part of a clip that a repaint keeps: `python -m benchmarks.remaster`.

A repaint's wave is its source's, sample for sample, outside of the bars that are made anew. Then it is
mastered like every clip. Compared is that part of the finished repaint with the same part of its source, both
as FLAC:

- level: by how many dB it is louder.
- difference: what is left of it in dB below it once that level is taken out: the high-pass filter, applied
  twice, and the limiter.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks._clips import Studio
from bot.machine import processor
from bot.recipe import Mode, Task

PROMPTS = ("calm piano and strings", "techno with hard drums", "lofi beat", "warm acoustic folk")
SECONDS, START, END = 12.0, 5.0, 7.0
EDGE = 3_200
"""Samples at both ends of a clip, which mastering fades."""
SAME = 1e-6
"""Of full scale: below the last of 24 bits."""


def measured(studio: Studio, prompt: str, seed: int) -> tuple[float, float]:
    """Return level and difference in dB of one repaint."""
    source = studio.clip(prompt, SECONDS, seed, finished=True)
    part = {"repaint_start": START, "repaint_end": END}
    raw, finished = (
        studio.clip(prompt, SECONDS, seed + 1, Task.REPAINT, source, part, finished=finished).wave
        for finished in (False, True)
    )
    kept = (np.abs(raw - source.wave) < SAME).all(0)
    kept[:EDGE] = kept[-EDGE:] = False
    before, after = source.wave[:, kept].astype(np.float64), finished[:, kept].astype(np.float64)
    gain = float((before * after).sum() / (before**2).sum())
    rest = float(((after - gain * before) ** 2).sum() / ((gain * before) ** 2).sum())
    return 20 * np.log10(gain), 10 * np.log10(rest)


def main() -> None:
    """Print a table in Markdown."""
    print(f"Processor: {processor()}\n\n| model | prompt | level | difference |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for mode in Mode:
            studio = Studio(mode, Path(folder))
            for seed, prompt in enumerate(PROMPTS, 1):
                level, difference = measured(studio, prompt, 10 * seed)
                print(
                    f"| {mode} | {prompt} | {level:+.2f} dB | {difference:.1f} dB |".replace("-", "−"),
                    flush=True,
                )


if __name__ == "__main__":
    main()
