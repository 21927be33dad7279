"""What both built-in engines share.

Progress, and the sampler at the end.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bot.engines.base import RenderContext, RenderRequest
from bot.engines.checkpoints.stored import StoredTensors, entries
from bot.engines.score.bank import Bank
from bot.engines.score.config import ScoreConfig
from bot.engines.score.format import Score
from bot.engines.score.sampler import Sampler
from bot.engines.score.sentences import SentenceEncoder
from bot.engines.score.steer import named_instruments
from bot.engines.serial import SerialEngine, raise_if_cancelled
from bot.recipe import Recipe
from bot.recipe.capabilities import Capabilities, option

if TYPE_CHECKING:
    import torch

MAX_QUOTED = 3
"""Clauses without a known word that the warning quotes."""
PLAYING_STEPS = 10
"""Progress that playing the score counts for, beside the model's own steps."""


class ScoreEngine(SerialEngine):
    """Writes scores with a model and plays them, one job after another."""

    def __init__(self, score_config: ScoreConfig, device: str) -> None:
        self.device = device
        self.capabilities: Capabilities = score_config.capabilities
        self.sentences = SentenceEncoder()
        self.sampler = Sampler(Bank(score_config.sounds))

    @abstractmethod
    def write(self, recipe: Recipe, step: Callable[[int, int], None]) -> Score:
        """Return the score of a recipe; calls step(done, total) as it goes."""

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

        with one_thread():
            score = self.write(job.recipe, step)
        wave = self.sampler.render(score, job.recipe.seconds, job.recipe.seed, on_progress)
        context.done(job, wave)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: products this small take longer to share out than to compute."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def torch_dtype(dtype: torch.dtype | str | None) -> torch.dtype:
    """Return a torch dtype from one, its name, or None for float32; int8 is too coarse for models this small.

    Raises ValueError for a name that is none.
    """
    import torch

    if isinstance(dtype, torch.dtype):
        return dtype
    names = {
        None: torch.float32,
        "auto": torch.float32,
        "int8": torch.float32,
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
