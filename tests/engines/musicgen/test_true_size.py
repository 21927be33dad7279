"""One clip at the true shapes of facebook/musicgen-small, from a file of the published layout."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch

from bot.engines import registry
from bot.recipe import Mode, Recipe
from tests.engines.checkpoint_files import manifest, shapes, write_musicgen
from tests.engines.context import rendered


def test_musicgen_small_renders_at_its_true_shapes(tmp_path: Path) -> None:
    sizes = manifest("musicgen")["published"]["facebook/musicgen-small"]
    # In half precision, as the stereo models are published: half the disk and the reading.
    folder = write_musicgen(tmp_path / "musicgen-small", sizes=sizes, dtype=torch.float16)
    stored = sum(map(math.prod, shapes("musicgen", sizes).values()))
    assert abs(registry.parameters(Mode.AR, str(folder)) / stored - 1) < 0.02  # type: ignore[operator]
    described = registry.describe(Mode.AR, str(folder))
    assert described.options["top_k"].default == 250
    engine = registry.load(Mode.AR, str(folder), "cpu", "float32")
    recipe = Recipe(prompt="calm piano", mode=Mode.AR, model=str(folder), seconds=1, seed=0)
    context = rendered(engine, recipe)
    engine.close()
    assert not context.errors
    wave = context.waves[1]
    assert wave.shape == (1, 32_000)
    assert np.isfinite(wave).all()
    assert wave.std() > 0.01
    assert context.updates[1][-1][0] == context.updates[1][-1][1]
