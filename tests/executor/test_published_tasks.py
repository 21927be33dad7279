"""Tasks on sources in the real worker, by checkpoints in the published formats at small sizes.

What the worker writes is held against the same recipe rendered here and finished by the same function.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from bot.audio.finish import finish
from bot.config import Settings
from bot.engines import registry
from bot.executor.child import ChildExecutor
from bot.executor.link import Died
from bot.executor.protocol import Failed, Ready, Render, Rendered
from bot.recipe import Mode, Recipe, Role, Task
from tests.engines.checkpoint_files import write_musicgen
from tests.engines.context import RecordingContext
from tests.engines.diffusion.checkpoints import write_pipeline

FAR = 1 << 40
TOLERANCE = 1e-3
"""Of full scale: another process may use another number of threads, and so round otherwise."""


def noise(path: Path, seconds: float, rate: int, seed: int = 0) -> Path:
    """Write quiet stereo noise whose level changes, so that no two parts are alike."""
    rng = np.random.default_rng(seed)
    wave = (
        rng.standard_normal((round(seconds * rate), 2))
        * np.linspace(0.02, 0.1, round(seconds * rate))[:, None]
    )
    soundfile.write(path, wave, rate)
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def by_the_worker(
    model: str, mode: Mode, jobs: list[tuple[Recipe, dict[Role, Path]]], folder: Path
) -> list[np.ndarray | Failed]:
    """Render recipes in one worker process, in turn; return each wave [channels, samples], or its failure."""
    chosen: dict[str, Any] = {"ar_model" if mode is Mode.AR else "diffusion_model": model}
    settings = Settings(device="cpu", dtype="float32", stall_seconds=170, **chosen)
    executor = ChildExecutor.configured(settings, "bot.engines.registry", warm=None)
    events = executor.events()
    found: list[np.ndarray | Failed] = []
    try:
        async for event in events:
            assert not isinstance(event, Died), event
            if isinstance(event, Rendered):
                found.append(soundfile.read(folder / event.file, dtype="float32", always_2d=True)[0].T)
            elif isinstance(event, Failed):
                found.append(event)
            if isinstance(event, Ready) and executor.sent < len(jobs):
                number = executor.sent
                recipe, sources = jobs[number]
                paths = {role: str(path) for role, path in sources.items()}
                out = folder / f"{number}.wav"
                await executor.render(Render(number + 1, recipe, str(out), FAR, paths, False))
            if len(found) == len(jobs):
                return found
    finally:
        await executor.close()
        await events.aclose()
    raise AssertionError("the worker ended")


def here(
    engine: Any, recipe: Recipe, sources: dict[Role, Path], folder: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Return the engine's own wave and the finished one."""
    context = RecordingContext(recipe, sources=sources)
    engine.run(context)
    assert context.errors == {}
    wave, path = context.waves[1], folder / "here.wav"
    finish(wave, recipe, engine.capabilities, path, FAR, None, with_picture=False)
    return wave, soundfile.read(path, dtype="float32", always_2d=True)[0].T


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max())


@pytest.fixture(scope="module")
def ace_step(tmp_path_factory: pytest.TempPathFactory) -> str:
    """ACE-Step base, with its audio tokenizer."""
    return str(write_pipeline(tmp_path_factory.mktemp("models") / "base", "ace_step"))


async def test_ace_steps_tasks(ace_step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rate = 8_000
    tune, clip = noise(tmp_path / "tune.flac", 6, rate), noise(tmp_path / "clip.flac", 10, rate, 1)

    def recipe(**changes: Any) -> Recipe:
        known = {
            "prompt": "slow piano in the rain",
            "mode": Mode.DIFFUSION,
            "model": ace_step,
            "seconds": 10.0,
        }
        return Recipe.from_dict(known | {"seed": 7, "num_sampling_steps": 3, "guidance_scale": 1.0} | changes)

    def of(task: Task, role: Role, path: Path, **more: Any) -> tuple[Recipe, dict[Role, Path]]:
        return recipe(task=task, sources={role: digest(path)}, **more), {role: path}

    jobs = [
        (recipe(), {}),
        of(Task.CONTINUE, Role.START, tune),
        of(Task.REPAINT, Role.INITIAL, clip, repaint_start=3.0, repaint_end=7.5),
        of(Task.COVER, Role.MELODY, tune, structure=0.4),
        of(Task.TEXT, Role.REFERENCE, tune),
    ]
    there = await by_the_worker(ace_step, Mode.DIFFUSION, jobs, tmp_path)
    engine: Any = registry.load(Mode.DIFFUSION, ace_step, "cpu", "float32")
    assert engine._pipe.audio_tokenizer is not None
    calls: list[dict[str, Any]] = []
    own = type(engine._pipe).__call__

    def watched(self: Any, *args: Any, **given: Any) -> Any:
        calls.append(given)
        return own(self, *args, **given)

    monkeypatch.setattr(type(engine._pipe), "__call__", watched)
    raw = []
    for (asked, sources), finished in zip(jobs, there, strict=True):
        assert not isinstance(finished, Failed), finished
        wave, expected = here(engine, asked, sources, tmp_path)
        assert finished.shape == expected.shape == (2, round(asked.seconds * rate))
        assert apart(finished, expected) < TOLERANCE
        raw.append(wave)
    plain, continued, repainted, covered, with_timbre = raw
    source, whole = (soundfile.read(one, dtype="float32")[0].T for one in (tune, clip))
    # The kept part of a continuation and of a repaint is the source's, sample for sample.
    assert np.array_equal(continued[:, : 5 * rate], source[:, : 5 * rate])
    assert continued[:, 6 * rate :].std() > 1e-3
    assert np.array_equal(repainted[:, : 3 * rate], whole[:, : 3 * rate])
    assert np.array_equal(repainted[:, round(7.5 * rate) :], whole[:, round(7.5 * rate) :])
    assert apart(repainted[:, 4 * rate : 7 * rate], whole[:, 4 * rate : 7 * rate]) > 1e-3
    for other in (covered, with_timbre):
        assert apart(other, plain) > 1e-3
    # What the pipeline received.
    text, go_on, repaint, cover, timbre = calls
    assert text.get("src_audio") is None
    assert text.get("reference_audio") is None
    assert (go_on["task_type"], go_on["repainting_start"]) == ("repaint", 6.0)
    padded = np.asarray(go_on["src_audio"]).reshape(2, -1)
    assert padded.shape == (2, 10 * rate)
    assert np.allclose(padded[:, : 6 * rate], source)
    assert not padded[:, 6 * rate :].any(), "padded with silence"
    assert (repaint["task_type"], repaint["repainting_start"], repaint["repainting_end"]) == (
        "repaint",
        3.0,
        7.5,
    )
    assert (cover["task_type"], cover["audio_cover_strength"]) == ("cover", 0.4)
    assert np.asarray(timbre["reference_audio"]).size >= source.size


async def test_musicgens_tasks(tmp_path: Path) -> None:
    rate = 32_000
    model = str(write_musicgen(tmp_path / "melody", melody=True))
    tune = noise(tmp_path / "tune.flac", 6, rate)
    time = np.arange(5 * rate) / rate
    soundfile.write(tmp_path / "melody.flac", 0.3 * np.sin(2 * np.pi * 440 * time), rate)

    def recipe(**changes: Any) -> Recipe:
        known = {"prompt": "calm piano", "mode": Mode.AR, "model": model, "seconds": 8.0, "seed": 7}
        return Recipe.from_dict(known | changes)

    melody = tmp_path / "melody.flac"
    jobs: list[tuple[Recipe, dict[Role, Path]]] = [
        (recipe(), {}),
        (recipe(sources={Role.MELODY: digest(melody)}), {Role.MELODY: melody}),
        (
            recipe(task=Task.CONTINUE, seconds=300.0, sources={Role.START: digest(tune)}),
            {Role.START: tune},
        ),
    ]
    there = await by_the_worker(model, Mode.AR, jobs, tmp_path)
    engine = registry.load(Mode.AR, model, "cpu", "float32")
    raw = []
    for (asked, sources), finished in zip(jobs, there, strict=True):
        assert not isinstance(finished, Failed), finished
        wave, expected = here(engine, asked, sources, tmp_path)
        assert finished.shape == expected.shape == (2, round(asked.seconds * rate))
        assert apart(finished, expected) < TOLERANCE
        raw.append(wave)
    plain, with_melody, continued = raw
    assert apart(plain, with_melody) > 1e-3
    source = soundfile.read(tune, dtype="float32")[0].T.mean(0, keepdims=True)
    assert np.array_equal(continued[:, : 5 * rate], source[:, : 5 * rate])
    assert min(continued[:, at * rate : (at + 10) * rate].std() for at in range(10, 300, 10)) > 1e-3
