"""How notes and strokes sound when played louder, how they end, and how loud they are beside each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot.engines.score import MODELS
from bot.engines.score.bank import DRUM_LAYER_VELOCITIES, LAYER_VELOCITIES, SAMPLE_RATE, Bank
from bot.engines.score.drums import ALTERNATES
from bot.engines.score.format import CHORD, DRUMS, LEAD, drum_token
from bot.engines.score.notes import Hit, Note, notes_of
from bot.engines.score.programs import KIT_ID, PROGRAM_ID, PROGRAMS
from bot.engines.score.sampler import FloatArray, Sampler
from bot.errors import ModelMissing
from training.balance import LEVELS, measured
from training.compose import compose
from training.scenes import SCENES

MEGABYTES = 6
RECORDED = [program for program in PROGRAMS if program.gm is not None]


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    return Sampler(Bank(MODELS / "sounds"))


def note(name: str, length: float, pitch: int = 60, velocity: float = 0.7) -> Note:
    return Note(0.0, length, pitch, velocity, LEAD, PROGRAM_ID[name])


def stroke(kit: str, part: int, state: int, velocity: float = 0.7, alternate: int = 0) -> Hit:
    return Hit(0.0, part, state, velocity, KIT_ID[kit], alternate)


def centroid(wave: FloatArray) -> float:
    """Mean frequency of the power of a wave [2, n], in Hz."""
    power = np.abs(np.fft.rfft(wave[0].astype(np.float64))) ** 2
    return float((power * np.fft.rfftfreq(wave.shape[1], 1 / SAMPLE_RATE)).sum() / power.sum())


def ringing(wave: FloatArray, end: float) -> float:
    """Seconds from the end of a note until it has fallen by 40 dB."""
    first = round(end * SAMPLE_RATE)
    level = np.abs(wave[:, : len(wave[0]) // 320 * 320]).max(0).reshape(-1, 320).max(1)
    before = level[first // 320 - 5 : first // 320].max()
    return float((np.flatnonzero(level > 0.01 * before)[-1] + 1) * 320 - first) / SAMPLE_RATE


def test_a_louder_piano_and_trumpet_are_brighter(sampler: Sampler) -> None:
    for name, least in (("piano", 1.15), ("trumpet", 1.15), ("vibraphone", 1.15), ("nylon guitar", 1.05)):
        heard = [
            centroid(sampler.dry([note(name, 1.0, velocity=v)], [], SAMPLE_RATE)) for v in LAYER_VELOCITIES
        ]
        assert heard == sorted(heard), name
        assert heard[-1] > least * heard[0], name


def test_a_louder_drum_is_brighter(sampler: Sampler) -> None:
    for part, state, least in ((0, 1, 1.2), (1, 2, 1.5), (2, 1, 1.5)):
        hits = [stroke("acoustic kit", part, state, velocity) for velocity in DRUM_LAYER_VELOCITIES]
        heard = [centroid(sampler.dry([], [hit], SAMPLE_RATE)) for hit in hits]
        assert heard == sorted(heard)
        assert heard[-1] > least * heard[0]


def test_a_note_ends_as_its_instrument_does(sampler: Sampler) -> None:
    seconds = {
        name: ringing(sampler.dry([note(name, 0.5)], [], 3 * SAMPLE_RATE), 0.5)
        for name in ("organ", "clarinet", "piano", "nylon guitar", "string ensemble", "slow strings", "harp")
    }
    assert max(seconds["organ"], seconds["clarinet"]) < 0.1
    assert 0.2 < seconds["piano"] < 0.35, "the dampers"
    assert 2 * seconds["organ"] < seconds["piano"] < seconds["nylon guitar"] < seconds["string ensemble"]
    assert seconds["string ensemble"] < seconds["slow strings"]
    assert seconds["harp"] > 3 * seconds["piano"], "nothing damps it"


def test_a_steady_note_falls_at_the_rate_of_the_bank(sampler: Sampler) -> None:
    bank = Bank(MODELS / "sounds")
    for name in ("church organ", "string ensemble", "choir", "violin"):
        heard = ringing(sampler.dry([note(name, 0.5, 67, LAYER_VELOCITIES[1])], [], 3 * SAMPLE_RATE), 0.5)
        assert heard == pytest.approx(2 / 3 * bank.layers(name)[1].release, rel=0.25), name


def test_the_releases_of_the_programs_are_those_of_the_bank() -> None:
    bank = Bank(MODELS / "sounds")
    for program in RECORDED:
        assert program.release == pytest.approx(bank.layers(program.name)[1].release, abs=0.006), program.name


@pytest.mark.parametrize("velocity", [LAYER_VELOCITIES[0], LAYER_VELOCITIES[3]])
def test_no_note_clicks_at_its_end(sampler: Sampler, velocity: float) -> None:
    for program in PROGRAMS[1:]:
        jumps = []
        for seconds in (0.4, 3.8):
            played = Note(0.0, seconds, program.centre, velocity, CHORD, PROGRAM_ID[program.name])
            wave = sampler.dry([played], [], round(3.8 * SAMPLE_RATE))
            jumps.append(np.abs(np.diff(wave, axis=1)).max(0))
        short, held = jumps
        assert short.max() <= held.max(), program.name
        assert short[-SAMPLE_RATE // 2 :].max() == 0, "over after its release"


def test_strokes_of_a_recorded_drum_differ_in_turn_and_those_of_a_machine_do_not(sampler: Sampler) -> None:
    for kit, part, state, differ in (
        ("acoustic kit", 0, 1, True),
        ("acoustic kit", 1, 2, True),
        ("acoustic kit", 2, 1, True),
        ("brush kit", 1, 1, True),
        ("house kit", 0, 1, False),
        ("trap kit", 2, 1, False),
        ("chip kit", 1, 2, False),
    ):
        waves = [
            sampler.dry([], [stroke(kit, part, state, alternate=n)], SAMPLE_RATE)
            for n in range(len(ALTERNATES))
        ]
        for n, wave in enumerate(waves):
            other = waves[n - 1]
            assert np.array_equal(wave, other) != differ, (kit, part)
            apart = np.sqrt(np.mean(wave**2) / np.mean(other**2))
            assert 0.79 < apart < 1.26, "the same drum, within 2 dB"


def test_alternates_come_in_turn_with_the_strokes_of_a_part() -> None:
    score = compose(SCENES[10], 8.0, np.random.default_rng(1)).score
    grid = score.grid.copy()
    grid[:, DRUMS] = 0
    grid[0::4, DRUMS] = drum_token(1, 0, 1, 0)
    grid[2::4, DRUMS] = drum_token(0, 0, 2, 0)
    programs = np.where(np.arange(5) == DRUMS, KIT_ID["acoustic kit"], score.programs).astype(np.int16)
    for seed in (0, 7):
        hits = notes_of(replace(score, grid=grid, programs=programs), seed)[1]
        for part in (0, 2):
            turns = [hit.alternate for hit in hits if hit.part == part]
            assert turns[:7] == [0, 1, 2, 0, 1, 2, 0], "whatever the state and the seed"


def test_instruments_and_kits_have_the_loudness_of_their_role(sampler: Sampler) -> None:
    found = measured(sampler)
    assert len(found) == len(PROGRAMS) - 1 + len(KIT_ID) - 1
    for name, (role, level) in found.items():
        assert level == pytest.approx(LEVELS[role], abs=0.15), (name, role)


def test_a_clip_has_no_offset(sampler: Sampler) -> None:
    for number in (1, 7, 10):
        score = replace(compose(SCENES[number], 8.0, np.random.default_rng(number)).score, mix=0)
        wave = sampler.render(score, 8.0, 3)
        assert np.abs(wave.mean(1)).max() < 1e-4


def test_the_sounds_are_small() -> None:
    assert sum(file.stat().st_size for file in (MODELS / "sounds").iterdir()) <= MEGABYTES * 10**6


@pytest.mark.parametrize("kept", [0.25, 0.97], ids=["before the note", "within it"])
def test_a_sound_that_is_cut_short_is_refused(tmp_path: Path, kept: float) -> None:
    for file in (MODELS / "sounds").iterdir():
        data = file.read_bytes()
        cut = round(kept * len(data)) if file.name == "flute.ogg" else len(data)
        (tmp_path / file.name).write_bytes(data[:cut])
    bank = Bank(tmp_path)
    bank.sample("piano", 60)
    with pytest.raises(ModelMissing, match=r"flute\.ogg"):
        bank.sample("flute", 96)
