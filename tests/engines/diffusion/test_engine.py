"""Each pipeline at a small size, with random weights, through the engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bot.engines import registry
from bot.engines.base import RenderRequest
from bot.engines.diffusion.engine import PipelineEngine
from bot.errors import InvalidRecipe
from bot.recipe import Mode, Recipe
from tests.engines.context import RecordingContext
from tests.engines.diffusion.conftest import KINDS

Engine = Callable[[str], Any]
Asked = Callable[..., Recipe]
every_kind = pytest.mark.parametrize("kind", list(KINDS))
guided = pytest.mark.parametrize("kind", ["base", "stable_audio", "audioldm2"])
compared = pytest.mark.parametrize("kind", ["base", "stable_audio", "stable_audio_3", "audioldm2"])


def rendered(engine: Any, *recipes: Recipe) -> list[np.ndarray]:
    context = RecordingContext(*recipes)
    engine.run(context)
    assert context.errors == {}
    return [context.waves[number] for number in range(1, len(recipes) + 1)]


@every_kind
def test_a_clip_is_as_long_and_wide_as_promised_and_progress_ends_at_all(
    kind: str, engine: Engine, asked: Asked
) -> None:
    takes, recipe = engine(kind).capabilities, asked(kind)
    context = RecordingContext(recipe)
    engine(kind).run(context)
    wave = context.waves[1]
    assert wave.dtype == np.float32
    assert wave.shape == (takes.channels, round(recipe.seconds * takes.sample_rate))
    assert np.isfinite(wave).all()
    assert wave.std() > 1e-3
    assert context.updates[1] == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert takes.licence == "CC-BY-NC-SA-4.0"


@every_kind
def test_a_recipe_sounds_the_same_whatever_was_rendered_before(
    kind: str, engine: Engine, asked: Asked
) -> None:
    loaded = engine(kind)
    before = torch.get_rng_state()
    first, _, again, reseeded = rendered(
        loaded,
        asked(kind),
        asked(kind, prompt="loud drums", seed=1, num_sampling_steps=2, seconds=KINDS[kind][2] + 0.5),
        asked(kind),
        asked(kind, seed=8),
    )
    assert np.array_equal(first, again)
    assert not np.allclose(first, reseeded, rtol=0.01)
    assert torch.equal(before, torch.get_rng_state())


@every_kind
def test_prompt_and_steps_are_heard(kind: str, engine: Engine, asked: Asked) -> None:
    first, other_words, other_steps = rendered(
        engine(kind), asked(kind), asked(kind, prompt="loud drums"), asked(kind, num_sampling_steps=5)
    )
    # The same clip again is equal to the last bit.
    assert apart(first, other_words) > 1e-5
    assert apart(first, other_steps) > 1e-5


@guided
def test_guidance_is_heard(kind: str, engine: Engine, asked: Asked) -> None:
    weak, strong = rendered(engine(kind), asked(kind, guidance_scale=1.0), asked(kind, guidance_scale=6.0))
    assert apart(weak, strong) > 1e-4


@pytest.mark.parametrize("kind", ["stable_audio", "audioldm2"])
def test_a_negative_prompt_is_heard(kind: str, engine: Engine, asked: Asked) -> None:
    without, with_one = rendered(engine(kind), asked(kind), asked(kind, negative_prompt="loud drums"))
    assert apart(without, with_one) > 1e-4


@pytest.mark.parametrize("kind", ["turbo", "base"])
def test_ace_step_sings_lyrics_and_plays_an_instrumental_without(
    kind: str, engine: Engine, asked: Asked
) -> None:
    silent, said_so, sung = rendered(
        engine(kind), asked(kind), asked(kind, lyrics="[Instrumental]"), asked(kind, lyrics="la la la\nla la")
    )
    assert np.array_equal(silent, said_so)
    assert apart(silent, sung) > 1e-4


@pytest.mark.parametrize(
    ("option", "argument"),
    [
        ({"bpm": 140}, {"bpm": 140}),
        ({"key": "F# minor"}, {"keyscale": "F# minor"}),
        ({"time_signature": "6/8"}, {"timesignature": "6"}),
        ({"vocal_language": "de"}, {"vocal_language": "de"}),
        ({"shift": 2.5}, {"shift": 2.5}),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_ace_steps_own_options_reach_it_in_its_terms(
    option: dict[str, Any],
    argument: dict[str, Any],
    engine: Engine,
    asked: Asked,
    folders: dict[str, Path],
) -> None:
    without, recipe = asked("base", guidance_scale=1.0), asked("base", guidance_scale=1.0, **option)
    plain, ours = rendered(engine("base"), without, recipe)
    assert apart(plain, ours) > 1e-4
    assert apart(as_diffusers("base", folders["base"], recipe, **argument), ours) < 1e-4


def test_the_shift_is_the_kinds_own(engine: Engine) -> None:
    defaults = {kind: engine(kind).capabilities.options["shift"].default for kind in ("turbo", "base")}
    assert defaults == {"turbo": 3, "base": 1}


def test_the_audio_tokenizer_is_loaded_where_the_checkpoint_has_it(engine: Engine) -> None:
    assert engine("turbo")._pipe.audio_tokenizer is None
    assert engine("base")._pipe.audio_tokenizer is not None
    assert engine("base")._pipe.audio_token_detokenizer is not None


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("turbo", {"guidance_scale": 7.0}, "`guidance` does nothing"),
        ("turbo", {"num_sampling_steps": 21}, "1 to 20"),
        ("base", {"negative_prompt": "noise"}, "`negative` does nothing"),
        ("stable_audio", {"lyrics": "la"}, "`lyrics` does nothing"),
        ("stable_audio", {"seconds": 2.5}, "1 to 2 seconds"),
        ("stable_audio_3", {"guidance_scale": 4.0}, "`guidance` does nothing"),
        ("stable_audio_3", {"seconds": 381.0}, "1 to 380 seconds"),
        ("audioldm2", {"temperature": 1.0}, "`temperature` does nothing"),
    ],
)
def test_what_a_pipeline_would_ignore_is_refused_and_the_next_is_rendered(
    kind: str, changes: dict[str, Any], words: str, engine: Engine, asked: Asked
) -> None:
    context = RecordingContext(asked(kind, **changes), asked(kind))
    engine(kind).run(context)
    assert isinstance(context.errors[1], InvalidRecipe)
    assert words in str(context.errors[1])
    assert 2 in context.waves


@every_kind
def test_a_clip_cancelled_in_the_middle_says_nothing_more(kind: str, engine: Engine, asked: Asked) -> None:
    (alone,) = rendered(engine(kind), asked(kind))
    context = RecordingContext(asked(kind, num_sampling_steps=8), asked(kind), cancel={1: 2 / 9})
    engine(kind).run(context)
    assert context.updates[1] == [(0, 9), (1, 9), (2, 9)]
    assert context.errors == {}
    assert list(context.waves) == [2]
    assert np.array_equal(context.waves[2], alone)


@compared
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:Should have t:UserWarning")
def test_a_clip_is_what_diffusers_makes_of_the_same_files(
    kind: str, engine: Engine, asked: Asked, folders: dict[str, Path]
) -> None:
    recipe = asked(kind) if kind == "stable_audio_3" else asked(kind, guidance_scale=4.0)
    (ours,) = rendered(engine(kind), recipe)
    theirs = as_diffusers(kind, folders[kind], recipe)
    assert theirs.shape == ours.shape
    assert apart(theirs, ours) < 1e-4


@pytest.mark.parametrize("kind", ["turbo", "audioldm2"])
def test_bfloat16_sounds_and_sounds_the_same_again(kind: str, asked: Asked, folders: dict[str, Path]) -> None:
    engine: Any = registry.load(Mode.DIFFUSION, str(folders[kind]), "cpu", "bfloat16")
    first, again = rendered(engine, asked(kind), asked(kind))
    assert engine.precision == "bfloat16"
    assert np.isfinite(first).all()
    assert first.std() > 1e-3
    assert np.array_equal(first, again)


def test_a_clip_that_overflows_float16_is_rendered_in_float32_and_the_next_is_not(
    asked: Asked, folders: dict[str, Path]
) -> None:
    engine: Any = registry.load(Mode.DIFFUSION, str(folders["turbo"]), "cpu", "float16")
    (narrow,) = rendered(engine, asked("turbo"))
    weights = [engine._pipe.vae.decoder.conv1.weight, engine._pipe.vae.decoder.block[0].conv_t1.weight]
    kept = [weight.detach().clone() for weight in weights]
    for weight in weights:
        weight.data *= 2e4
    context = PrecisionContext(engine, asked("turbo"))
    engine.run(context)
    wide = context.waves[1]
    assert np.isfinite(wide).all()
    assert wide.std() > 1e-3
    assert (context.precisions, engine.precision) == (["float32"], "float16")
    for weight, before in zip(weights, kept, strict=True):
        weight.data.copy_(before)
    (after,) = rendered(engine, asked("turbo"))
    assert engine.dtype is torch.float16
    assert np.array_equal(narrow, after)


class PrecisionContext(RecordingContext):
    """Keeps the engine's precision at the moment when a clip is handed over."""

    def __init__(self, engine: Any, *recipes: Recipe) -> None:
        super().__init__(*recipes)
        self._engine = engine
        self.precisions: list[str] = []

    def done(self, job: RenderRequest, wave: np.ndarray, *, score: str = "") -> None:
        super().done(job, wave, score=score)
        self.precisions.append(self._engine.precision)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference of two waves as a share of the larger peak."""
    return float(np.abs(one - other).max() / max(np.abs(one).max(), np.abs(other).max()))


def as_diffusers(kind: str, folder: Path, recipe: Recipe, **more: Any) -> np.ndarray:
    """The same clip by diffusers alone, with the call that its documentation shows."""
    import diffusers
    from transformers import GPT2LMHeadModel

    shared: dict[str, Any] = {
        "prompt": recipe.prompt,
        "num_inference_steps": recipe.options["num_sampling_steps"],
        "guidance_scale": recipe.options.get("guidance_scale", 1.0),
        "generator": torch.Generator().manual_seed(recipe.seed),
    }
    if kind == "base":
        pipe: Any = diffusers.AceStepPipeline.from_pretrained(folder)
        # A shift of 1: what ACE-Step's docs/en/INFERENCE.md gives for base and sft.
        shared |= {"lyrics": "[Instrumental]", "vocal_language": "unknown", "audio_duration": recipe.seconds}
        shared |= {"shift": 1.0} | more
    elif kind == "stable_audio_3":
        pipe = diffusers.StableAudio3Pipeline.from_pretrained(folder)
        shared["duration"] = recipe.seconds
    elif kind == "stable_audio":
        pipe = diffusers.StableAudioPipeline.from_pretrained(folder)
        shared["audio_end_in_s"] = recipe.seconds
    else:
        language_model = GPT2LMHeadModel.from_pretrained(folder / "language_model")
        pipe = diffusers.AudioLDM2Pipeline.from_pretrained(folder, language_model=language_model)
        shared["audio_length_in_s"] = recipe.seconds
    pipe.set_progress_bar_config(disable=True)
    audio = pipe(**shared).audios
    return np.asarray(audio[0] if audio.ndim == 3 else audio, np.float32)


@pytest.mark.parametrize("kind", ["stable_audio", "audioldm2"])
@pytest.mark.parametrize("maximum", [None, 1e30])
def test_a_tokenizer_without_a_maximum_has_its_encoders(
    kind: str, maximum: float | None, folders: dict[str, Path], tmp_path: Path, asked: Asked
) -> None:
    folder = shutil.copytree(folders[kind], tmp_path / kind)
    for file in folder.glob("tokenizer*/tokenizer_config.json"):
        settings = json.loads(file.read_text())
        del settings["model_max_length"]
        file.write_text(json.dumps(settings | ({} if maximum is None else {"model_max_length": maximum})))
    engine = registry.load(Mode.DIFFUSION, str(folder), "cpu", "auto")
    [wave] = rendered(engine, replace(asked(kind), model=str(folder)))
    assert np.isfinite(wave).all()


@every_kind
def test_heartbeats_come_between_steps_and_while_it_decodes(kind: str, engine: Engine, asked: Asked) -> None:
    recipe = asked(kind)
    beats: list[tuple[int, int]] = []

    class Beating(RecordingContext):
        def heartbeat(self) -> None:
            beats.append(self.updates[1][-1])

    engine(kind).run(Beating(recipe))
    steps = [(done, 4) for done in range(4)]
    assert set(beats) == set(steps), "before the first step, between all, and after the last"


def test_every_slice_of_a_decoding_is_a_heartbeat(
    folders: dict[str, Path], asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engines.diffusion.oobleck.SLICE_FRAMES", 4)
    # Without the layers' own heartbeats, which would stand in for the slices'.
    monkeypatch.setattr(PipelineEngine, "_install_heartbeat_hooks", lambda self: None)
    engine = registry.load(Mode.DIFFUSION, str(folders["turbo"]), "cpu", "auto")
    context = RecordingContext(asked("turbo"))
    engine.run(context)
    assert context.heartbeats > 10


def test_advice_on_lyrics_comes_with_the_clip(engine: Engine, asked: Asked) -> None:
    context = RecordingContext(
        asked("turbo", lyrics="[verse] la la la la"), asked("turbo", lyrics="la la la")
    )
    engine("turbo").run(context)
    assert "Line 1 has words beside the tag [verse]" in context.warnings[1][0]
    assert 2 not in context.warnings


@every_kind
def test_a_prompt_that_is_cut_is_told(kind: str, engine: Engine, asked: Asked) -> None:
    context = RecordingContext(asked(kind), asked(kind, prompt="slow piano in the rain " * 40))
    engine(kind).run(context)
    assert 1 not in context.warnings
    [told] = context.warnings[2]
    assert "of the prompt, which is too long" in told
