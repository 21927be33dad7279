"""The measuring: each model in a worker of its own, as the bot runs it, one clip after another."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from bot.comparison.assemble import model_found
from bot.comparison.clip import ClipMeter
from bot.comparison.plan import Measured, Planned, measured_of, plan
from bot.comparison.results import Comparison, ModelFound
from bot.config import Settings
from bot.errors import RenderError, UserError, WorkerDied
from bot.executor.child import ChildExecutor
from bot.executor.link import Died
from bot.executor.protocol import Failed, Ready, Render, Rendered, Up
from bot.machine import device_name
from bot.recipe import Recipe
from bot.recipe.capabilities import Capabilities

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
    plans = [plan(prompt, engine, settings, lengths, seeds, sweep=sweep) for engine in engines]
    meter = ClipMeter(prompt)
    found = [
        await _measure(planned, engine, settings, module, meter, report)
        for planned, engine in zip(plans, engines, strict=True)
    ]
    return Comparison(prompt=prompt, processor=device_name(), seeds=list(range(1, seeds + 1)), models=found)


async def _measure(
    planned: list[Planned],
    engine: Capabilities,
    settings: Settings,
    module: str,
    meter: ClipMeter,
    report: Report,
) -> ModelFound:
    executor = ChildExecutor.configured(
        settings, module, warm=engine.model_ref, device=settings.worker_devices[0]
    )
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="antiphon-") as folder:
        path = Path(folder, "clip.wav")
        async with aclosing(executor.events()) as events:
            try:
                for number, one in enumerate(planned, 1):
                    facts = await _render(executor, events, number, one.recipe, path)
                    sound = await asyncio.to_thread(meter.measure, path)
                    measured.append(measured_of(facts, sound))
                    report(engine.title, number / len(planned))
            finally:
                await executor.close()
    return model_found(list(zip(planned, measured, strict=True)))


async def _render(
    executor: ChildExecutor, events: AsyncGenerator[Up | Died, None], job: int, recipe: Recipe, path: Path
) -> Mapping[str, Any]:
    """Render one clip to a file and return its facts."""
    if job > 1:
        await executor.render(Render(job, recipe, str(path), _UNLIMITED_BYTES, {}, False))
    async for event in events:
        match event:
            case Ready() if executor.sent < job:
                await executor.render(Render(job, recipe, str(path), _UNLIMITED_BYTES, {}, False))
            case Rendered(job_id=done) if done == job:
                return event.facts
            case Failed(kind="refused"):
                raise UserError(event.message)
            case Failed():
                raise RenderError(f"{event.message}\n{event.detail}".strip())
            case Died(reason):
                raise WorkerDied(reason)
    raise WorkerDied("The worker stopped unexpectedly. Try again, and run `antiphon doctor` if it stays.")
