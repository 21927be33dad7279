"""What a prompt asks for, and how much of it the frozen judge finds."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bot.comparison.follow import Expectation, PromptReader
from bot.comparison.judge import FOLDER, Classification, Judge
from bot.engines.score import MODELS
from bot.engines.score.bank import SAMPLE_RATE, Bank
from bot.engines.score.sampler import Sampler
from bot.errors import ModelMissing
from training.compose import Settings, compose
from training.scenes import SCENE_BY_NAME


@pytest.fixture(scope="module")
def reader() -> PromptReader:
    return PromptReader()


@pytest.mark.parametrize(
    ("prompt", "scene", "instruments"),
    [
        ("dark driving techno", "techno", []),
        ("berghain 6am dont stop, hard four on the floor", "techno", []),
        ("schlaflied für ein baby", "lullaby", []),
        ("smoky jazz club, saxophone and drums", "jazz trio", [{"saxophone"}, {"drums"}]),
        ("strings", None, [{"strings"}]),
        ("gentle solo piano", "solo piano", [{"piano"}]),
        ("techno with a piano", "techno", [{"piano"}]),
        ("music", None, []),
        ("quarterly tax report", None, []),
        ("qwrtzp", None, []),
    ],
)
def test_a_prompt_asks_for_a_scene_and_instruments_as_far_as_the_judge_knows_them(
    prompt: str, scene: str | None, instruments: list[set[str]], reader: PromptReader
) -> None:
    asked = reader.expectation(prompt)
    if prompt != "strings":  # where an instrument alone is near to a scene, that may count
        assert asked.scene == scene
    assert list(asked.instruments) == instruments


def test_the_share_is_the_mean_of_the_scene_and_each_instrument() -> None:
    judge = Judge()
    families = dict.fromkeys(judge.families, 0.0) | {"drums": 0.99}
    found = Classification(
        scenes=dict.fromkeys(judge.scene_names, 0.0) | {"techno": 0.6},
        instruments=families,
        tempo=120,
        key=(0, False),
        brightness=1_000,
    )
    drums, flute = frozenset({"drums"}), frozenset({"flute"})
    assert Expectation("techno", ()).share(judge, found) == pytest.approx(0.6)
    assert Expectation("techno", (drums, flute)).share(judge, found) == pytest.approx(1.6 / 3)
    assert Expectation(None, (frozenset({"flute", "drums"}),)).share(judge, found) == 1
    assert Expectation(None, ()).share(judge, found) is None


@pytest.mark.parametrize(
    ("prompt", "own", "other"),
    [("dark driving techno with drums", "techno", "lullaby"), ("gentle solo piano", "solo piano", "techno")],
)
def test_music_of_the_scene_follows_its_prompt_better_than_other_music(
    prompt: str, own: str, other: str, reader: PromptReader
) -> None:
    judge, sampler = Judge(), Sampler(Bank(MODELS / "sounds"))
    asked = reader.expectation(prompt)

    def share(scene: str) -> float:
        shares = []
        for seed in range(3, 6):
            rng = np.random.default_rng(seed)
            score = compose(SCENE_BY_NAME[scene], 8.0, rng, Settings(guests=0.0, sequences=0.0)).score
            found = asked.share(judge, judge.classify(sampler.render(score, 8.0), SAMPLE_RATE))
            assert found is not None
            shares.append(found)
        return sum(shares) / len(shares)

    assert share(own) > 0.7
    assert share(other) < 0.2


def test_a_replaced_judge_is_refused_though_its_own_card_vouches_for_it(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "judge")
    data = (folder / "judge.npz").read_bytes() + b" "
    (folder / "judge.npz").write_bytes(data)
    card = json.loads((folder / "judge.json").read_text())
    (folder / "judge.json").write_text(json.dumps(card | {"sha256": hashlib.sha256(data).hexdigest()}))
    with pytest.raises(ModelMissing, match="hash differs"):
        Judge(folder)
