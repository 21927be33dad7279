"""MultiBandDiffusion over MusicGen's tokens: converted, then held to audiocraft's own on the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from bot.engines import registry
from bot.engines.checkpoints.pickled import read
from bot.engines.checkpoints.weights import read_tensors
from bot.engines.convert import convert
from bot.engines.multiband import MODEL
from bot.engines.multiband.bands import Bands, subsampled_timesteps
from bot.engines.multiband.engine import MultibandEngine
from bot.engines.musicgen.codec import encodec
from bot.engines.reference.stubs import import_audiocraft, stubbed_modules
from bot.errors import ModelMissing
from bot.hub import converted
from bot.recipe import Mode, Recipe
from tests.engines.checkpoint_files import TINY, write_musicgen
from tests.engines.context import rendered
from tests.engines.multiband_files import BANDS, settings, write_multiband


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    source = write_multiband(folder / "original")
    convert(source, folder / "antiphon" / MODEL.replace("/", "--"))
    write_musicgen(folder / "mono")
    write_musicgen(folder / "stereo", stereo=True)
    return folder


@pytest.fixture(autouse=True)
def _cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(home / "hub"))


@pytest.fixture(scope="module")
def engines(home: Path) -> dict[str, MultibandEngine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_CACHE", str(home / "hub"))
        made = {
            kind: registry.load(Mode.DIFFUSION, name(home, kind), "cpu", "auto")
            for kind in ("mono", "stereo")
        }
    for engine in made.values():
        assert isinstance(engine, MultibandEngine)
    return made  # type: ignore[return-value]


def name(home: Path, kind: str) -> str:
    return f"multiband:{home / kind}"


def recipe(home: Path, kind: str = "mono", **changes: object) -> Recipe:
    values = {
        "prompt": "calm piano",
        "mode": Mode.DIFFUSION,
        "model": name(home, kind),
        "seconds": 1.0,
        "seed": 1,
        "num_sampling_steps": 5,
    }
    return Recipe.from_dict(values | changes)


@pytest.mark.parametrize("kind", ["mono", "stereo"])
def test_a_clip_is_rendered_over_the_models_tokens(
    kind: str, home: Path, engines: dict[str, MultibandEngine]
) -> None:
    c = engines[kind].capabilities
    assert c.title == f"MultiBandDiffusion over {kind}'s tokens"
    assert (c.mode, c.channels, c.sample_rate) == (Mode.DIFFUSION, 1 + (kind == "stereo"), 32_000)
    context = rendered(engines[kind], recipe(home, kind), recipe(home, kind, seed=2), recipe(home, kind))
    assert not context.errors
    assert context.waves[1].shape == (c.channels, 32_000)
    assert context.waves[1].std() > 0.01
    assert (context.waves[1] == context.waves[3]).all()
    assert (context.waves[1] != context.waves[2]).any()
    done, total = context.updates[1][-1]
    assert done == total == 10 + 5 * BANDS


@pytest.mark.parametrize("change", [{"num_sampling_steps": 7}, {"prompt": "drums"}, {"guidance_scale": 1.0}])
def test_whatever_a_recipe_says_changes_the_clip(
    change: dict[str, Any], home: Path, engines: dict[str, MultibandEngine]
) -> None:
    context = rendered(engines["mono"], recipe(home), recipe(home, **change))
    assert (context.waves[1] != context.waves[2]).any()


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_it_can_be_cancelled_while_decoding_and_while_denoising(
    share: float, home: Path, engines: dict[str, MultibandEngine]
) -> None:
    context = rendered(engines["mono"], recipe(home), recipe(home), cancel={1: share})
    assert set(context.waves) == {2}
    done, total = context.updates[1][-1]
    assert done < total


def test_the_sound_is_audiocrafts_from_the_same_noise(
    home: Path, engines: dict[str, MultibandEngine]
) -> None:
    """Against audiocraft's MultiBandDiffusion, filled with what was saved, not with what was converted."""
    import_audiocraft()
    with stubbed_modules():
        from audiocraft.models.builders import get_diffusion_model, get_processor
        from audiocraft.models.encodec import HFEncodecCompressionModel
        from audiocraft.models.multibanddiffusion import DiffusionProcess, MultiBandDiffusion
        from audiocraft.modules.diffusion_schedule import NoiseSchedule

        saved = read(home / "original" / "mbd_musicgen_32khz.th")
        processes = []
        for band in range(BANDS):
            config = OmegaConf.create(settings(band))
            model: Any = get_diffusion_model(config)
            model.load_state_dict(saved[band]["model_state"])
            processor: Any = get_processor(config.processor, sample_rate=32_000)
            processor.load_state_dict(saved[band]["processor_state"])
            schedule = NoiseSchedule(**config.schedule, sample_processor=processor, device="cpu")
            processes.append(DiffusionProcess(model=model.eval(), noise_schedule=schedule))
        checkpoint, codec = engines["mono"].checkpoint, engines["mono"].codec
        assert codec is not None
        model = encodec(checkpoint, read_tensors(checkpoint.folder), "cpu")
        theirs = MultiBandDiffusion(processes, HFEncodecCompressionModel(model))
        codes = torch.randint(TINY["vocabulary"], (4, 15), generator=torch.Generator().manual_seed(2))
        with torch.random.fork_rng():
            torch.manual_seed(77)
            expected = theirs.tokens_to_wav(codes[None]).detach()
    bands = engines["mono"].bands
    assert isinstance(bands, Bands)
    reference = codec.decode(codes, lambda *_: None)
    ours = bands.sound(codec.latents(codes), reference[:, None], 20, 77, lambda *_: None)
    assert ours.shape == expected.shape
    assert float(expected.abs().max()) > 0.1
    assert float((ours - expected).abs().max()) < 1e-3 * float(expected.abs().max())


def test_twenty_steps_are_audiocrafts_own() -> None:
    assert subsampled_timesteps(1000, 20) == list(range(1000))[::-50]
    assert all(
        subsampled_timesteps(1000, steps)[0] == 999 and subsampled_timesteps(1000, steps)[-1] > 0
        for steps in (5, 33, 200)
    )


def test_what_is_missing_is_said_with_the_command_that_gets_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = registry.describe(Mode.DIFFUSION, name(home, "mono"))
    assert described.options["num_sampling_steps"].default == 20
    with pytest.raises(ModelMissing, match="multiband runs a MusicGen, and antiphon-tiny-ar is none"):
        registry.describe(Mode.DIFFUSION, "multiband:antiphon-tiny-ar")
    with pytest.raises(ModelMissing, match="antiphon models fetch facebook/musicgen-medium"):
        registry.describe(Mode.DIFFUSION, "multiband:facebook/musicgen-medium")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(ModelMissing, match=f"models fetch {MODEL}`, then `antiphon models convert {MODEL}`"):
        registry.describe(Mode.DIFFUSION, name(home, "mono"))
    kept = converted.target_of(MODEL)
    kept.mkdir(parents=True)
    (kept / "config.json").write_text("{}")
    with pytest.raises(ModelMissing, match=r"config\.json is not MultiBandDiffusion's"):
        registry.describe(Mode.DIFFUSION, name(home, "mono"))


def test_every_number_is_finite_even_where_a_band_is_silent(home: Path) -> None:
    bands = Bands(converted.target_of(MODEL), "cpu")
    silence = torch.zeros(1, 1, 32_000)
    wave = bands.sound(torch.zeros(1, TINY["latent"], 10), silence, 5, 0, lambda *_: None)
    assert np.isfinite(wave.numpy()).all()
    assert float(wave.abs().max()) < 1e-3
