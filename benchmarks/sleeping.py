"""Sleep-bound engines, for the throughput of dispatch and delivery without rendering.

SLEEP_SECONDS in the environment: seconds a clip.
"""

from __future__ import annotations

import os
import time

import numpy as np

from bot.engines.base import RenderContext
from bot.recipe import Mode
from bot.recipe.capabilities import Capabilities

__all__ = ["describe", "fits", "is_device_fault", "is_out_of_memory", "load", "parameters", "release"]

RATE = 32_000
STEPS = 20


class SleepingEngine:
    """Reports progress as an engine does, and gives a tone of the length that was asked for."""

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self.device = "cpu"
        self.precision = ""

    def run(self, context: RenderContext) -> None:
        while job := context.next(lambda recipe: recipe.model == self.capabilities.model):
            for step in range(STEPS):
                context.progress(job, step, STEPS)
                time.sleep(float(os.environ["SLEEP_SECONDS"]) / STEPS)
            phase = 2 * np.pi * 440 * np.arange(round(job.recipe.seconds * RATE)) / RATE
            context.done(job, np.asarray(np.sin(phase)[None] / 4, np.float32))

    def close(self) -> None:
        pass


def mode_of(model: str) -> Mode:
    """Return the mode that a name ends with."""
    return Mode.DIFFUSION if model.endswith("diffusion") else Mode.AR


def describe(mode: Mode, model: str) -> Capabilities:
    return Capabilities(
        mode=mode,
        model=model,
        title="sleep",
        licence="MIT",
        sample_rate=RATE,
        channels=1,
        min_seconds=1,
        max_seconds=60,
        prompt_tokens=64,
    )


def load(mode: Mode, model: str, device: str, dtype: str) -> SleepingEngine:
    return SleepingEngine(describe(mode, model))


def parameters(mode: Mode, model: str) -> int | None:
    return None


def fits(mode: Mode, model: str, device: str, dtype: str, **_: object) -> bool:
    return True


def release() -> None:
    pass


def is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError)


def is_device_fault(error: BaseException) -> bool:
    return False
