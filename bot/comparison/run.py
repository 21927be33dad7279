"""The measuring: each model in a worker of its own, as the bot runs it, one clip after another."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from bot.comparison.measures import band_share, loudness_range, spread, tempo_drift, third_octaves
from bot.comparison.results import SOUND_SECONDS, Comparison, ModelFound, Sound, StepsFound
from bot.config import Settings
from bot.errors import RenderError, UserError, WorkerDied
from bot.executor.child import ChildExecutor
from bot.executor.link import Died
from bot.executor.protocol import Failed, Ready, Render, Rendered, Up
from bot.machine import TorchUnavailable, probe, processor
from bot.memory import peak_resident_bytes, resident_bytes
from bot.recipe import Recipe
from bot.recipe.build import build_recipe, longest_seconds
from bot.recipe.capabilities import Capabilities
from bot.recipe.options import STEPS

if TYPE_CHECKING:
    from bot.audio.meter import Wave

SWEPT = (2, 4, 8, 16, 30, 50, 100)
_WARM_SECONDS = 10.0
_UNLIMITED_BYTES = 1 << 40

Report = Callable[[str, float], None]
"""Called with the name of a model and how much of it is done, 0 to 1."""


async def compare(
    prompt: str,
    engines: Sequence[Capabilities],
    settings: Settings,
    module: str,
    *,
    lengths: Sequence[float],
    seeds: int,
    sweep: bool,
    report: Report,
) -> Comparison:
    """Render and measure clips of each model. Raises UserError for a refused prompt, RenderError.

    module: of the engines.  sweep: whether to measure steps against time, where a model has them.
    """
    found = []
    for engine in engines:
        clips = _clips(prompt, engine, settings, lengths, seeds)
        by_steps = _by_steps(clips[0], engine) if sweep else []
        found.append(await _measure(clips, by_steps, engine, settings, module, report))
    return Comparison(prompt=prompt, processor=_device(), seeds=list(range(1, seeds + 1)), models=found)


def _device() -> str:
    """Name the GPU or the processor of this machine."""
    try:
        if gpus := probe().gpus:
            return gpus[0][0]
    except TorchUnavailable:
        pass
    return processor()


def _clips(
    prompt: str, engine: Capabilities, settings: Settings, lengths: Sequence[float], seeds: int
) -> list[Recipe]:
    """Return what a model renders: each seed at each length that it can make. Raises UserError for none."""
    longest = longest_seconds(engine, settings)
    made = [length for length in lengths if engine.min_seconds <= length <= longest]
    if not made:
        raise UserError(f"{engine.title} makes clips of {engine.min_seconds:g} to {longest:g} s here.")
    return [
        build_recipe(engine, settings, prompt=prompt, seconds=seconds, seed=seed)
        for seconds in made
        for seed in range(1, seeds + 1)
    ]


def _by_steps(clip: Recipe, engine: Capabilities) -> list[Recipe]:
    """Return the sweep: one clip with each number of steps, fewest first; empty where a model has none."""
    bounds = engine.options.get(STEPS)
    if bounds is None:
        return []
    return [clip.with_options(**{STEPS: count}) for count in SWEPT if bounds.low <= count <= bounds.high]


async def _measure(
    clips: list[Recipe],
    by_steps: list[Recipe],
    engine: Capabilities,
    settings: Settings,
    module: str,
    report: Report,
) -> ModelFound:
    executor = ChildExecutor.configured(
        settings, module, warm=engine.model_ref, device=settings.worker_devices[0]
    )
    # The first clip pays for loading and compiling, and counts for nothing.
    warm = clips[0].with_seconds(
        min(max(_WARM_SECONDS, engine.min_seconds), longest_seconds(engine, settings))
    )
    times: dict[float, list[float]] = {}
    sounds: list[tuple[Sound, np.ndarray]] = []
    swept: list[tuple[int, float, np.ndarray]] = []
    sound_length = min((recipe.seconds for recipe in clips), key=lambda one: abs(one - SOUND_SECONDS))
    planned = [*clips, *by_steps]
    steady = None
    with tempfile.TemporaryDirectory(prefix="antiphon-") as folder:
        path = Path(folder, "clip.wav")
        async with aclosing(executor.events()) as events:
            try:
                for number, recipe in enumerate([warm, *planned]):
                    taken = await _render(executor, events, number + 1, recipe, path)
                    report(engine.title, (number + 1) / (len(planned) + 1))
                    if number == 0:
                        steady = _gb(resident_bytes(executor.pid or 0))
                        continue
                    wave, rate = await asyncio.to_thread(_read, path)
                    if number > len(clips):
                        swept.append((int(recipe.options[STEPS]), taken, third_octaves(wave, rate)))
                        continue
                    times.setdefault(recipe.seconds, []).append(taken)
                    if recipe.seconds == sound_length:
                        sounds.append((_sound(wave, rate), third_octaves(wave, rate)))
                peak = _gb(peak_resident_bytes(executor.pid or 0))
            finally:
                await executor.close()
    best = swept[-1][2] if swept else np.zeros(0)
    return ModelFound(
        mode=engine.mode.value,
        model=engine.model,
        steady_gb=steady,
        peak_gb=peak,
        seconds=times,
        sounds=[sound for sound, _ in sounds],
        spread=spread([profile for _, profile in sounds]),
        steps=[
            StepsFound(steps, taken, float(np.abs(profile - best).mean())) for steps, taken, profile in swept
        ],
    )


async def _render(
    executor: ChildExecutor, events: AsyncGenerator[Up | Died, None], job: int, recipe: Recipe, path: Path
) -> float:
    """Render one clip to a file and return the seconds that it took, mastering left out."""
    if job > 1:
        await executor.render(Render(job, recipe, str(path), _UNLIMITED_BYTES, {}, False))
    async for event in events:
        match event:
            case Ready() if executor.sent < job:
                await executor.render(Render(job, recipe, str(path), _UNLIMITED_BYTES, {}, False))
            case Rendered(job_id=done) if done == job:
                return float(event.facts["render_seconds"])
            case Failed(kind="refused"):
                raise UserError(event.message)
            case Failed():
                raise RenderError(f"{event.message}\n{event.detail}".strip())
            case Died(reason):
                raise WorkerDied(reason)
    raise WorkerDied("The worker stopped unexpectedly. Try again, and run `antiphon doctor` if it stays.")


def _read(path: Path) -> tuple[Wave, int]:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(samples.T), rate


def _sound(wave: Wave, rate: int) -> Sound:
    return Sound(band_share(wave, rate), tempo_drift(wave, rate), loudness_range(wave, rate))


def _gb(memory_bytes: int) -> float | None:
    """Return GB, or None for the 0 of a system that does not tell."""
    return memory_bytes / 1e9 or None
