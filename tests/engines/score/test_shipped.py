"""The models that ship: a short evaluation. The long one is `training/evaluate.py`."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot.comparison.judge import Judge
from bot.engines import registry
from bot.engines.score import BUILT_IN, MODELS, load
from bot.engines.score.ar import ArEngine
from bot.engines.score.bank import SAMPLE_RATE
from bot.engines.score.bits import PROGRAM_BITS, programs_of
from bot.engines.score.decode import Row
from bot.engines.score.diffusion import DiffusionEngine
from bot.engines.score.format import BASS, LEAD, ONSET, Score, from_frames, tempo_of
from bot.engines.score.header_request import header_request
from bot.engines.score.impose import MIN_PLAYING, Imposed
from bot.engines.score.latent import bits_of, encoded, score_of
from bot.engines.score.silence import SOUND
from bot.engines.score.staging import staged
from bot.engines.score.steer import stage_starts
from bot.engines.threads import one_thread
from bot.recipe import Mode
from training.compose import compose
from training.evaluate import Task, written_ar, written_diffusion
from training.form import entries_of
from training.judge_data import families_of
from training.report import in_order
from training.scenes import SCENES

PROMPTS = {
    "techno": "driving dark techno",
    "chiptune": "bouncy 8 bit chiptune",
    "rock": "loud hard rock",
    "drum and bass": "fast drum and bass",
    "trap": "hard trap beat",
    "baroque": "stately baroque harpsichord piece",
    "meditation": "zen meditation",
    "rainy city": "moody noir saxophone in the rain",
}


@pytest.fixture(scope="module")
def ar() -> ArEngine:
    engine = load("ar", BUILT_IN["antiphon-tiny-ar"])
    assert isinstance(engine, ArEngine)
    return engine


@pytest.fixture(scope="module")
def diffusion() -> DiffusionEngine:
    engine = load("diffusion", BUILT_IN["antiphon-tiny-diffusion"])
    assert isinstance(engine, DiffusionEngine)
    return engine


def test_all_of_it_is_small() -> None:
    assert sum(p.stat().st_size for p in MODELS.rglob("*") if p.is_file()) <= 25_000_000


def test_the_registry_knows_them_by_name() -> None:
    for name, folder in BUILT_IN.items():
        mode = Mode(folder.name)
        capabilities = registry.describe(mode, name)
        assert capabilities.model == name
        assert capabilities.title == "built-in score model, sampled instruments"
        assert (capabilities.min_seconds, capabilities.max_seconds) == (5, 300)


@pytest.mark.parametrize("mode", ["ar", "diffusion"])
@pytest.mark.parametrize(
    ("asked", "used"), [("auto", "float32"), ("int8", "float32"), ("bfloat16", "bfloat16")]
)
def test_they_name_the_precision_that_they_compute_in(mode: str, asked: str, used: str) -> None:
    assert load(mode, BUILT_IN[f"antiphon-tiny-{mode}"], "cpu", asked).precision == used


@pytest.mark.parametrize("mode", ["ar", "diffusion"])
def test_they_follow_the_prompt(mode: str, request: pytest.FixtureRequest) -> None:
    engine = request.getfixturevalue(mode)
    judge = Judge()
    work = [Task("near", prompt, scene, None, 100 + n) for n, (scene, prompt) in enumerate(PROMPTS.items())]
    with one_thread():
        written = list(written_ar(engine, work) if mode == "ar" else written_diffusion(engine, work))
    right = 0
    for task, score in written:
        wave = engine.sampler.render(score, 10.0, task.seed)
        right += judge.classify(wave, SAMPLE_RATE).scene == task.scene
    assert right >= len(PROMPTS) / 2, right


@pytest.mark.parametrize("mode", ["ar", "diffusion"])
def test_the_words_matter(mode: str, request: pytest.FixtureRequest) -> None:
    engine = request.getfixturevalue(mode)
    written: dict[str, list[Score]] = {}
    with one_thread():
        for prompt in ("fast techno", "sad violin solo"):
            # Eight takes: chance may leave the drums out of one.
            work = [Task("near", prompt, None, None, seed) for seed in range(3, 11)]
            scores = (written_ar if mode == "ar" else written_diffusion)(engine, work)
            written[prompt] = [score for _, score in scores]
    techno, violin = written.values()
    assert min(score.tempo for score in techno) > 1.4 * max(score.tempo for score in violin)
    assert sum(bool(score.programs[:, 4].any()) for score in techno) >= 6
    assert not any(score.programs[:, 4].any() for score in violin)


def test_a_tempo_that_is_asked_for_is_kept(ar: ArEngine) -> None:
    with one_thread():
        rows = [Row(6.0, bpm, 0.95, 40, header_request(f"house at {bpm} bpm")) for bpm in (70, 122, 171)]
        ar.decode([f"house at {bpm} bpm" for bpm in (70, 122, 171)], rows, 2.5, lambda done, total: None)
    tempi = [from_frames(row.result()).tempo for row in rows]
    assert tempi == pytest.approx([70, 122, 171], rel=0.016)


@pytest.mark.parametrize("mode", ["ar", "diffusion"])
def test_instruments_that_are_asked_for_enter_in_their_order(
    mode: str, request: pytest.FixtureRequest
) -> None:
    engine = request.getfixturevalue(mode)
    work = [
        Task(
            "sequence",
            "start with flute, then add cello, finally drums",
            None,
            ["flute", "cello", "drums"],
            1,
        ),
        Task("sequence", "techno, begin with choir, then harpsichord", None, ["choir", "harpsichord"], 2),
    ]
    with one_thread():
        written = list(written_ar(engine, work) if mode == "ar" else written_diffusion(engine, work))
    for task, score in written:
        entries = [[bar, families_of((name,))[0]] for bar, _, name in entries_of(score)]
        assert in_order({"asked": task.asked, "entries": entries}), (task.prompt, entries)


def test_the_planner_hears_a_tempo_in_figures(diffusion: DiffusionEngine) -> None:
    asked = (80, 104, 122, 140, 172)
    with one_thread():
        plans = diffusion.plan([f"music at {bpm} bpm" for bpm in asked], list(range(5)))
    heard = [tempo_of(tempo_class) for tempo_class, _ in plans]
    assert sum(abs(h / a - 1) < 0.04 for h, a in zip(heard, asked, strict=True)) >= 4


def test_a_score_survives_the_latent(diffusion: DiffusionEngine) -> None:
    same = []
    for seed, scene in enumerate(SCENES):
        score = compose(scene, 8.0, np.random.default_rng(seed)).score
        latents = encoded(diffusion.autoencoder, score)
        again = score_of(diffusion.autoencoder, latents, score.tempo_class, score.metre)
        same.append(np.mean(again.grid == score.grid))
        assert (again.programs == score.programs).mean() > 0.95
    assert np.mean(same) > 0.98


def test_an_initial_latent_is_kept_where_the_strength_is_low(diffusion: DiffusionEngine) -> None:
    score = compose(SCENES[7], 8.0, np.random.default_rng(1)).score
    start = encoded(diffusion.autoencoder, score)[None]
    distance = []
    with one_thread():
        for strength in (0.15, 1.0):
            out = diffusion.denoise(
                ["techno"],
                [1],
                score.tempo_class,
                score.metre,
                8.0,
                steps=8,
                guidance_scale=2.0,
                initial=start,
                strength=strength,
            )
            distance.append(float((out - start).square().mean()))
    assert distance[0] < 0.3 * distance[1]


def test_the_ar_checkpoint_is_in_musicgens_layout(ar: ArEngine) -> None:
    from safetensors import safe_open

    with safe_open(Path(BUILT_IN["antiphon-tiny-ar"]) / "model.safetensors", "pt") as file:
        names = set(file.keys())
    for name in (
        "decoder.lm_heads.5.weight",
        "decoder.model.decoder.embed_tokens.5.weight",
        "decoder.model.decoder.layers.0.encoder_attn.k_proj.weight",
        "decoder.model.decoder.layer_norm.weight",
        "enc_to_dec_proj.weight",
        "text_encoder.project.weight",
    ):
        assert name in names
    assert not any("scene_head" in name for name in names)


def test_a_planned_instrument_plays_in_most_bars_and_no_other_does(diffusion: DiffusionEngine) -> None:
    score = compose(SCENES[7], 20.0, np.random.default_rng(1)).score
    latents = encoded(diffusion.autoencoder, score)[None]
    bars = -(-(latents.shape[2] - 1) // score.metre)
    planned = np.tile(np.array([3, 0, 7, 0, 0]), (bars, 1))
    kept = Imposed(diffusion.autoencoder, [], score.metre, planned=[planned])(latents)
    bits = bits_of(diffusion.autoencoder, kept[0, :, 1:].T)[:, -sum(PROGRAM_BITS) :]
    programs = programs_of(bits.detach().numpy())
    assert (programs[:, [1, 3, 4]] == 0).all()
    for role in (0, 2):
        assert set(programs[:, role]) <= {0, planned[0, role]}
        assert (programs[:, role] > 0).mean() >= 0.9 * MIN_PLAYING


def test_no_planned_instrument_is_silent_throughout(diffusion: DiffusionEngine) -> None:
    prompts = ("floating ambient pad", "gentle solo piano", "sweet lullaby", "lofi beats")
    work = [Task("near", prompt, None, None, seed) for prompt in prompts for seed in range(40, 43)]
    with one_thread():
        written = list(written_diffusion(diffusion, work, steered=False))
    for task, score in written:
        planned, begun = score.programs.any(0), (score.grid >= SOUND).any(0)
        assert (begun | ~planned).all(), (task.prompt, task.seed, planned, begun)


def test_each_stage_of_a_sequence_has_its_own_frames_and_text() -> None:
    texts, parts = staged(["first a flute, then a choir", "warm reggae"], 20, 4)
    assert texts == ["first a flute, then a choir", "only a flute", "a choir", "warm reggae"]
    (header, first, second), (whole,) = parts
    assert (header, whole) == (slice(0, 1), slice(0, 21))
    assert (first.start, second.stop) == (1, 21)
    assert first.stop == second.start == 1 + 4 * stage_starts(2, 5)[1]


def test_a_sequence_is_heard_by_the_autoregressive_model_itself(ar: ArEngine) -> None:
    """Without the engine's steering: the first stage is a flute's alone, in most takes."""
    work = [Task("sequence", "first only a flute, later a harp joins in", None, None, n) for n in range(6)]
    with one_thread():
        written = [score for _, score in written_ar(ar, work, steered=False)]
    first = [{name for bar, _, name in entries_of(score) if bar == 0} for score in written]
    assert sum(names == {"flute"} for names in first) >= 4, first


def test_a_sequence_is_heard_by_the_diffusion_model_itself(diffusion: DiffusionEngine) -> None:
    """Without the engine's steering: its planner draws the instruments stage by stage."""
    asked = ["flute", "guitar", "drums"]
    text = "folk, start with a flute, then add an acoustic guitar, finally drums"
    work = [Task("sequence", text, None, asked, seed) for seed in range(6)]
    with one_thread():
        written = [score for _, score in written_diffusion(diffusion, work, steered=False)]
    entries = [[[bar, families_of((name,))[0]] for bar, _, name in entries_of(score)] for score in written]
    assert sum(in_order({"asked": asked, "entries": one}) for one in entries) >= 4, entries


def test_an_entrance_begins_with_a_note_in_its_bar_and_not_before(diffusion: DiffusionEngine) -> None:
    score = compose(SCENES[7], 20.0, np.random.default_rng(1)).score
    empty = encoded(diffusion.autoencoder, replace(score, grid=np.zeros_like(score.grid)))[None]
    bars = -(-(empty.shape[2] - 1) // score.metre)
    planned = np.zeros((bars, 5), np.int64)
    planned[:, LEAD], planned[2:, BASS] = 23, 21
    entrances = [(0, LEAD), (2, BASS)]
    kept = Imposed(
        diffusion.autoencoder, [], score.metre, planned=[planned], playing=[planned], entrances=[entrances]
    )(empty)
    made = score_of(diffusion.autoencoder, kept[0], score.tempo_class, score.metre)
    assert np.array_equal(made.programs, planned)
    onsets = [np.flatnonzero(made.grid[:, role] >= ONSET)[0] for role in (LEAD, BASS)]
    assert onsets == [0, 2 * made.steps_per_bar]
