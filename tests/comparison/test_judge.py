import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bot.comparison import judge as judging
from bot.comparison.features import log_mel, mono
from bot.comparison.judge import FOLDER, Judge
from bot.engines.score import MODELS
from bot.engines.score.bank import SAMPLE_RATE, Bank
from bot.engines.score.sampler import Sampler
from bot.errors import ModelMissing
from training.compose import Settings, compose
from training.fit_judge import Net
from training.scenes import SCENES

PLAIN = Settings(guests=0.0, sequences=0.0)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge()


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    return Sampler(Bank(MODELS / "sounds"))


def test_it_knows_the_scenes_of_new_pieces(judge: Judge, sampler: Sampler) -> None:
    right = 0
    for number, scene in enumerate(SCENES):
        score = compose(scene, 8.0, np.random.default_rng([5, number]), PLAIN).score
        right += judge.classify(sampler.render(score, 8.0), SAMPLE_RATE).scene == scene.name
    assert right >= 0.85 * len(SCENES), right


def test_it_knows_solo_piano_in_the_models_own_sounds(judge: Judge, sampler: Sampler) -> None:
    scene = next(scene for scene in SCENES if scene.name == "solo piano")
    heard = []
    for number in range(6):
        score = compose(scene, 8.0, np.random.default_rng([6, number]), PLAIN).score
        heard.append(judge.classify(sampler.render(score, 8.0), SAMPLE_RATE).scene)
    assert heard.count("solo piano") >= 5, heard


def test_it_does_not_hear_one_scene_in_everything(judge: Judge) -> None:
    rng = np.random.default_rng(1)
    found = judge.classify((0.1 * rng.standard_normal((2, 5 * SAMPLE_RATE))).astype(np.float32), SAMPLE_RATE)
    assert sum(found.scenes.values()) == pytest.approx(1, abs=1e-4)
    assert all(0 <= p <= 1 for p in found.instruments.values())


def test_its_drums_and_distorted_guitars_are_heard_apart(judge: Judge, sampler: Sampler) -> None:
    by_name = {scene.name: scene for scene in SCENES}
    heard = {}
    for name in ("rock", "solo piano"):
        waves = [
            sampler.render(
                replace(compose(by_name[name], 8.0, np.random.default_rng(n), PLAIN).score, mix=0), 8.0
            )
            for n in range(5)
        ]
        found = [judge.classify(wave, SAMPLE_RATE) for wave in waves]
        heard[name] = {f: sum(judge.has(v, f) for v in found) for f in ("drums", "distorted guitar")}
    assert heard["rock"]["drums"] > heard["solo piano"]["drums"]
    assert heard["rock"]["distorted guitar"] > heard["solo piano"]["distorted guitar"]


def test_numpy_and_torch_agree(judge: Judge) -> None:
    net = Net().eval()
    names = {n: n.replace("convs.", "conv") for n in net.state_dict()}
    net.load_state_dict({n: torch.from_numpy(judge._weights[own]) for n, own in names.items()})
    rng = np.random.default_rng(2)
    mel = log_mel(mono(rng.standard_normal((2, 6 * SAMPLE_RATE)).astype(np.float32), SAMPLE_RATE))
    scenes, families = judge._forward(mel)
    w = judge._weights
    scaled = torch.from_numpy((mel - w["mean"][:, None]) / w["scale"][:, None])[None]
    with torch.no_grad():
        wanted = net(scaled, torch.from_numpy(judging.rhythm_features(mel))[None])
    assert np.allclose(scenes, wanted[0][0].numpy(), atol=1e-3)
    assert np.allclose(families, wanted[1][0].numpy(), atol=1e-3)


def test_another_file_is_not_the_frozen_judge(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "judge")
    data = bytearray((tmp_path / "judge" / "judge.npz").read_bytes())
    data[-1] ^= 1
    (tmp_path / "judge" / "judge.npz").write_bytes(bytes(data))
    with pytest.raises(ModelMissing, match="hash differs"):
        Judge(tmp_path / "judge")


def test_a_missing_judge_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="install"):
        Judge(tmp_path)
