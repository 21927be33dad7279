"""The engine's contract with the RenderContext, on checkpoints in the published formats."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from bot.engines.base import Engine
from bot.engines.musicgen import load
from bot.engines.musicgen.engine import MusicgenEngine
from bot.errors import BadAudio, ConfigError, InvalidRecipe
from bot.recipe import Mode, Recipe
from tests.engines.checkpoint_files import write_musicgen
from tests.engines.context import RecordingContext, rendered

KINDS: dict[str, dict[str, Any]] = {
    "mono": {},
    "stereo": {"stereo": True},
    "melody": {"melody": True},
    "stereo-melody": {"melody": True, "stereo": True},
}


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, MusicgenEngine]:
    folder = tmp_path_factory.mktemp("models")
    made = {kind: write_musicgen(folder / kind, **how) for kind, how in KINDS.items()}
    return {kind: engine(path, kind) for kind, path in made.items()}


def engine(folder: Path, model: str = "mono", dtype: str = "auto") -> MusicgenEngine:
    made = load(Mode.AR, model, folder, "cpu", dtype)
    assert isinstance(made, MusicgenEngine)
    return made


def recipe(model: str = "mono", **changes: object) -> Recipe:
    values = {"prompt": "calm piano", "mode": Mode.AR, "model": model, "seconds": 3.21, "seed": 1}
    return Recipe.from_dict(values | changes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_published_checkpoint_renders(kind: str, engines: dict[str, MusicgenEngine]) -> None:
    c = engines[kind].capabilities
    assert (c.sample_rate, c.channels, c.licence) == (32_000, 1 + ("stereo" in kind), "CC-BY-NC-4.0")
    context = rendered(engines[kind], recipe(kind))
    assert not context.errors
    wave = context.waves[1]
    assert wave.shape == (c.channels, round(3.21 * 32_000))
    assert wave.dtype == np.float32
    assert 0.01 < wave.std() < 10
    if c.channels == 2:
        assert (wave[0] != wave[1]).any()
    updates = context.updates[1]
    assert len(updates) >= 3
    assert updates[-1][0] == updates[-1][1]
    shares = [done / total for done, total in updates]
    assert shares == sorted(shares)


@pytest.mark.parametrize("kind", ["mono", "stereo-melody"])
def test_a_recipe_is_one_clip_whatever_was_rendered_before(
    kind: str, engines: dict[str, MusicgenEngine]
) -> None:
    one, other = recipe(kind), recipe(kind, seed=2, prompt="slow guitar and drums", seconds=4.0)
    state = torch.random.get_rng_state()
    first = rendered(engines[kind], one, other)
    torch.rand(7)
    second = rendered(engines[kind], other, one)
    assert (first.waves[1] == second.waves[2]).all()
    assert (first.waves[2] == second.waves[1]).all()
    torch.random.set_rng_state(state)
    rendered(engines[kind], one)
    assert (torch.random.get_rng_state() == state).all()


def test_whatever_a_recipe_says_changes_the_clip(engines: dict[str, MusicgenEngine]) -> None:
    changes: list[dict[str, Any]] = [
        {"seed": 2},
        {"prompt": "drums"},
        {"temperature": 0.5},
        {"top_k": 2},
        {"top_p": 0.5},
        {"guidance_scale": 1.0},
    ]
    context = rendered(engines["mono"], recipe(), *(recipe(**change) for change in changes))
    assert not context.errors
    for number, change in enumerate(changes, 2):
        assert (context.waves[1] != context.waves[number]).any(), change


def test_the_smallest_share_of_the_probability_is_the_likeliest_token(
    engines: dict[str, MusicgenEngine],
) -> None:
    context = rendered(
        engines["mono"], recipe(top_p=1e-6, seed=3), recipe(top_k=1, seed=4), recipe(top_p=1.0)
    )
    plain = rendered(engines["mono"], recipe())
    assert (context.waves[1] == context.waves[2]).all()
    assert (context.waves[3] == plain.waves[1]).all()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.89])
def test_a_cancelled_clip_is_dropped_and_the_next_rendered(
    share: float, engines: dict[str, MusicgenEngine]
) -> None:
    context = rendered(engines["mono"], recipe(seconds=12), recipe(), cancel={1: share})
    assert set(context.waves) == {2}
    assert not context.errors
    done, total = context.updates.get(1, [(0, 1)])[-1]
    assert done < total


def test_a_clip_can_be_cancelled_between_the_codecs_sections(engines: dict[str, MusicgenEngine]) -> None:
    context = rendered(engines["mono"], recipe(seconds=25), recipe(), cancel={1: 0.92})
    assert set(context.waves) == {2}
    done, total = context.updates[1][-1]
    assert 25 * 10 < done < total


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seconds": 301.0}, "1 to 300 seconds"),
        ({"seconds": 0.5}, "1 to 300 seconds"),
        ({"num_sampling_steps": 30}, "`steps` does nothing"),
        ({"negative_prompt": "drums"}, "`negative` does nothing"),
        ({"guidance_scale": 99.0}, "`guidance` can be 1 to 10"),
    ],
)
def test_what_the_model_does_not_take_is_refused_in_words(
    changes: dict[str, Any], says: str, engines: dict[str, MusicgenEngine]
) -> None:
    context = rendered(engines["mono"], recipe(**changes), recipe())
    assert isinstance(context.errors[1], InvalidRecipe)
    assert says in str(context.errors[1])
    assert set(context.waves) == {2}


@pytest.mark.parametrize("prompt", ["🎻", "x" * 1_000, "موسيقى هادئة", "@everyone <@1>"])
def test_any_prompt_makes_a_clip(prompt: str, engines: dict[str, MusicgenEngine]) -> None:
    for kind in ("mono", "melody"):
        context = rendered(engines[kind], recipe(kind, prompt=prompt))
        assert np.isfinite(context.waves[1]).all()


def test_other_models_jobs_are_left_alone(engines: dict[str, MusicgenEngine]) -> None:
    context = RecordingContext(recipe("stereo"))
    engines["mono"].run(context)
    assert len(context.waiting) == 1


def test_a_clip_longer_than_the_window_is_whole(engines: dict[str, MusicgenEngine]) -> None:
    context = rendered(engines["melody"], recipe("melody", seconds=33))
    wave = context.waves[1]
    assert wave.shape == (1, 33 * 32_000)
    assert all(part.std() > 0.01 for part in np.split(wave[0], 33))


@pytest.mark.parametrize(
    "broken", ["decoder.model.decoder.layer_norm.bias", "audio_encoder.decoder.layers.0.conv.bias"]
)
def test_numbers_out_of_range_are_a_failure_not_a_clip(broken: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = write_musicgen(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    tensors[broken][0] = torch.nan
    save_file(tensors, folder / "model.safetensors")
    context = rendered(engine(folder), recipe())
    assert isinstance(context.errors[1], BadAudio)
    assert "out of range" in str(context.errors[1])


def test_half_precision_renders_and_nonsense_is_refused(tmp_path: Path) -> None:
    folder = write_musicgen(tmp_path / "model")
    narrow = engine(folder, dtype="float16")
    assert np.isfinite(rendered(narrow, recipe()).waves[1]).all()
    assert narrow.precision == engine(folder, dtype="auto").precision == "float16"
    assert engine(folder, dtype="float32").precision == "float32"
    with pytest.raises(ConfigError, match="DTYPE=float8 isn't a precision"):
        engine(folder, dtype="float8")


def test_a_melody_is_heard_and_goes_round_in_a_long_clip(engines: dict[str, MusicgenEngine]) -> None:
    made = engines["melody"]
    time = torch.arange(32_000 * 4) / 32_000
    tune = torch.cat([torch.sin(2 * torch.pi * f * time) for f in (440.0, 261.63)])
    plain = made.row(recipe("melody"), key=None).conditions.states  # type: ignore[arg-type]
    row = made.row(recipe("melody"), key=None, melody=tune)  # type: ignore[arg-type]
    assert plain.shape == row.conditions.states.shape
    length = made.checkpoint.chroma_length
    assert (plain[:length] != row.conditions.states[:length]).any()
    assert (plain[length:] == row.conditions.states[length:]).all()
    assert row.conditions_at is not None
    moved = row.conditions_at(40).states
    # Four seconds on the other note comes first.
    assert (moved[2] != row.conditions.states[2]).any()
    assert (row.conditions_at(80).states == row.conditions.states).all()


def test_out_of_memory_goes_up_and_the_slots_are_empty_again(
    engines: dict[str, MusicgenEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Engine = engines["mono"]
    assert isinstance(made, MusicgenEngine)

    def run_out(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(made.codec, "latents", run_out)
        with pytest.raises(MemoryError):
            rendered(made, recipe())
    assert not rendered(made, recipe()).errors


def test_a_melodys_file_is_followed(engines: dict[str, MusicgenEngine], tmp_path: Path) -> None:
    engine = engines["melody"]
    tune = tmp_path / "tune.wav"
    time = np.arange(64_000) / 16_000
    soundfile.write(tune, 0.5 * np.sin(2 * np.pi * 440 * time), 16_000)
    digest = hashlib.sha256(tune.read_bytes()).hexdigest()
    context = rendered(engine, recipe("melody"), recipe("melody", melody=digest), melody=tune)
    assert not context.errors
    assert context.waves[1].shape == context.waves[2].shape
    assert (context.waves[1] != context.waves[2]).any()
    without = rendered(engine, recipe("melody", melody=digest))
    assert "not here" in str(without.errors[1])
    refused = rendered(engines["mono"], recipe("mono", melody=digest), melody=tune)
    assert "`melody` does nothing" in str(refused.errors[1])


def test_a_prompt_that_is_cut_is_told(engines: dict[str, MusicgenEngine]) -> None:
    context = RecordingContext(recipe(seconds=1.0), recipe(seconds=1.0, prompt="🎹 " * 480 + "x" * 40))
    engines["mono"].run(context)
    assert 1 not in context.warnings
    [told] = context.warnings[2]
    assert "of the prompt, which is too long" in told


@pytest.mark.parametrize("kind", ["mono", "stereo"])
def test_the_first_seconds_are_there_before_the_rest_and_change_nothing(
    kind: str, engines: dict[str, MusicgenEngine]
) -> None:
    one, other = recipe(kind, seconds=9.0), recipe(kind, seconds=9.0, seed=2)
    alone = rendered(engines[kind], one, other)
    assert not alone.previews, "nobody wants them"
    context = RecordingContext(one, other, preview_seconds=4.0)
    engines[kind].run(context)
    for number in (1, 2):
        assert (context.waves[number] == alone.waves[number]).all()
        assert context.previews[number].shape == (1 + (kind == "stereo"), 4 * 32_000)
        assert (context.previews[number] == context.waves[number][:, : 4 * 32_000]).all()
