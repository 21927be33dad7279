from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bot.engines.score import MODELS, mix, synth
from bot.engines.score.bank import SAMPLE_RATE, Bank
from bot.engines.score.drums import KIT_STROKES
from bot.engines.score.format import LEAD, Score, note_token
from bot.engines.score.notes import tonic_of
from bot.engines.score.programs import KITS, MIXES, PROGRAM_ID, PROGRAMS
from bot.engines.score.sampler import Sampler
from bot.errors import ModelMissing
from tests.allocations import peak_bytes
from training.compose import compose
from training.scenes import SCENES


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    return Sampler(Bank(MODELS / "sounds"))


def a_score(scene: int = 1, seconds: float = 6.0) -> Score:
    return compose(SCENES[scene], seconds, np.random.default_rng(scene)).score


@pytest.mark.parametrize("seconds", [5.0, 6.337, 9.99])
def test_a_clip_has_exactly_its_length(sampler: Sampler, seconds: float) -> None:
    wave = sampler.render(a_score(), seconds)
    assert wave.shape == (2, round(seconds * SAMPLE_RATE))
    assert wave.dtype == np.float32
    assert np.isfinite(wave).all()
    assert 0.3 < np.abs(wave).max() <= 1


def test_the_same_score_and_seed_are_the_same_clip_whatever_was_played_before(sampler: Sampler) -> None:
    first = sampler.render(a_score(), 6.0, 7)
    sampler.render(a_score(4), 6.0, 8)
    assert (Sampler(Bank(MODELS / "sounds")).render(a_score(), 6.0, 7) == first).all()
    assert (sampler.render(a_score(), 6.0, 7) == first).all()
    assert (sampler.render(a_score(), 6.0, 8) != first).any()


@pytest.mark.parametrize("name", [p.name for p in PROGRAMS[1:] if p.name != "glitch"])
def test_an_instrument_sounds_at_the_pitch_asked_for(sampler: Sampler, name: str) -> None:
    program = PROGRAMS[PROGRAM_ID[name]]
    for pitch in (program.low + 3, (program.low + program.high) // 2, program.high - 3):
        wave = sampler._held((PROGRAM_ID[name], pitch, 2), SAMPLE_RATE)[0][2000:]
        assert np.sqrt(np.mean(wave**2)) > 1e-4, (name, pitch)
        spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 4 * len(wave)))
        hertz = np.fft.rfftfreq(4 * len(wave), 1 / SAMPLE_RATE)
        loudest = hertz[np.argmax(spectrum)]
        # The loudest partial may be any harmonic; bells have inharmonic ones, and are checked by ear alone.
        if program.family in ("bells", "mallets", "timpani"):
            continue
        harmonic = loudest / (440 * 2 ** ((pitch - 69) / 12))
        # Organs have ranks one and two octaves below.
        nearest = min((0.25, 0.5, *range(1, 40)), key=lambda h: abs(np.log2(harmonic / h)))
        assert abs(12 * np.log2(harmonic / nearest)) < 0.6, (name, pitch, harmonic)


def test_every_kit_has_every_stroke(sampler: Sampler) -> None:
    bank = Bank(MODELS / "sounds")
    assert len(KIT_STROKES) == len(KITS)
    for kit in KIT_STROKES[1:]:
        assert [len(part) for part in kit] == [3, 4, 7, 4]
        for part in kit:
            for stroke in part[1:]:
                assert np.abs(bank.stroke(stroke.sound)).max() > 0.5


@pytest.mark.parametrize("mix", range(len(MIXES)))
def test_every_mix_is_finite_and_ends_in_silence(sampler: Sampler, mix: int) -> None:
    wave = sampler.render(replace(a_score(10), mix=mix), 5.0)
    assert np.isfinite(wave).all()
    assert np.abs(wave[:, -1]).max() < 1e-3
    assert np.sqrt(np.mean(wave**2)) > 0.02


@pytest.mark.parametrize("name", [n for n, one in mix.MIXES.items() if not (one.crackle or one.rain)])
def test_a_clip_played_in_blocks_is_the_clip_played_at_once(
    sampler: Sampler, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = replace(a_score(3, 9.0), mix=MIXES.index(name))
    whole = sampler.render(score, 9.0, 7)
    monkeypatch.setattr(mix, "BLOCK_SECONDS", 2.0)
    np.testing.assert_allclose(sampler.render(score, 9.0, 7), whole, atol=1e-6)


@pytest.mark.parametrize("name", ["room", "cave", "rain", "neon"])
def test_playing_a_clip_takes_the_memory_of_the_clip_and_of_a_block(
    sampler: Sampler, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mix, "BLOCK_SECONDS", 3.0)
    short, long = (replace(a_score(3, seconds), mix=MIXES.index(name)) for seconds in (20.0, 60.0))
    sampler.render(long, 60.0, 7)  # what is kept from clip to clip is not counted
    peaks = [peak_bytes(partial(sampler.render, s, t, 7)) for s, t in ((short, 20.0), (long, 60.0))]
    clip = 2 * 4 * 40 * SAMPLE_RATE
    assert peaks[1] - peaks[0] < 1.5 * clip, "a further copy would make it 2"


def test_an_empty_score_is_quiet_but_well(sampler: Sampler) -> None:
    score = a_score()
    silent = replace(score, programs=np.zeros_like(score.programs), grid=np.zeros_like(score.grid), mix=0)
    wave = sampler.render(silent, 5.0)
    assert np.isfinite(wave).all()
    assert np.abs(wave).max() < 1e-3


def test_a_louder_level_is_louder(sampler: Sampler) -> None:
    score = a_score()
    levels = []
    for level in (0, 2):
        grid = np.zeros_like(score.grid)
        programs = np.zeros_like(score.programs)
        programs[:, LEAD] = PROGRAM_ID["piano"]
        grid[0, LEAD] = note_token(LEAD, 0, 2)
        grid[8, LEAD] = note_token(LEAD, 0, level)
        wave = sampler.render(replace(score, grid=grid, programs=programs, mix=0, swing=0), 5.0)
        start = round(8 * score.seconds_per_step * SAMPLE_RATE)
        first, second = np.abs(wave[:, : start - 2000]).max(), np.abs(wave[:, start : start + 9000]).max()
        levels.append(second / first)
    assert levels[0] < 0.75 * levels[1]


def test_roles_count_from_their_tonic() -> None:
    for key in range(12):
        assert all(tonic_of(role, key) % 12 == key for role in range(4))


def test_a_wave_table_holds_no_partial_above_half_the_rate() -> None:
    wave = synth.tone("supersaw", 2500.0, SAMPLE_RATE, SAMPLE_RATE)
    spectrum = np.abs(np.fft.rfft(wave[0] * np.hanning(SAMPLE_RATE)))
    partials = np.zeros(len(spectrum), bool)
    for k in range(1, 7):
        partials[2500 * k - 60 * k : 2500 * k + 60 * k] = True
    assert spectrum[~partials].max() < 0.02 * spectrum.max()


def test_a_folder_without_sounds_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="fetch the folder"):
        Bank(tmp_path)
