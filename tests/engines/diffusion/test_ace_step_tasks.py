"""ACE-Step's tasks on sources, through diffusers' pipeline at a small size."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from bot.engines.sources import CROSSFADE_SECONDS, continued, splice
from bot.errors import InvalidRecipe
from bot.recipe import Recipe, Role, Task
from tests.engines.context import RecordingContext
from tests.engines.diffusion.test_engine import apart

RATE = 8_000
SEAM = round(CROSSFADE_SECONDS * RATE)
Engine = Callable[[str], Any]
Asked = Callable[..., Recipe]


@pytest.fixture(scope="module")
def tune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of stereo at the model's rate, as 16-bit FLAC."""
    path = tmp_path_factory.mktemp("sources") / "tune.flac"
    time = np.arange(6 * RATE) / RATE
    wave = 0.4 * np.stack([np.sin(2 * np.pi * 220 * time), np.sin(2 * np.pi * 330 * time)], 1)
    soundfile.write(path, wave * (1 - 0.1 * time[:, None]), RATE)
    return path


def heard(path: Path) -> np.ndarray:
    return np.asarray(soundfile.read(path, dtype="float32")[0].T)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rendered(engine: Any, recipe: Recipe, **files: Path) -> np.ndarray:
    context = RecordingContext(recipe, sources={Role(role): path for role, path in files.items()})
    before = torch.get_rng_state()
    engine.run(context)
    assert torch.equal(before, torch.get_rng_state()), "the global generator is left alone"
    if context.errors:
        raise context.errors[1]
    return context.waves[1]


def recipe_of(asked: Asked, kind: str, task: Task, role: Role, path: Path, **more: Any) -> Recipe:
    return asked(kind, task=task, sources={role: digest(path)}, **more)


@pytest.mark.parametrize("kind", ["turbo", "base"])
def test_a_continuation_keeps_its_source_and_goes_on_from_it(
    kind: str, engine: Engine, asked: Asked, tune: Path
) -> None:
    recipe = recipe_of(asked, kind, Task.CONTINUE, Role.START, tune, seconds=12.0)
    wave = rendered(engine(kind), recipe, start=tune)
    source = heard(tune)
    assert wave.shape == (2, 12 * RATE)
    end = source.shape[1]
    assert np.array_equal(wave[:, : end - SEAM], source[:, :-SEAM])
    assert wave[:, end:].std() > 1e-3
    assert np.array_equal(wave, rendered(engine(kind), recipe, start=tune)), "the same recipe, the same clip"
    other = rendered(engine(kind), recipe.reseeded(8), start=tune)
    assert np.array_equal(other[:, : end - SEAM], source[:, :-SEAM])
    assert apart(other[:, end:], wave[:, end:]) > 1e-3


@pytest.mark.parametrize("kind", ["turbo", "base"])
def test_a_repaint_changes_its_window_alone(kind: str, engine: Engine, asked: Asked, tmp_path: Path) -> None:
    path = tmp_path / "clip.flac"
    noise = np.random.default_rng(0).standard_normal((12 * RATE, 2)) * 0.1
    soundfile.write(path, noise, RATE)
    window = {"repaint_start": 3.0, "repaint_end": 7.5}
    recipe = recipe_of(asked, kind, Task.REPAINT, Role.INITIAL, path, seconds=12.0, **window)
    wave, source = rendered(engine(kind), recipe, initial=path), heard(path)
    start, end = 3 * RATE, round(7.5 * RATE)
    assert np.array_equal(wave[:, :start], source[:, :start])
    assert np.array_equal(wave[:, end:], source[:, end:])
    inside = np.abs(wave - source)[:, start + SEAM : end - SEAM]
    assert (inside.max(0) > 1e-4).mean() > 0.99


def test_a_seam_fades_within_the_window() -> None:
    source, made = np.zeros((1, 100), np.float32), np.ones((1, 100), np.float32)
    wave = splice(source, made, 20, 60, 200)[0]
    assert (wave[:20] == 0).all()
    assert (wave[60:] == 0).all()
    assert (wave[30:50] == 1).all()
    assert (np.diff(wave[20:30]) > 0).all()
    assert (np.diff(wave[50:60]) < 0).all()
    # Nothing comes before a beginning or after an end, so nothing fades there.
    assert (splice(source, made, 0, 100, 200) == 1).all()


def test_a_continuation_fades_before_its_sources_end() -> None:
    source, made = np.ones((1, 100), np.float32), np.full((1, 300), 3, np.float32)
    wave = continued(source, made, 400)[0]
    assert (wave[:80] == 1).all()
    assert (wave[100:] == 3).all()
    assert (np.diff(wave[79:101]) > 0).all()


def test_a_cover_follows_its_source_by_its_strength(engine: Engine, asked: Asked, tune: Path) -> None:
    def cover(strength: float, task: Task = Task.COVER) -> np.ndarray:
        role = Role.MELODY if task is Task.COVER else Role.INITIAL
        recipe = recipe_of(asked, "base", task, role, tune, structure=strength, guidance_scale=1.0)
        return rendered(engine("base"), recipe, **{role: tune})

    full, none = cover(1.0), cover(0.0)
    assert apart(full, none) > 1e-3
    assert apart(full, cover(0.5)) > 1e-3
    assert np.array_equal(cover(0.5), cover(0.5, Task.HYBRID))


def test_a_timbre_reference_is_heard_in_every_task(engine: Engine, asked: Asked, tune: Path) -> None:
    plain = rendered(engine("turbo"), asked("turbo"))
    with_timbre = asked("turbo", sources={Role.REFERENCE: digest(tune)})
    wave = rendered(engine("turbo"), with_timbre, reference=tune)
    assert wave.shape == plain.shape
    assert apart(plain, wave) > 1e-4
    assert np.array_equal(wave, rendered(engine("turbo"), with_timbre, reference=tune))


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("task", [Task.CONTINUE, Task.COVER])
def test_a_task_gives_what_diffusers_makes_of_the_same_latents(
    task: Task,
    engine: Engine,
    asked: Asked,
    tune: Path,
    folders: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import diffusers

    role = Role.START if task is Task.CONTINUE else Role.MELODY
    strength: dict[str, Any] = {} if task is Task.CONTINUE else {"structure": 0.4}
    recipe = recipe_of(asked, "base", task, role, tune, guidance_scale=1.0, **strength)
    ours = rendered(engine("base"), recipe, **{role: tune})
    pipe: Any = diffusers.AceStepPipeline.from_pretrained(folders["base"])
    pipe.set_progress_bar_config(disable=True)
    # The one thing that is meant to differ: the mean in place of a draw from the global generator.
    distribution = type(pipe.vae.encode(torch.zeros(1, 2, 640)).latent_dist)
    monkeypatch.setattr(distribution, "sample", distribution.mode)
    source = torch.from_numpy(heard(tune))
    own: dict[str, Any] = {"task_type": "cover", "audio_cover_strength": 0.4}
    if task is Task.CONTINUE:
        own = {"task_type": "repaint", "repainting_start": 6.0}
    theirs = (
        pipe(
            prompt=recipe.prompt,
            lyrics="[Instrumental]",
            vocal_language="unknown",
            audio_duration=10.0,
            num_inference_steps=3,
            guidance_scale=1.0,
            shift=1.0,
            generator=torch.Generator().manual_seed(recipe.seed),
            src_audio=torch.nn.functional.pad(source, (0, 10 * RATE - source.shape[1])),
            **own,
        )
        .audios[0]
        .numpy()
    )
    if task is Task.COVER:
        assert apart(theirs, ours) < 1e-4
        return
    # diffusers scales a clip to a peak of its own, which would lift the new part off its source.
    new, expected = ours[:, source.shape[1] :], theirs[:, source.shape[1] :]
    assert np.corrcoef(new.ravel(), expected.ravel())[0, 1] > 0.9999


def test_what_a_source_cannot_do_is_said(
    engine: Engine, asked: Asked, tune: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    longer = tmp_path / "longer.flac"
    soundfile.write(longer, np.full((15 * RATE, 1), 0.1), RATE)
    turbo = engine("turbo")
    with pytest.raises(InvalidRecipe, match=r"15\.0 s long, and the clip has to be at least 1 s longer"):
        rendered(turbo, recipe_of(asked, "turbo", Task.CONTINUE, Role.START, longer), start=longer)
    with pytest.raises(InvalidRecipe, match="not the one that this recipe was made with"):
        rendered(turbo, recipe_of(asked, "turbo", Task.CONTINUE, Role.START, longer), start=tune)
    with pytest.raises(InvalidRecipe, match="the file is not here"):
        rendered(turbo, recipe_of(asked, "turbo", Task.CONTINUE, Role.START, longer))
    words = tmp_path / "words.txt"
    words.write_text("no audio")
    with pytest.raises(InvalidRecipe, match="cannot be read as audio"):
        rendered(turbo, recipe_of(asked, "turbo", Task.CONTINUE, Role.START, words), start=words)
    with pytest.raises(InvalidRecipe, match="`cover` does nothing"):
        rendered(turbo, recipe_of(asked, "turbo", Task.COVER, Role.MELODY, tune), melody=tune)
    assert Task.COVER in engine("base").capabilities.tasks


def test_a_job_cancelled_while_its_source_is_encoded_ends_there(
    engine: Engine, asked: Asked, tune: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engines.diffusion.oobleck.SLICE_FRAMES", 4)
    recipe = recipe_of(asked, "turbo", Task.CONTINUE, Role.START, tune, seconds=12.0)

    class Cancelling(RecordingContext):
        def cancelled(self, job: object) -> bool:
            return self.heartbeats > 3

    context = Cancelling(recipe, sources={Role.START: tune})
    engine("turbo").run(context)
    assert (context.waves, context.errors) == ({}, {})
    assert context.updates[1] == [(0, 4)]
