"""Takes: each one is the clip that its own seed makes alone, whatever is rendered beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.engines import registry
from bot.engines.base import Engine
from bot.engines.musicgen import slots
from bot.engines.score import BUILT_IN, load
from bot.engines.score.ar import ArEngine
from bot.engines.score.engine import finished
from bot.engines.score.format import from_frames
from bot.engines.score.sections import Section
from bot.engines.threads import one_thread
from bot.jobs.takes import recipes_of
from bot.recipe import Mode, Recipe
from tests.engines.checkpoint_files import write_musicgen
from tests.engines.context import RecordingContext, rendered
from tests.engines.diffusion.checkpoints import write_pipeline

TOLERANCE = 1e-5
"""Of the loudest sample, −100 dB: what docs/models.md promises for diffusion."""


def recipe(mode: Mode, model: str, **changes: Any) -> Recipe:
    known = {"prompt": "slow piano, then drums", "mode": mode, "model": model, "seconds": 5.2, "seed": 11}
    return Recipe.from_dict(known | changes)


def alone(engine: Engine, takes: list[Recipe]) -> list[np.ndarray]:
    """Render each take as the only job of its run."""
    contexts = [rendered(engine, take) for take in takes]
    assert [context.errors for context in contexts] == [{}] * len(takes)
    return [context.waves[1] for context in contexts]


def together(engine: Engine, takes: list[Recipe]) -> list[np.ndarray]:
    """Render all takes in one run."""
    context = rendered(engine, *takes)
    assert context.errors == {}
    return [context.waves[number] for number in range(1, len(takes) + 1)]


def all_differ(waves: list[np.ndarray]) -> bool:
    return all(not np.array_equal(one, other) for n, one in enumerate(waves) for other in waves[:n])


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("stereo", [False, True])
def test_musicgens_takes_in_slots_are_those_alone_bit_for_bit(
    dtype: str, stereo: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_musicgen(tmp_path / "musicgen", stereo=stereo)
    takes = recipes_of(recipe(Mode.AR, str(folder)), 4)
    several = registry.load(Mode.AR, str(folder), "cpu", dtype)
    monkeypatch.setattr(slots, "MOST", 1)
    one = registry.load(Mode.AR, str(folder), "cpu", dtype)
    assert (one.capabilities.slots, several.capabilities.slots) == (1, 8)
    admitted: list[int] = []

    class Watching(RecordingContext):
        def progress(self, job: Any, done: int, total: int) -> None:
            admitted.append(len(self.waiting))
            super().progress(job, done, total)

    context = Watching(*takes)
    several.run(context)
    assert set(admitted) == {0}, "all takes are in their slots before the first step"
    expected = alone(one, takes)
    assert all_differ(expected)
    for number, wave in enumerate(expected, 1):
        assert np.array_equal(context.waves[number], wave)


def test_built_in_ars_takes_in_slots_are_those_alone_bit_for_bit() -> None:
    engine = load(Mode.AR, BUILT_IN["antiphon-tiny-ar"])
    assert isinstance(engine, ArEngine)
    takes = recipes_of(recipe(Mode.AR, engine.capabilities.model), 4)
    expected = alone(engine, takes)
    assert all_differ(expected)
    rows = [engine.row(take, Section(seconds=take.seconds, seed=take.seed)) for take in takes]
    guidance = engine.option(takes[0], "guidance_scale")
    with one_thread():
        engine.decode([take.prompt for take in takes], rows, guidance, lambda done, total: None)
    for take, row, wave in zip(takes, rows, expected, strict=True):
        score = finished(from_frames(row.result()))
        assert np.array_equal(engine.sampler.render(score, take.seconds, take.seed), wave)


@pytest.mark.parametrize("kind", ["built-in", "ace_step", "stable_audio"])
def test_diffusions_takes_are_those_alone(kind: str, tmp_path: Path) -> None:
    model, seconds = "antiphon-tiny-diffusion", 5.2
    if kind != "built-in":
        model, seconds = str(write_pipeline(tmp_path / kind, kind)), 10.0 if kind == "ace_step" else 1.5
    engine = registry.load(Mode.DIFFUSION, model, "cpu", "auto")
    takes = recipes_of(recipe(Mode.DIFFUSION, model, seconds=seconds, num_sampling_steps=4), 4)
    expected = alone(engine, takes[::-1])[::-1]
    assert all_differ(expected)
    for wave, other in zip(together(engine, takes), expected, strict=True):
        assert np.abs(wave - other).max() <= TOLERANCE * np.abs(other).max()
