"""`AR_ENGINE=audiocraft` as an engine: audiocraft's own generate on the files that our engine reads."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from bot.engines import registry
from bot.engines.base import Engine
from bot.errors import InvalidRecipe, ModelMissing
from bot.recipe import Mode, Recipe
from tests.engines.checkpoint_files import shapes, write_musicgen
from tests.engines.context import rendered

KINDS: dict[str, dict[str, Any]] = {"mono": {}, "stereo": {"stereo": True}, "melody": {"melody": True}}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for kind, how in KINDS.items():
        write_musicgen(folder / kind, **how)
    return folder


@pytest.fixture(scope="module")
def engines(models: Path) -> dict[str, Engine]:
    return {kind: registry.load(Mode.AR, f"audiocraft:{models / kind}", "cpu", "auto") for kind in KINDS}


def recipe(engine: Engine, **changes: object) -> Recipe:
    values = {
        "prompt": "calm piano",
        "mode": Mode.AR,
        "model": engine.capabilities.model,
        "seconds": 2.05,
        "seed": 1,
    }
    return Recipe.from_dict(values | changes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_is_rendered(kind: str, engines: dict[str, Engine]) -> None:
    engine = engines[kind]
    assert engine.capabilities.title == f"{kind} (audiocraft)"
    state = torch.random.get_rng_state()
    one, other = recipe(engine), recipe(engine, seed=2, seconds=1.5)
    first, second = rendered(engine, one, other), rendered(engine, other, one)
    assert (torch.random.get_rng_state() == state).all()
    assert not first.errors
    assert first.waves[1].shape == (engine.capabilities.channels, round(2.05 * 32_000))
    assert (first.waves[1] == second.waves[2]).all()
    assert (first.waves[2] == second.waves[1]).all()
    assert (first.waves[1][:, :100] != first.waves[2][:, :100]).any()
    done, total = first.updates[1][-1]
    assert done == total
    assert len(first.updates[1]) >= 20
    assert engines[kind].precision == "float32"


def test_a_long_clip_and_what_is_not_taken(engines: dict[str, Engine]) -> None:
    engine = engines["mono"]
    context = rendered(engine, recipe(engine, seconds=32), recipe(engine, num_sampling_steps=9))
    assert context.waves[1].shape == (1, 32 * 32_000)
    assert isinstance(context.errors[2], InvalidRecipe)


def test_options_reach_audiocraft(engines: dict[str, Engine]) -> None:
    engine = engines["mono"]
    changes: list[dict[str, object]] = [{}, {"top_k": 2}, {"top_p": 0.5}, {"temperature": 0.5}]
    context = rendered(engine, *(recipe(engine, **change) for change in changes))
    assert len({wave.tobytes() for wave in context.waves.values()}) == len(changes)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_cancelled_clip_is_dropped_and_the_next_one_is_itself(
    share: float, engines: dict[str, Engine]
) -> None:
    engine = engines["mono"]
    alone = rendered(engine, recipe(engine))
    context = rendered(engine, recipe(engine, seconds=5), recipe(engine), cancel={1: share})
    assert set(context.waves) == {2}
    assert (context.waves[2] == alone.waves[1]).all()


@pytest.mark.parametrize(("kind", "name"), [("mono", "audiocraft_lm"), ("melody", "audiocraft_melody_lm")])
def test_the_manifests_are_audiocrafts_classes(kind: str, name: str, engines: dict[str, Engine]) -> None:
    from tests.engines.checkpoint_files import TINY

    model = engines[kind].model.lm  # type: ignore[attr-defined]
    assert shapes(name, TINY) == {n: tuple(t.shape) for n, t in model.state_dict().items()}


def test_what_cannot_be_run_is_said(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelMissing, match="audiocraft runs a MusicGen, and antiphon-tiny-ar is none"):
        registry.describe(Mode.AR, "audiocraft:antiphon-tiny-ar")
    with pytest.raises(ModelMissing, match="name it in MODELS"):
        registry.describe(Mode.DIFFUSION, f"audiocraft:{models / 'mono'}")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "audiocraft" else find(name)
    )
    with pytest.raises(ModelMissing, match="audiocraft is not installed"):
        registry.describe(Mode.AR, f"audiocraft:{models / 'mono'}")
    with pytest.raises(ModelMissing, match="audiocraft is not installed"):
        registry.load(Mode.AR, f"audiocraft:{models / 'mono'}", "cpu", "auto")


def test_a_melodys_file_is_followed(engines: dict[str, Engine], tmp_path: Path) -> None:
    engine = engines["melody"]
    tune = tmp_path / "tune.wav"
    time = np.arange(64_000) / 16_000
    soundfile.write(tune, 0.5 * np.sin(2 * np.pi * 440 * time), 16_000)
    digest = hashlib.sha256(tune.read_bytes()).hexdigest()
    context = rendered(engine, recipe(engine), recipe(engine, melody=digest), melody=tune)
    assert not context.errors
    assert context.waves[1].shape == context.waves[2].shape
    assert (context.waves[1] != context.waves[2]).any()
    without = rendered(engine, recipe(engine, melody=digest))
    assert "not here" in str(without.errors[1])
    refused = rendered(engines["mono"], recipe(engines["mono"], melody=digest), melody=tune)
    assert "`melody` does nothing" in str(refused.errors[1])
