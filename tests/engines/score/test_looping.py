"""Clips that loop: whole bars, what rings out at the end is heard at the beginning, and nothing jumps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio.finish import finish
from bot.audio.meter import Wave
from bot.audio.mp3 import decode
from bot.audio.tags import Provenance
from bot.comparison import features
from bot.engines.base import RenderRequest
from bot.engines.score import BUILT_IN, MODELS, load
from bot.engines.score.bank import SAMPLE_RATE, Bank
from bot.engines.score.engine import ScoreEngine, _repainted
from bot.engines.score.files import make
from bot.engines.score.format import (
    COUNTER,
    LEAD,
    ONSET,
    STEPS_PER_BEAT,
    TAIL_SECONDS,
    Score,
    note_token,
    tempo_of,
)
from bot.engines.score.known import with_length
from bot.engines.score.looping import loop_samples, looped, seconds_to_write
from bot.engines.score.programs import MIXES, PROGRAM_ID
from bot.engines.score.sampler import Sampler
from bot.engines.score.serialize import from_text
from bot.engines.score.stems import stems_of
from bot.recipe import Mode, Recipe, Role, Task
from tests.engines.context import RecordingContext
from tests.engines.score.test_sections import blank, metres, tempos

BARS = 3
BAR_SAMPLES = 5 * SAMPLE_RATE
"""Of the slowest tempo, 48 beats a minute in fours: a bar has whole samples."""


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    return Sampler(Bank(MODELS / "sounds"))


def tune(mix: str = "room") -> Score:
    """Three bars of a lead alone, each with notes of its own; the first begins with a rest."""
    score = blank(BARS * 5 + TAIL_SECONDS, 0, 4)
    grid = score.grid.copy()
    for bar in range(BARS):
        for beat in range(1, 4):
            pitch = 3 * bar + 2 * beat
            grid[16 * bar + 4 * beat, LEAD] = note_token(LEAD, pitch, 2)
            grid[16 * bar + 4 * beat + 1 : 16 * bar + 4 * beat + 4, LEAD] = 1
    programs = np.where(score.programs > 0, PROGRAM_ID["flute"], 0).astype(np.int16)
    return replace(score, grid=grid, programs=programs, mix=MIXES.index(mix))


def turned(score: Score, bars: int) -> Score:
    """The score begun a number of bars later, with what was before at its end."""
    return replace(
        score,
        grid=np.roll(score.grid, -bars * score.steps_per_bar, axis=0),
        programs=np.roll(score.programs, -bars, axis=0),
    )


def join(wave: Wave, rate: int) -> tuple[float, float]:
    """How a clip that is played twice goes from its end to its beginning, each 1 as elsewhere in the clip.

    The jump between the samples there over the highest in the 50 ms around; the spectral flux over the
    clip's highest.
    """
    twice, end = np.concatenate([wave, wave], axis=1), wave.shape[1]
    jumps = np.abs(np.diff(twice, axis=1)).max(axis=0)
    near = np.r_[jumps[end - rate // 20 : end - 1], jumps[end : end + rate // 20]]
    mel = features.log_mel(features.mono(twice, rate))
    flux = np.maximum(0, np.diff(mel, axis=1)).mean(0)
    frame = round(end / rate * features.FRAMES_PER_SECOND)
    return float(jumps[end - 1] / near.max()), float(
        flux[frame - 3 : frame + 4].max() / flux[8 : frame - 8].max()
    )


@given(seconds=st.floats(5, 60), tempo=tempos, metre=metres)
def test_a_loop_has_the_whole_bars_that_are_nearest(seconds: float, tempo: int, metre: int) -> None:
    written = blank(seconds_to_write(seconds, None), tempo, metre)
    score = looped(written, seconds, None)
    bar = metre * 60 / tempo_of(tempo)
    assert len(score.grid) == metre * STEPS_PER_BEAT * len(score.programs)
    length = len(score.programs) * bar
    assert abs(length - seconds) <= bar / 2 + 1e-6 or len(score.programs) == 1
    assert abs(loop_samples(score) - length * SAMPLE_RATE) <= 1
    again = with_length(score, seconds_to_write(seconds, score))
    assert len(again.grid) == len(looped(again, seconds, score).grid) == len(score.grid)


def test_a_loop_leaves_a_sparse_opening_and_the_ending_out() -> None:
    written = blank(seconds_to_write(60, None), 0, 4)
    grid, programs = written.grid.copy(), written.programs.copy()
    # Two bars of the lead alone; from the third on, four notes a bar; the bars of the ending are empty.
    programs[:] = PROGRAM_ID["flute"]
    grid[0:32:16, LEAD] = note_token(LEAD, 5, 2)
    ending = 16 * (len(programs) - 3)
    for role in (LEAD, COUNTER):
        grid[32:ending:4, role] = note_token(role, 5, 2)
    played = looped(replace(written, grid=grid, programs=programs), 60, None)
    assert len(played.programs) == 12
    assert [(played.grid[16 * bar : 16 * bar + 16, LEAD] >= ONSET).sum() for bar in range(12)] == [4] * 12
    kept = looped(replace(written, grid=grid, programs=programs), 60, written)
    assert (kept.grid == grid[: 12 * 16]).all(), "what is made of a source begins where it does"
    # Bars that are alike only from the seventh on, and the ending is among the twelve from there.
    programs[:6] = PROGRAM_ID["organ"]
    grid[: 6 * 16 : 2, LEAD] = note_token(LEAD, 5, 2)
    played = looped(replace(written, grid=grid, programs=programs), 60, None)
    assert (played.grid[-16:, LEAD] >= ONSET).any()


@pytest.mark.parametrize("mix", ["room", "hall", "cathedral", "club", "chip", "dub"])
def test_a_loop_begun_a_bar_later_is_the_same_loop(sampler: Sampler, mix: str) -> None:
    score = tune(mix)
    wave = sampler.render(score, 0, None, loop=True)  # type: ignore[arg-type]  # without unevenness of hands
    assert wave.shape == (2, BARS * BAR_SAMPLES)
    for bars in (1, 2):
        later = sampler.render(turned(score, bars), 0, None, loop=True)  # type: ignore[arg-type]
        same = np.roll(wave, -bars * BAR_SAMPLES, axis=1)
        # Its level can be another: that of what is played before it counts too.
        assert np.corrcoef(later[0], same[0])[0, 1] > 0.9995


@pytest.mark.parametrize("mix", MIXES)
def test_no_mix_jumps_where_a_loop_begins_again(sampler: Sampler, mix: str) -> None:
    jump, _ = join(sampler.render(tune(mix), 0, 7, loop=True), SAMPLE_RATE)
    assert jump <= 1.5  # crackle and rain are noise: any two of their samples are as far apart


def test_what_rings_out_at_the_end_is_heard_at_the_beginning(sampler: Sampler) -> None:
    first = slice(0, SAMPLE_RATE // 5)
    score = tune("cathedral")
    straight, circle = (sampler.render(score, 15.0, 7, loop=loop)[:, first] for loop in (False, True))
    assert np.abs(straight).max() < 1e-6, "a rest"
    assert np.std(circle) > 0.01


def test_the_stems_of_a_loop_add_up_to_it(sampler: Sampler) -> None:
    score = tune("tape")
    stems = stems_of(sampler, score, 0, 7, loop=True)
    assert np.abs(sum(stems.values()) - sampler.render(score, 0, 7, loop=True)).max() < 1e-4


def rendered(
    engine: ScoreEngine, task: Task = Task.TEXT, source: Path | None = None, **changes: object
) -> RecordingContext:
    options: dict[str, object] = {"loop": "true"} | dict(changes.pop("options", {}))  # type: ignore[call-overload]
    recipe = Recipe(
        prompt="swinging jazz trio",
        mode=engine.capabilities.mode,
        model=engine.capabilities.model,
        seconds=12.0,
        seed=4,
        task=task,
        options=options,  # type: ignore[arg-type]
        sources={Role.INITIAL: 1} if source else {},
    )
    context = RecordingContext(recipe)
    context.waiting = [RenderRequest(1, recipe, {Role.INITIAL: source} if source else {})]
    engine.run(context)
    assert context.errors == {}
    return context


@pytest.mark.parametrize("mode", Mode)
def test_a_clip_of_each_model_loops_as_a_file(mode: Mode, tmp_path: Path) -> None:
    engine = load(mode, BUILT_IN[f"antiphon-tiny-{mode}"])
    assert isinstance(engine, ScoreEngine)
    context = rendered(engine)
    wave, score = context.waves[1], from_text(context.scores[1])
    assert (score.grid[-score.steps_per_bar :] >= ONSET).any()
    assert wave.shape[1] == loop_samples(score) != 12 * SAMPLE_RATE
    recipe = Recipe(prompt="x", mode=mode, model="x", seconds=12, seed=1, options={"loop": "true"})
    for ending in (".flac", ".wav", ".mp3"):
        file = tmp_path / f"clip{ending}"
        clip = finish(
            wave, recipe, engine.capabilities, file, 10**8, Provenance("cpu", 1), score=context.scores[1],
            with_picture=False,
        )  # fmt: skip
        made, rate = decode(file)
        assert made.shape[1] == wave.shape[1], "an MP3 tells its decoder what the encoder added"
        assert clip.seconds == wave.shape[1] / SAMPLE_RATE
        jump, flux = join(made, rate)
        assert jump <= 1
        assert flux <= 1
        # Nothing fades: the ends have the gain of the whole.
        gains = [
            np.std(made[:, part]) / np.std(wave[:, part]) for part in (slice(0, 1600), slice(-1600, None))
        ]
        assert gains == pytest.approx([np.std(made) / np.std(wave)] * 2, rel=0.15)

    source = tmp_path / "clip.flac"
    before = decode(source)[0]
    request = {
        "clip": str(tmp_path / "clip.mp3"),
        "kind": "flac",
        "folder": str(tmp_path / "later"),
        "title": "x",
    }
    (tmp_path / "later").mkdir()
    (name,) = make(request | {"seconds": 12.0, "seed": 4, "loop": True})["files"]
    assert np.array_equal(decode(tmp_path / "later" / name)[0], before), "the FLAC of Details"
    for start, end in ((3.0, 6.0), (9.0, 12.0)):
        part = {"repaint_start": start, "repaint_end": end}
        again = rendered(engine, Task.REPAINT, source, options=part).waves[1]
        assert again.shape == before.shape
        assert 0.2 < np.mean(again == before) < 0.9, "the rest is sample for sample the same"
        assert join(again, SAMPLE_RATE)[0] <= 1
    engine.close()


def test_the_seam_of_a_repaint_at_the_beginning_of_a_loop_lies_at_its_end() -> None:
    source, made = np.full((2, 64_000), 0.5, np.float32), np.full((2, 64_000), -0.5, np.float32)
    wave = _repainted(source, made, 0, 32_000, loop=True)
    assert (wave[:, :30_000] == -0.5).all(), "the first note has its whole attack"
    assert (wave[:, 32_000:62_000] == 0.5).all()
    assert (np.diff(wave[0, 62_400:]) < 0).all()
