"""What both built-in engines share.

Progress, and the sampler at the end.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.audio.tags import read_score
from bot.engines.base import RenderContext, RenderRequest
from bot.engines.checkpoints.stored import StoredTensors, entries
from bot.engines.checkpoints.weights import load_strict
from bot.engines.score.bank import SAMPLE_RATE, Bank
from bot.engines.score.config import ScoreConfig
from bot.engines.score.format import Score, repaired
from bot.engines.score.known import Known, continued, repainted, with_length
from bot.engines.score.looping import looped, seconds_to_write
from bot.engines.score.sampler import Sampler
from bot.engines.score.sections import Opening, Section, write_sections
from bot.engines.score.sentences import SentenceEncoder, Vectors
from bot.engines.score.serialize import from_text, to_text
from bot.engines.score.silence import without_dead_notes, without_silence
from bot.engines.score.steer import named_instruments
from bot.engines.score.styles import StyleReader
from bot.engines.score.tuning import in_tune
from bot.engines.serial import SerialEngine, raise_if_cancelled
from bot.engines.sources import CROSSFADE_SECONDS, fitted, read_source, splice
from bot.engines.threads import one_thread
from bot.errors import InvalidRecipe
from bot.recipe import Recipe, Role, Task
from bot.recipe.capabilities import Capabilities, option

if TYPE_CHECKING:
    import torch

    from bot.engines.base import Wave

MAX_QUOTED = 3
"""Clauses without a known word that the warning quotes."""
STYLES_FILE = "styles/model.safetensors"
SECTION_STEPS = 1_000
"""Progress that a section of a long clip counts for; the steps of a section differ from model to model."""
PLAYING_STEPS = 10
"""Progress that playing the score counts for, beside the model's own steps."""


class ScoreEngine(SerialEngine):
    """Writes scores with a model and plays them, one job after another."""

    def __init__(self, score_config: ScoreConfig, device: str) -> None:
        self.device = device
        self.capabilities: Capabilities = score_config.capabilities
        self.sentences = SentenceEncoder()
        path = score_config.folder / STYLES_FILE
        self.styles = StyleReader()
        load_strict(self.styles, load_weights(path), score_config.folder, "reader of styles")
        self.styles.eval()
        self.sampler = Sampler(Bank(score_config.sounds))

    def write(
        self,
        recipe: Recipe,
        step: Callable[[int, int], None],
        source: Score | None = None,
        opening: Opening | None = None,
    ) -> Score:
        """Return the score of a recipe; calls step(done, total) as it goes.

        source: the score of the clip that the recipe is made from.  opening: is offered the first bars while
        the rest is written. Raises InvalidRecipe.
        """

        def write_section(section: Section) -> Score:
            def on_step(done: int, total: int) -> None:
                if section.of > 1:
                    done, total = (
                        round(SECTION_STEPS * (section.number + done / total)),
                        SECTION_STEPS * section.of,
                    )
                step(done, total)

            if section.later or opening is None:
                return self.write_section(recipe, section, on_step)
            score = self.write_section(recipe, section, on_step, opening)
            if section.of > 1:
                opening.offer(score)
            return score

        asked = recipe.seconds
        if recipe.loops:
            recipe = recipe.with_seconds(seconds_to_write(asked, source))
        known = None if source is None else self.known(recipe, source)
        score = write_sections(write_section, recipe.seconds, recipe.seed, known)
        return finished(looped(score, asked, source) if recipe.loops else score, known)

    def conditioning(self, prompt: str) -> tuple[Vectors, npt.NDArray[np.int64]]:
        """Return embeddings [n, 512] and kinds [n] of a prompt, its clauses, and the style read in them."""
        return self.styles.with_style(*self.sentences.conditioning(prompt))

    @abstractmethod
    def write_section(
        self,
        recipe: Recipe,
        section: Section,
        step: Callable[[int, int], None],
        opening: Opening | None = None,
    ) -> Score:
        """Return the score of a section's bars that are kept; calls step(done, total) as it goes.

        opening: is offered the first bars by a model that has them before the others.
        """

    @abstractmethod
    def known_of_variation(self, recipe: Recipe, source: Score) -> Known:
        """Return what a variation or hybrid keeps of a source of the recipe's length, token by token."""

    def known(self, recipe: Recipe, source: Score) -> Known | None:
        """Return what the clip of a recipe keeps of its source, None for nothing. Raises InvalidRecipe."""
        if recipe.task is Task.HYBRID and self.option(recipe, "structure") == 0:
            # Not even tempo, metre and key: with them the scene of the prompt would be half reached.
            return None
        if recipe.task is Task.CONTINUE:
            known = continued(source, recipe.seconds)
            if not known.free_steps.any():
                raise InvalidRecipe("The clip to continue is as long as that already. Ask for more seconds.")
            return known
        source = with_length(source, recipe.seconds)
        if recipe.task is Task.REPAINT:
            return repainted(source, *repainted_part(recipe))
        return self.known_of_variation(recipe, source)

    def heeds(self, negative: str) -> bool:
        """Tell whether a negative prompt has any effect: where it names an instrument of the model."""
        return bool(named_instruments(negative))

    def option(self, recipe: Recipe, name: str) -> float:
        """Return an option of a recipe, or the model's default where the recipe leaves it open."""
        return option(recipe, self.capabilities, name)

    def render(self, context: RenderContext, job: RenderRequest) -> None:
        """Write a job's score and play it."""
        total = 1
        if unknown := self.sentences.unknown(job.recipe.prompt):
            quoted = ", ".join(f"“{clause}”" for clause in unknown[:MAX_QUOTED])
            context.warn(job, f"The built-in model knows no word of {quoted}, and chose freely there.")

        negative = job.recipe.text("negative_prompt")
        if negative and not self.heeds(negative):
            context.warn(job, "In `negative`, this model understands instruments only; it found none there.")

        def step(done: int, steps: int) -> None:
            nonlocal total
            total = steps + PLAYING_STEPS
            raise_if_cancelled(context, job)
            context.progress(job, done, total)

        def on_progress(share: float) -> None:
            raise_if_cancelled(context, job)
            context.progress(job, total - PLAYING_STEPS + math.floor(share * PLAYING_STEPS), total)

        file = next((job.sources[role] for role in (Role.START, Role.INITIAL) if role in job.sources), None)
        source = None if file is None else from_text(read_score(file))
        recipe, opening = job.recipe, None

        first = finished if source is None else without_silence

        def play(first_bars: Score) -> None:
            context.preview(job, self.sampler.render(first(first_bars), seconds, recipe.seed))

        # What loops is cut out of what is written, and may begin elsewhere.
        if (seconds := job.preview_seconds) and not recipe.loops:
            opening = Opening(seconds, play)
        with one_thread():
            score = self.write(recipe, step, source, opening)
        wave = self.sampler.render(score, recipe.seconds, recipe.seed, on_progress, loop=recipe.loops)
        if recipe.task is Task.REPAINT:
            kept = read_source(job.sources, recipe, Role.INITIAL, SAMPLE_RATE)
            wave = _repainted(kept, wave, *_seams(recipe, score, wave.shape[1]), loop=recipe.loops)
        context.done(job, wave, score=to_text(score))


def finished(score: Score, known: Known | None = None) -> Score:
    """Return what is played of a score that a model wrote: from the first beat on, in tune, without holes.

    What is kept of a source, known, is not tuned.
    """
    score = without_silence(score)
    mended = without_dead_notes(in_tune(score))
    if known is None:
        return mended
    if known.free_steps.shape != score.grid.shape:
        return score
    return repaired(replace(score, grid=np.where(known.free_steps, mended.grid, score.grid)))


def repainted_part(recipe: Recipe) -> tuple[float, float]:
    """Return where the part that a repaint makes anew begins and ends, in seconds."""
    return float(recipe.options["repaint_start"]), float(recipe.options["repaint_end"])


def _seams(recipe: Recipe, score: Score, samples: int) -> tuple[int, int]:
    """Return the samples at which the bars begin and end that a repaint makes anew. samples: of the clip."""
    free = np.asarray(repainted(score, *repainted_part(recipe)).free_programs.any(1))
    bar = score.steps_per_bar * score.seconds_per_step
    bars = np.flatnonzero(free)
    end = samples if bars[-1] == len(free) - 1 else round((bars[-1] + 1) * bar * SAMPLE_RATE)
    return round(bars[0] * bar * SAMPLE_RATE), end


def _repainted(kept: Wave, made: Wave, start: int, end: int, *, loop: bool = False) -> Wave:
    """Return a source [2, samples] with the samples from start to end made anew, at the source's level.

    loop: its end is followed by its beginning, also at a seam there.
    """
    source, samples = fitted(kept, made.shape[1]), made.shape[1]
    if loop and end - start < samples:
        middle = (samples - start - end) // 2
        source, made = np.roll(source, middle, axis=1), np.roll(made, middle, axis=1)
        return np.roll(_repainted(source, made, start + middle, end + middle), -middle, axis=1)
    outside = np.ones(samples, bool)
    outside[start:end] = False
    # The source is mastered, the sampler's wave is not: its level where both play the same notes tells.
    if outside.any() and (level := float(np.mean(made[:, outside] ** 2))) > 0:
        made = made * np.float32((np.mean(source[:, outside] ** 2) / level) ** 0.5)
    # The seam ends where the bar begins, so that the first note has its whole attack.
    first = max(0, start - round(CROSSFADE_SECONDS * SAMPLE_RATE))
    return splice(source, made, first, end, SAMPLE_RATE)


def torch_dtype(dtype: torch.dtype | str | None) -> torch.dtype:
    """Return a torch dtype from one, its name, or None for float32.

    int8 and int4 are too coarse for models this small. Raises ValueError for a name that is none.
    """
    import torch

    if isinstance(dtype, torch.dtype):
        return dtype
    names = {
        None: torch.float32,
        "auto": torch.float32,
        "int8": torch.float32,
        "int4": torch.float32,
        "float32": torch.float32,
        "fp32": torch.float32,
        "bfloat16": torch.bfloat16,
        "bf16": torch.bfloat16,
        "float16": torch.float16,
        "fp16": torch.float16,
    }
    if dtype not in names:
        raise ValueError(f"{dtype} is not a number format: float32, bfloat16 or float16 is.")
    return names[dtype]


def load_weights(path: Path) -> dict[str, torch.Tensor]:
    """Return a safetensors file as float32 tensors. Raises ModelMissing if it is not one."""
    return {name: tensor.float() for name, tensor in StoredTensors(entries(path)).items()}
