"""Stems add up to the clip, whatever the mix does to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bot.engines.score import MODELS, mix
from bot.engines.score.bank import SAMPLE_RATE, Bank
from bot.engines.score.format import CHORD, LEAD, REST, ROLES
from bot.engines.score.programs import MIXES
from bot.engines.score.sampler import Sampler
from bot.engines.score.stems import NOISE, headroom, stems_of, write_stems
from training.compose import compose
from training.scenes import SCENES

TOLERANCE = 1e-5
"""−100 dB of full scale."""


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    return Sampler(Bank(MODELS / "sounds"))


@pytest.mark.parametrize("block", [mix.BLOCK_SECONDS, 1.5])
@pytest.mark.parametrize("name", MIXES)
def test_stems_add_up_to_the_clip(
    sampler: Sampler, name: str, block: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mix, "BLOCK_SECONDS", block)
    score = replace(compose(SCENES[1], 6.0, np.random.default_rng(1)).score, mix=MIXES.index(name))
    stems = stems_of(sampler, score, 6.0, 7)
    whole = sampler.render(score, 6.0, 7)
    assert set(stems) <= {*ROLES, NOISE}
    assert len(stems) > 2
    assert all(wave.shape == whole.shape for wave in stems.values())
    assert np.abs(sum(stems.values()) - whole).max() < TOLERANCE


def test_a_stem_holds_its_role_alone(sampler: Sampler) -> None:
    score = compose(SCENES[1], 6.0, np.random.default_rng(1)).score
    grid = score.grid.copy()
    grid[:, [role for role in range(5) if role not in (CHORD, LEAD)]] = REST
    stems = stems_of(sampler, replace(score, grid=grid, mix=0), 6.0, 7)
    assert set(stems) <= {"chord", "lead"}


def test_stems_on_disk_add_up_to_the_clip(sampler: Sampler, tmp_path: Path) -> None:
    score = compose(SCENES[1], 6.0, np.random.default_rng(1)).score
    stems = stems_of(sampler, score, 6.0, 7)
    files = write_stems(stems, tmp_path / "stems")
    waves = []
    for file in files:
        wave, rate = soundfile.read(file)
        assert rate == SAMPLE_RATE
        assert soundfile.info(file).subtype == "PCM_24"
        waves.append(wave.T)
    assert np.abs(sum(waves) * headroom(stems) - sampler.render(score, 6.0, 7)).max() < TOLERANCE


def test_stems_above_full_scale_are_lowered_alike(tmp_path: Path) -> None:
    loud = np.full((2, 100), 1.6, np.float32)
    files = write_stems({"lead": loud, "bass": -0.5 * loud}, tmp_path)
    lead, bass = (soundfile.read(file)[0] for file in files)
    assert lead.max() == pytest.approx(1.0, abs=1e-6)
    assert bass.min() == pytest.approx(-0.5, abs=1e-6)
