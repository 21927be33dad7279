"""The engines' contract with the RenderContext, on small untrained checkpoints in the shipped formats."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bot.engines.base import Engine, RenderRequest
from bot.engines.score import MODELS, describe, load
from bot.engines.score.decode import Row
from bot.engines.score.format import STREAMS, VOCABULARY, from_frames
from bot.engines.score.instrument_planner import InstrumentPlanner
from bot.engines.score.latent import ScoreAutoencoder
from bot.engines.score.styles import StyleReader
from bot.errors import InvalidRecipe, ModelMissing
from bot.recipe import Mode, Recipe
from training.export import export_ar, export_diffusion, half
from training.loop import TEXT_WIDTH, text_encoder
from training.train_ar import Model as ArModel
from training.train_diffusion import Model as DiffusionModel

MODES = (Mode.AR, Mode.DIFFUSION)


@dataclass
class RecordingContext:
    """Hands out jobs and writes down what comes back."""

    jobs: list[RenderRequest]
    stop_after: dict[int, int] = field(default_factory=dict)
    updates: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    waves: dict[int, np.ndarray] = field(default_factory=dict)
    failures: dict[int, Exception] = field(default_factory=dict)

    def next(self, compatible: Callable[[Recipe], bool]) -> RenderRequest | None:
        return self.jobs.pop(0) if self.jobs and compatible(self.jobs[0].recipe) else None

    def warn(self, job: RenderRequest, sentence: str) -> None:
        pass

    def heartbeat(self) -> None:
        pass

    def progress(self, job: RenderRequest, done: int, total: int) -> None:
        self.updates.setdefault(job.id, []).append((done, total))

    def cancelled(self, job: RenderRequest) -> bool:
        return len(self.updates.get(job.id, [])) >= self.stop_after.get(job.id, 10**9)

    def preview(self, job: RenderRequest, wave: np.ndarray) -> None:
        pass

    def done(self, job: RenderRequest, wave: np.ndarray, *, score: str = "") -> None:
        self.waves[job.id] = wave

    def failed(self, job: RenderRequest, error: Exception) -> None:
        self.failures[job.id] = error


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    for kind, model in (("ar", ArModel), ("diffusion", DiffusionModel)):
        (folder / kind).mkdir()
        torch.save({"average": model(text_encoder()).state_dict()}, folder / kind / "last.pt")
    (folder / "latent").mkdir()
    coder = ScoreAutoencoder()
    torch.nn.init.normal_(coder.basis, std=0.1)
    torch.save({"average": coder.state_dict()}, folder / "latent" / "last.pt")
    export_ar(folder / "ar", folder / "tiny" / "ar")
    export_diffusion(folder / "diffusion", folder / "latent", folder / "tiny" / "diffusion")
    for mode, name, part in (
        ("ar", "styles", StyleReader()),
        ("diffusion", "styles", StyleReader()),
        ("diffusion", "instruments", InstrumentPlanner(TEXT_WIDTH)),
    ):
        place = folder / "tiny" / mode / name
        place.mkdir()
        save_file(half(part.state_dict()), place / "model.safetensors")
    (folder / "tiny" / "sounds").symlink_to(MODELS / "sounds")
    return folder / "tiny"


@pytest.fixture(scope="module")
def engines(models: Path) -> dict[Mode, Engine]:
    return {mode: load(mode, models / mode.value) for mode in MODES}


def recipe(mode: Mode, **changes: object) -> Recipe:
    values = {
        "prompt": "quiet piano",
        "mode": mode,
        "model": f"antiphon-tiny-{mode.value}",
        "seconds": 5.0,
        "seed": 1,
    }
    return Recipe.from_dict(values | changes)


def rendered(engine: Engine, *recipes: Recipe) -> RecordingContext:
    context = RecordingContext([RenderRequest(number, one) for number, one in enumerate(recipes)])
    engine.run(context)
    return context


@pytest.mark.parametrize("mode", MODES)
def test_a_recipe_is_one_clip_whatever_was_rendered_before(mode: Mode, engines: dict[Mode, Engine]) -> None:
    one, other = recipe(mode, seconds=5.4), recipe(mode, seed=2)
    first = rendered(engines[mode], one, other)
    second = rendered(engines[mode], other, one)
    assert not first.failures
    assert first.waves[0].shape == (2, round(5.4 * 32_000))
    assert first.waves[0].dtype == np.float32
    assert (first.waves[0] == second.waves[1]).all()
    assert (first.waves[1] == second.waves[0]).all()
    length = min(first.waves[0].shape[1], first.waves[1].shape[1])
    assert (first.waves[0][:, :length] != first.waves[1][:, :length]).any()


@pytest.mark.parametrize("mode", MODES)
def test_progress_is_told_often_and_ends_whole(mode: Mode, engines: dict[Mode, Engine]) -> None:
    fewest = {"num_sampling_steps": 4} if mode is Mode.DIFFUSION else {}
    updates = rendered(engines[mode], recipe(mode, **fewest)).updates[0]
    assert len(updates) >= 10
    assert all(0 <= done <= total for done, total in updates)
    assert updates[-1][0] == updates[-1][1]
    shares = [done / total for done, total in updates]
    assert shares == sorted(shares)


@pytest.mark.parametrize("mode", MODES)
def test_a_cancelled_job_is_dropped_and_the_next_one_rendered(
    mode: Mode, engines: dict[Mode, Engine]
) -> None:
    for after in (2, 12):
        context = RecordingContext(
            [RenderRequest(0, recipe(mode)), RenderRequest(1, recipe(mode))], stop_after={0: after}
        )
        engines[mode].run(context)
        assert set(context.waves) == {1}
        assert not context.failures
        assert len(context.updates[0]) == after


@pytest.mark.parametrize(
    ("mode", "changes", "says"),
    [
        (Mode.AR, {"seconds": 301.0}, "5 to 300 seconds"),
        (Mode.AR, {"seconds": 1.0}, "5 to 300 seconds"),
        (Mode.AR, {"num_sampling_steps": 30}, "`steps` does nothing"),
        (Mode.AR, {"temperature": 9.0}, "`temperature` can be"),
        (Mode.DIFFUSION, {"top_k": 5}, "`top-k` does nothing"),
        (Mode.DIFFUSION, {"num_sampling_steps": 500}, "`steps` can be"),
    ],
)
def test_what_the_model_does_not_take_is_refused_in_words(
    mode: Mode, changes: dict[str, object], says: str, engines: dict[Mode, Engine]
) -> None:
    context = rendered(engines[mode], recipe(mode, **changes), recipe(mode))
    assert isinstance(context.failures[0], InvalidRecipe)
    assert says in str(context.failures[0])
    assert set(context.waves) == {1}


@pytest.mark.parametrize("mode", MODES)
def test_options_change_the_clip(mode: Mode, engines: dict[Mode, Engine]) -> None:
    changes: list[dict[str, object]] = [{"guidance_scale": 1.0}, {"guidance_scale": 5.0}]
    if mode is Mode.AR:
        changes += [{"temperature": 0.5}, {"top_k": 1}, {"negative_prompt": "drums, harp, strings, guitar"}]
    else:
        changes += [{"num_sampling_steps": 7}, {"negative_prompt": "loud drums"}]
    context = rendered(engines[mode], recipe(mode), *(recipe(mode, **c) for c in changes))
    assert not context.failures
    assert all((context.waves[0] != context.waves[n + 1]).any() for n in range(len(changes)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("prompt", ["🎻", "موسيقى " * 100])
def test_any_prompt_makes_a_clip(mode: Mode, prompt: str, engines: dict[Mode, Engine]) -> None:
    context = rendered(engines[mode], recipe(mode, prompt=prompt))
    assert np.isfinite(context.waves[0]).all()


def test_an_engine_leaves_other_models_jobs_alone(engines: dict[Mode, Engine]) -> None:
    context = RecordingContext([RenderRequest(0, recipe(Mode.DIFFUSION))])
    engines[Mode.AR].run(context)
    assert len(context.jobs) == 1


def test_what_is_no_error_of_the_project_goes_up(
    engines: dict[Mode, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engines[Mode.AR]

    def run_out(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(engine, "write", run_out)
    context = RecordingContext([RenderRequest(0, recipe(Mode.AR))])
    with pytest.raises(MemoryError):
        engine.run(context)
    assert not context.failures


def test_what_only_training_needs_is_not_exported(models: Path) -> None:
    names = load_file(models / "ar" / "model.safetensors").keys()
    assert "enc_to_dec_proj.weight" in names
    assert not [name for name in names if "scene_head" in name]


def test_the_card_is_read_without_torch(models: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from bot.engines.score import describe;"
        f"c = describe('diffusion', Path({str(models / 'diffusion')!r}));"
        "assert c.options['num_sampling_steps'].high == 200; assert c.sample_rate == 32000;"
        "assert not {'torch', 'transformers', 'diffusers', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("mode", MODES)
def test_a_clip_waits_for_no_library_that_it_does_not_need(mode: Mode, models: Path) -> None:
    """torch's compiler is one of them: it takes as long to import as torch does."""
    program = (
        "import sys; from pathlib import Path; from bot.engines.score import load;"
        "from bot.recipe import Recipe, Mode;"
        f"engine = load({mode.value!r}, Path({str(models / mode.value)!r}));"
        f"recipe = Recipe(prompt='piano', mode=Mode({mode.value!r}), model='it', seconds=5.0, seed=1);"
        "score = engine.write(recipe, lambda done, total: None);"
        "assert engine.sampler.render(score, 5.0, 1).shape == (2, 160_000);"
        "print({'transformers', 'diffusers', 'accelerate', 'torch._dynamo', 'sympy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("mode", MODES)
def test_broken_folders_are_named(mode: Mode, models: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"antiphon\.json"):
        describe(mode, tmp_path)
    with pytest.raises(ModelMissing, match="is for mode"):
        describe(MODES[1 - MODES.index(mode)], models / mode.value)
    whole = models / mode.value
    files = json.loads((whole / "antiphon.json").read_text())["files"]
    for number, name in enumerate(files):
        folder = tmp_path / str(number) / mode.value
        shutil.copytree(whole, folder)
        (tmp_path / str(number) / "sounds").symlink_to(MODELS / "sounds")
        (folder / name).write_bytes(b'{"no": 1}')
        with pytest.raises(ModelMissing, match=name.split("/")[-1].split(".")[0]):
            load(mode, folder)
        (folder / name).unlink()
        with pytest.raises(ModelMissing, match=f"{name} is missing"):
            describe(mode, folder)


@pytest.mark.parametrize("seed", range(6))
def test_the_grammar_makes_any_network_write_a_whole_score(seed: int) -> None:
    rng = np.random.default_rng(seed)
    seconds = float(rng.uniform(5, 60))
    row = Row(seconds, seed, 1.0, 0)
    place = 0
    while not row.finished:
        row.next_tokens(rng.normal(0, 4, (STREAMS, VOCABULARY)).astype(np.float32), place)
        place += 1
    score = from_frames(row.result())
    assert abs(len(score.grid) * score.seconds_per_step - seconds) < 60 / score.tempo
    again = from_frames(row.result())
    assert (again.grid == row.result()[1:].T[row.result()[0] >= 48]).all()


def test_top_k_of_one_is_greedy() -> None:
    logits = np.random.default_rng(0).normal(0, 1, (STREAMS, VOCABULARY)).astype(np.float32)
    rows = [Row(10.0, seed, 1.0, 1) for seed in range(5)]
    assert (
        len(
            {tuple(row.next_tokens(logits, 0)) for row in rows}
            | {tuple(r.next_tokens(logits, 1)) for r in rows}
        )
        == 2
    )


def test_a_row_moves_through_its_stages_with_its_bars() -> None:
    row = Row(12.0, 1, 1.0, 0)
    rng = np.random.default_rng(0)
    found, place = [], 0
    while not row.finished:
        found.append(row.stage(3))
        row.next_tokens(rng.normal(0, 1, (STREAMS, VOCABULARY)).astype(np.float32), place)
        place += 1
    heard = list(dict.fromkeys(found))
    assert heard == [None, 0, 1, 2]
    assert found.index(1) < 0.5 * len(found) < len(found) - found[::-1].index(1) + 0.3 * len(found)
