"""Two clips of a duel are alike in all but the music."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import pytest
import soundfile
from mutagen.id3 import ID3, ID3NoHeaderError

from bot.audio import child
from bot.audio.finish import finish
from bot.audio.meter import true_peak
from bot.audio.pair import LOUDNESS_TOLERANCE_LU, Request, bandwidth, is_mono, neutralise
from bot.audio.tags import Provenance
from bot.recipe import Mode
from tests import tone
from tests.audio.signals import SIGNALS
from tests.builders import recipe

PAIRS = 14
MAX_BY_CHANCE = 11
"""Right guesses of 14; a coin gets more than that once in 150 times."""
pytestmark = pytest.mark.timeout(600)
MODELS = {Mode.AR: "lofi", Mode.DIFFUSION: "hifi"}


def clip(folder: Path, mode: Mode, seed: int, seconds: float = 2.0) -> Path:
    """A clip as the worker leaves it, tags and all."""
    asked = recipe(mode=mode, model=MODELS[mode], seed=seed, seconds=seconds)
    out = folder / f"{mode}-{seed}.mp3"
    finish(
        tone.wave_for(asked),
        asked,
        tone.describe(mode, asked.model),
        out,
        10_000_000,
        Provenance(device="cpu", slots=1),
    )
    return out


def request(folder: Path, a: Path, b: Path, name: str = "duel") -> Request:
    return Request(
        a=str(a),
        b=str(b),
        out_a=str(folder / f"{name}-a.mp3"),
        out_b=str(folder / f"{name}-b.mp3"),
        picture=str(folder / f"{name}.png"),
        max_bytes=10_000_000,
    )


def features(path: Path) -> np.ndarray:
    """What can be told of a file without listening."""
    wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.array(
        [
            path.stat().st_size,
            bandwidth(wave.T, rate),
            is_mono(wave.T),
            pyloudnorm.Meter(rate).integrated_loudness(wave),
            wave.shape[0] / rate,
            rate,
        ]
    )


def right_guesses(differences: np.ndarray, diffusion_on_a: np.ndarray) -> int:
    """Leave one out: a linear classifier learns from the others which way each feature points."""
    sign = np.where(diffusion_on_a, 1.0, -1.0)
    right = 0
    for left_out in range(len(sign)):
        others = np.arange(len(sign)) != left_out
        spread = differences[others].std(axis=0)
        scale = np.where(spread > 0, spread, 1)
        direction = (differences[others] * sign[others, None]).mean(axis=0) / scale
        score = float((differences[left_out] / scale) @ direction)
        right += score * sign[left_out] > 0
    return right


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of A less those of B, of the tagged files and of the neutral ones; and who is on A."""
    folder = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(5)
    diffusion_on_a = rng.permutation(np.arange(PAIRS) % 2 == 0)
    tagged, neutral = [], []
    for seed, on_a in enumerate(diffusion_on_a):
        a, b = (Mode.DIFFUSION, Mode.AR) if on_a else (Mode.AR, Mode.DIFFUSION)
        asked = request(folder, clip(folder, a, seed), clip(folder, b, seed), str(seed))
        neutralise(asked, rng)
        tagged.append(features(Path(asked.a)) - features(Path(asked.b)))
        neutral.append(features(Path(asked.out_a)) - features(Path(asked.out_b)))
    return np.array(tagged), np.array(neutral), diffusion_on_a


def test_nobody_guesses_the_side_without_listening(
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    tagged, neutral, diffusion_on_a = pairs
    assert right_guesses(tagged, diffusion_on_a) == PAIRS, "the tagged files do tell"
    assert right_guesses(neutral, diffusion_on_a) <= MAX_BY_CHANCE


def test_no_pair_differs_in_what_can_be_measured(pairs: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    _, neutral, _ = pairs
    size, hertz, channels, lufs, seconds, rate = np.abs(neutral).max(axis=0)
    assert (size, channels, seconds, rate) == (0, 0, 0, 0)
    assert hertz <= 600
    assert lufs <= LOUDNESS_TOLERANCE_LU


@pytest.mark.parametrize("other", ["drums", "clicks", "pad"])
def test_a_quiet_clip_brings_a_loud_one_down(tmp_path: Path, other: str) -> None:
    paths: list[Path] = []
    for name in ("noise", other):
        wave = SIGNALS[name](32_000, 2.0)
        asked = recipe(seconds=2.0)
        engine = replace(tone.describe(Mode.AR, "any"), channels=wave.shape[0])
        paths.append(tmp_path / f"{name}.mp3")
        finish(wave, asked, engine, paths[-1], 10_000_000, None)
    asked_pair = request(tmp_path, paths[0], paths[1])
    found = neutralise(asked_pair, np.random.default_rng(1))
    assert abs(found.lufs_a - found.lufs_b) <= LOUDNESS_TOLERANCE_LU
    for path in (asked_pair.out_a, asked_pair.out_b):
        wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
        assert true_peak(wave.T, rate) <= -1.0
        with pytest.raises(ID3NoHeaderError):
            ID3(path)


def test_the_process_answers_and_says_what_is_wrong(tmp_path: Path) -> None:
    asked = request(tmp_path, clip(tmp_path, Mode.AR, 1), clip(tmp_path, Mode.DIFFUSION, 1))
    assert run(asked)["sample_rate"] == 24_000
    assert Path(asked.picture).read_bytes().startswith(b"\x89PNG")
    Path(asked.b).write_bytes(b"no audio")
    assert "cannot be read" in run(asked)["error"]


def run(asked: Request) -> dict[str, Any]:
    code, out, _ = asyncio.run(child.run("bot.audio.pair", json.dumps(asdict(asked)).encode(), 120))
    assert code == 0
    answer: dict[str, Any] = json.loads(out)
    return answer
