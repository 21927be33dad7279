"""Draw `docs/listen.md`: `python -m training.listen docs`.

Twelve prompts in both modes, with pictures of their spectra.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from bot.comparison.judge import Judge
from bot.engines.base import Engine, RenderRequest
from bot.engines.score import BUILT_IN, load
from bot.recipe import Mode, Recipe

SECONDS, SEED = 10.0, 7
PROMPTS = (
    "mellow lofi hip hop for late night studying",
    "driving dark techno at 130 bpm",
    "sad violin solo",
    "heroic movie trailer music with choir",
    "bouncy chiptune for a platform game level",
    "swinging jazz trio with saxophone",
    "dark cyberpunk synthwave for a neon city at night",
    "campfire folk with harmonica",
    "elegant cello and harp duet",
    "creepy horror music with church organ",
    "intense boss battle theme",
    "start with solo piano, then add violin, finally drums",
)

INTRODUCTION = """# Listen

Twelve prompts in both modes, by the two models that ship with the project: ten seconds each, seed
7, default options, first take. The pictures show how the power of 0 to 8 kHz runs over time:
stacked lines are harmonics of notes, upright strokes are drums. Below each: what the judge
(`bot/weights/judge/`) hears in it, and the commands that make the same two clips again.

**To hear first:** [four clips with their pictures](listen/listen.mp4), or as MP3:
[lofi, ar](listen/lofi-ar.mp3), [chiptune, ar](listen/chiptune-ar.mp3), [film, ar](listen/epic-ar.mp3),
[techno, diffusion](listen/techno-diffusion.mp3). They have 12 seconds and seed 7 as well, at 96 kbit/s to
keep this repository small; the bot posts up to 320 kbit/s. `python -m training.demo docs/listen` makes them
again.
"""


class RecordingContext:
    """Hands out one job and keeps its wave."""

    def __init__(self, recipe: Recipe) -> None:
        self._jobs = [RenderRequest(1, recipe)]
        self.wave: np.ndarray | None = None

    def next(self, compatible: Callable[[Recipe], bool]) -> RenderRequest | None:
        """Return the job, once."""
        return self._jobs.pop() if self._jobs and compatible(self._jobs[0].recipe) else None

    def warn(self, job: RenderRequest, sentence: str) -> None:
        """Pass over it."""

    def heartbeat(self) -> None:
        """Pass over it."""

    def progress(self, job: RenderRequest, done: int, total: int) -> None:
        """Pass over it."""

    def cancelled(self, job: RenderRequest) -> bool:
        """Never."""
        return False

    def preview(self, job: RenderRequest, wave: np.ndarray) -> None:
        """Pass over it."""

    def done(self, job: RenderRequest, wave: np.ndarray, *, score: str = "") -> None:
        """Keep the clip."""
        self.wave = wave

    def failed(self, job: RenderRequest, error: Exception) -> None:
        """Raise it."""
        raise error


def clip(engine: Engine, prompt: str) -> np.ndarray:
    """Return the clip of a prompt, float32 [2, n], with the model's default options."""
    c = engine.capabilities
    context = RecordingContext(Recipe(prompt=prompt, mode=c.mode, model=c.model, seconds=SECONDS, seed=SEED))
    engine.run(context)
    assert context.wave is not None
    return context.wave


def draw(path: Path, prompt: str, waves: dict[Mode, np.ndarray], rate: int) -> None:
    """Write one picture: the spectrogram of each mode's clip, 0 to 8 kHz, the same scale."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 2.6), sharey=True, layout="constrained")
    for axis, (mode, wave) in zip(axes, waves.items(), strict=True):
        axis.specgram(
            wave.mean(0) + 1e-6 * np.random.default_rng(0).standard_normal(wave.shape[1]),
            NFFT=1024,
            noverlap=512,
            Fs=rate / 1000,
            vmin=-95,
            vmax=-15,
            cmap="magma",
        )
        ticks = np.arange(0, 11, 2)
        axis.set(title=f"{mode.value}", ylim=(0, 8), xticks=1000 * ticks, xticklabels=ticks, xlabel="seconds")
    axes[0].set_ylabel("kHz")
    figure.suptitle(prompt, fontsize=10)
    figure.savefig(path, dpi=72, pil_kwargs={"quality": 80})
    plt.close(figure)


def main() -> None:
    """Draw as the command line asks."""
    parser = argparse.ArgumentParser(description="Draw docs/listen.md.")
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    mpl.use("Agg")
    pictures = args.folder / "listen"
    pictures.mkdir(parents=True, exist_ok=True)
    judge = Judge()
    engines = {
        engine.capabilities.mode: engine for engine in (load(m, BUILT_IN[f"antiphon-tiny-{m}"]) for m in Mode)
    }
    lines = [INTRODUCTION]
    for number, prompt in enumerate(PROMPTS, 1):
        waves = {mode: clip(engine, prompt) for mode, engine in engines.items()}
        rate = engines[Mode.AR].capabilities.sample_rate
        name = f"{number:02d}.jpg"
        draw(pictures / name, prompt, waves, rate)
        lines += [
            f"## {number}. {prompt}",
            "",
            f"![Spectrograms of “{prompt}” in both modes](listen/{name})",
            "",
        ]
        for mode, wave in waves.items():
            found = judge.classify(wave, rate)
            families = ", ".join(f for f in judge.families if judge.has(found, f)) or "no instrument it knows"
            lines.append(
                f"- `{mode.value}`: {found.scene}, about {found.tempo:.0f} beats a minute; {families}."
            )
        lines += ["", "```sh"]
        for mode in waves:
            options = (
                f"--mode {mode.value} --seconds {SECONDS:g} --seed {SEED} -o {number:02d}-{mode.value}.mp3"
            )
            lines.append(f'antiphon generate "{prompt}" {options}')
        lines += ["```", ""]
    (args.folder / "listen.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
