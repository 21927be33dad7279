from pathlib import Path

import numpy as np
import pytest
import torch

from bot.engines.score.bits import to_bits
from bot.engines.score.format import CLOCK_BAR, CLOCK_STEP, PROGRAM_BASE, STREAMS, to_frames
from bot.engines.score.latent import ScoreAutoencoder, encoded, score_of
from training.captions import WORDS
from training.compose import Settings, random_piece
from training.dataset import CAPTIONS, FIRST_SEED, TEXTS, Shard, load, write_shard
from training.evaluate import tasks
from training.loop import READ_ALONE, TEXT_WIDTH, Batches, Run, SceneHead, read_alone, text_encoder
from training.report import in_order, interval, shuffled
from training.train_ar import BAR_WEIGHT, ENTRY_WEIGHT, PAD, delayed, weights_of
from training.train_latent import principal


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Shard:
    folder = tmp_path_factory.mktemp("data")
    write_shard(folder / "shard_0000.npz", FIRST_SEED, 40, Settings())
    return load(folder)


def test_a_shard_holds_the_pieces_of_its_seeds(shard: Shard) -> None:
    assert len(shard) == 40
    piece = random_piece(np.random.default_rng(FIRST_SEED + 7))
    assert (shard.piece(7) == to_frames(piece.score, piece.seconds)).all()
    assert shard.captions.shape == (40, CAPTIONS, TEXTS)
    assert (shard.captions[:, :, 0] >= 0).all()
    assert shard.captions.max() == len(shard.vectors) - 1


def test_data_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"training\.dataset"):
        load(tmp_path)


def test_streams_are_delayed_by_their_number(shard: Shard) -> None:
    frames = [shard.piece(0), shard.piece(1)]
    columns, weights = delayed(frames), weights_of(frames)
    for row, piece in enumerate(frames):
        for stream in range(STREAMS):
            assert (columns[row, stream, : 1 + stream] == PAD).all()
            assert (
                columns[row, stream, 1 + stream : 1 + stream + piece.shape[1]].numpy() == piece[stream]
            ).all()
    assert (weights[:, 0] == 0).all()
    assert ((weights > 0) <= (columns != PAD)).all()


def test_an_instrument_that_enters_weighs_more_than_one_that_goes_on(shard: Shard) -> None:
    piece = next(p for p in map(shard.piece, range(len(shard))) if p.shape[1] > 60).copy()
    bars = np.flatnonzero((piece[0] >= CLOCK_BAR) & (piece[0] < CLOCK_STEP))
    piece[1:, bars] = PROGRAM_BASE + 1
    piece[3, bars[2:]] = PROGRAM_BASE + 5
    weights = weights_of([piece])[0].numpy()
    of_role = [[weights[role, 1 + role + bar] for bar in bars[:4]] for role in (2, 3)]
    assert of_role == [
        [ENTRY_WEIGHT, BAR_WEIGHT, BAR_WEIGHT, BAR_WEIGHT],
        [ENTRY_WEIGHT, BAR_WEIGHT, ENTRY_WEIGHT, BAR_WEIGHT],
    ]


def test_captions_are_read_for_their_scene_even_where_none_is_told(shard: Shard) -> None:
    batches = Batches(shard, np.diff(shard.starts), 600, 0)
    states, mask, scenes = read_alone(text_encoder(), batches)
    assert states.shape == (*mask.shape, TEXT_WIDTH)
    assert len(scenes) == READ_ALONE
    head = SceneHead(TEXT_WIDTH)
    assert head(states, mask, scenes) > 0
    assert head(states, torch.zeros_like(mask), scenes) == 0


def test_batches_are_of_about_one_length_and_a_tenth_has_no_words(shard: Shard) -> None:
    lengths = np.diff(shard.starts)
    batches = Batches(shard, lengths, 600, 0)
    silent = []
    for number, indices in enumerate(batches):
        assert lengths[indices].max() * len(indices) < 2_600
        captions = batches.captions(indices)
        assert captions.vectors.shape[:2] == captions.present.shape
        silent += (~captions.attention_mask.any(1)).tolist()
        if number == 60:
            break
    assert 0.04 < np.mean(silent) < 0.18


def steps_of(run: Run, count: int) -> None:
    for number in range(count):
        generator = torch.Generator().manual_seed(number)
        loss = run.model(torch.randn(4, 3, generator=generator)).square().mean()
        run.update(loss, {"loss": float(loss.detach())})


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    torch.manual_seed(0)
    run = Run(tmp_path / "run", torch.nn.Linear(3, 2), minutes=60, rate=0.1)
    steps_of(run, 5)
    run.save()
    again = Run(tmp_path / "run", torch.nn.Linear(3, 2), minutes=60, rate=0.1)
    assert again.step == 5
    assert again.spent == run.spent
    for name, value in run.model.state_dict().items():
        assert (again.model.state_dict()[name] == value).all()
        assert (again.average[name] == run.average[name]).all()
    steps_of(again, 3)
    assert again.step == 8
    assert not torch.equal(again.model.state_dict()["weight"], run.model.state_dict()["weight"])


def test_a_run_lasts_its_minutes(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", torch.nn.Linear(3, 2), minutes=0, rate=0.1)
    assert run.finished


def test_principal_components_bring_most_of_a_score_back() -> None:
    scores = [random_piece(np.random.default_rng(n)).score for n in range(60)]
    bits = np.concatenate(
        [
            to_bits(
                s.grid.reshape(-1, 4, 5),
                s.programs[np.arange(len(s.grid) // 4) // s.metre],
                np.full(len(s.grid) // 4, s.scale),
            )
            for s in scores
        ]
    )
    coder = ScoreAutoencoder()
    principal(coder, bits)
    right = []
    for score in scores[:10]:
        again = score_of(coder, encoded(coder, score), score.tempo_class, score.metre)
        for name in ("key", "scale", "swing", "mix"):
            assert getattr(again, name) == getattr(score, name)
        right.append(np.mean(again.grid == score.grid))
    assert np.mean(right) > 0.95


def test_the_evaluation_has_enough_clips_of_every_scene() -> None:
    near = tasks(("near",))
    assert min(sum(t.scene == scene for t in near) for scene in {t.scene for t in near}) >= 20
    assert len({t.scene for t in near}) == 28
    assert len({(t.prompt, t.seed) for t in near}) == len(near)
    far = {t.prompt for t in tasks(("far",))}
    assert not far & {t.prompt for t in near}


def test_no_caption_uses_a_wording_that_is_kept_apart() -> None:
    for task in tasks(("far",)):
        assert task.scene is not None
        words = WORDS[task.scene]
        for phrase in words.names + words.settings:
            assert " " not in phrase or phrase not in task.prompt


def test_an_order_is_kept_only_if_all_enter_one_after_the_other() -> None:
    def clip(*entries: tuple[int, str]) -> dict[str, object]:
        return {"asked": ["cello", "harp"], "entries": [list(e) for e in entries]}

    assert in_order(clip((0, "cello"), (2, "harp")))
    assert not in_order(clip((0, "harp"), (2, "cello")))
    assert not in_order(clip((0, "cello")))
    assert not in_order(clip((0, "cello"), (0, "harp")))


def test_clips_are_shuffled_within_their_group() -> None:
    near = [{"group": "near", "prompt": str(n), "scene": str(n), "asked": None} for n in range(30)]
    rest = [{"group": "instrument", "prompt": "x", "scene": None, "asked": f"family {n}"} for n in range(30)]
    mixed = shuffled(near + rest)
    assert sorted(c["scene"] for c in mixed if c["group"] == "near") == sorted(str(c["scene"]) for c in near)
    assert sum(c["scene"] == c["prompt"] for c in mixed) < 8
    assert all(c["asked"].startswith("family") for c in mixed if c["group"] == "instrument")


def test_intervals_hold_the_mean_and_widen_with_fewer_prompts() -> None:
    rng = np.random.default_rng(0)

    def width(prompts: int) -> float:
        clips = [{"prompt": str(p), "x": float(rng.random() < 0.5)} for p in range(prompts) for _ in range(4)]
        text = interval(clips, lambda c: c["x"])
        mean, low, high = (
            float(t) for t in text.replace("(", "").replace(")", "").replace("to ", "").split()
        )
        assert low <= mean <= high
        return high - low

    assert width(10) > 1.5 * width(160)
