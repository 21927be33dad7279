"""Clips made from clips by the models that ship: continued, varied, repainted, and hybrids of both modes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio.finish import finish
from bot.audio.mp3 import decode
from bot.audio.tags import Provenance, read_score
from bot.engines.base import RenderRequest
from bot.engines.score import BUILT_IN, load
from bot.engines.score.engine import ScoreEngine, _repainted
from bot.engines.score.format import DRUMS, ONSET, Score
from bot.engines.score.known import kept_instruments
from bot.engines.score.serialize import from_text
from bot.errors import InvalidRecipe, UserError
from bot.recipe import Mode, Recipe, Role, Task
from tests.engines.context import RecordingContext
from tests.engines.score.test_sections import blank

PROMPT = "calm jazz trio with piano"


@dataclass
class Made:
    """A clip: its MP3 and its score."""

    path: Path
    score: Score


class Studio:
    """Renders recipes of one model and writes the MP3s, as the worker does."""

    def __init__(self, engine: ScoreEngine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self._count = 0

    def context(self, source: Path | None, task: Task, **changes: object) -> RecordingContext:
        role = {Task.TEXT: None, Task.CONTINUE: Role.START}.get(task, Role.INITIAL)
        known: dict[str, object] = {"prompt": PROMPT, "seconds": 10.0, "seed": 5} | changes
        options = known.pop("options", {})
        recipe = Recipe(
            mode=self.engine.capabilities.mode,
            model=self.engine.capabilities.model,
            task=task,
            options=options,  # type: ignore[arg-type]
            sources={} if role is None else {role: 1},
            **known,  # type: ignore[arg-type]
        )
        context = RecordingContext(recipe)
        context.waiting = [RenderRequest(1, recipe, {role: source} if role and source else {})]
        self.engine.run(context)
        return context

    def made(self, source: Path | None = None, task: Task = Task.TEXT, **changes: object) -> Made:
        context = self.context(source, task, **changes)
        assert context.errors == {}
        self._count += 1
        path = self.folder / f"{self._count}.mp3"
        recipe = Recipe(
            prompt=PROMPT, mode=Mode.AR, model="x", seconds=context.waves[1].shape[1] / 32_000, seed=1
        )
        finish(
            context.waves[1],
            recipe,
            self.engine.capabilities,
            path,
            10**8,
            Provenance("cpu", 1),
            score=context.scores[1],
            with_picture=False,
        )
        return Made(path, from_text(read_score(path)))


def built_in(mode: Mode) -> ScoreEngine:
    engine = load(mode, BUILT_IN[f"antiphon-tiny-{mode}"])
    assert isinstance(engine, ScoreEngine)
    return engine


@pytest.fixture(scope="module", params=list(Mode))
def studio(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    mode: Mode = request.param
    engine = built_in(mode)
    yield Studio(engine, tmp_path_factory.mktemp(f"{mode}"))
    engine.close()


@pytest.fixture(scope="module")
def first(studio: Studio) -> Made:
    return studio.made()


def kept_notes(before: Score, after: Score) -> float:
    """The share of a score's notes that another of its length has at the same place."""
    notes = before.grid >= ONSET
    return float((after.grid == before.grid)[notes].mean())


def test_a_clip_carries_its_score(studio: Studio, first: Made) -> None:
    again = studio.made()
    assert np.array_equal(again.score.grid, first.score.grid)
    assert (first.score.grid >= ONSET).any()


def test_a_continuation_begins_as_its_source_does(studio: Studio, first: Made) -> None:
    longer = studio.made(first.path, Task.CONTINUE, seconds=20, seed=9)
    whole = len(first.score.grid) // first.score.steps_per_bar * first.score.steps_per_bar
    assert np.array_equal(longer.score.grid[:whole], first.score.grid[:whole])
    assert (longer.score.tempo_class, longer.score.key) == (first.score.tempo_class, first.score.key)
    after = longer.score.grid[whole:]
    for bar in range(0, len(after) - longer.score.steps_per_bar, longer.score.steps_per_bar):
        assert (after[bar : bar + longer.score.steps_per_bar] >= ONSET).any(), "no bar is empty"
    assert decode(longer.path)[0].shape[1] == 20 * 32_000


def test_a_repaint_keeps_the_rest_sample_for_sample(studio: Studio, first: Made) -> None:
    options = {"repaint_start": 3.0, "repaint_end": 6.0}
    wave = studio.context(first.path, Task.REPAINT, seed=11, options=options).waves[1]
    before = decode(first.path)[0]
    bar = first.score.steps_per_bar * first.score.seconds_per_step
    start, end = int((3.0 - bar - 0.05) * 32_000), int((6.0 + bar) * 32_000)
    assert np.array_equal(wave[:, :start], before[:, :start])
    assert np.array_equal(wave[:, end:], before[:, end:])
    middle = slice(round(3.5 * 32_000), round(5.5 * 32_000))
    assert np.corrcoef(wave[0, middle], before[0, middle])[0, 1] < 0.9


def test_instruments_play_on_in_what_is_made_anew(tmp_path: Path) -> None:
    studio = Studio(built_in(Mode.DIFFUSION), tmp_path)
    prompt = "driving dark techno"  # has other leads and chords with each seed
    first = studio.made(prompt=prompt, seed=102, seconds=24).path
    source = from_text(read_score(first)).programs
    bars = len(source)
    for seed in range(103, 107):
        options = {"repaint_start": 8.0, "repaint_end": 16.0}
        repaint = studio.context(first, Task.REPAINT, prompt=prompt, seed=seed, seconds=24, options=options)
        longer = studio.context(first, Task.CONTINUE, prompt=prompt, seed=seed, seconds=40)
        for task, context in ((Task.REPAINT, repaint), (Task.CONTINUE, longer)):
            programs = from_text(context.scores[1]).programs
            for role in np.flatnonzero(source.any(0)):
                assert set(programs[:, role]) <= {0, *source[:, role]}, (task, seed, role)
        assert not np.array_equal(from_text(repaint.scores[1]).programs[:bars], source)


def test_a_repaint_has_the_level_of_its_source(studio: Studio, first: Made) -> None:
    before = decode(first.path)[0]
    wave = _repainted(0.05 * before, studio.engine.sampler.render(first.score, 10.0, 5), 96_000, 192_000)
    assert np.std(wave[:, 100_000:190_000]) == pytest.approx(
        np.std(0.05 * before[:, 100_000:190_000]), rel=0.3
    )


@pytest.mark.parametrize(("near", "far"), [(0.0, 0.5), (0.3, 1.0)])
def test_a_variation_goes_as_far_as_its_strength(
    studio: Studio, first: Made, near: float, far: float
) -> None:
    kept = [
        kept_notes(
            first.score,
            studio.made(first.path, Task.VARY, seed=12, options={"strength": strength}).score,
        )
        for strength in (near, far)
    ]
    assert kept[0] > kept[1]
    if near == 0:
        assert kept[0] == 1


def test_three_minutes_are_written_in_sections(studio: Studio) -> None:
    context = studio.context(None, Task.TEXT, seconds=180, seed=3)
    score = from_text(context.scores[1])
    per_bar = score.steps_per_bar
    bars = [score.grid[start : start + per_bar] for start in range(0, len(score.grid), per_bar)]
    assert all((bar >= ONSET).any() for bar in bars[:-1])
    shares = [done / total for done, total in context.updates[1]]
    assert shares == sorted(shares), "progress never goes back"
    assert len({bar.tobytes() for bar in bars}) > len(bars) / 4, "it is no loop of one section"


def test_what_cannot_be_made_is_refused(studio: Studio, first: Made, tmp_path: Path) -> None:
    short = studio.context(first.path, Task.CONTINUE, seconds=8).errors[1]
    assert isinstance(short, InvalidRecipe)
    assert "Ask for more seconds" in str(short)
    foreign = tmp_path / "foreign.mp3"
    foreign.write_bytes(b"no MP3 at all")
    refused = studio.context(foreign, Task.VARY).errors[1]
    assert isinstance(refused, UserError)
    assert "has no score in its tags" in str(refused)


def test_a_hybrid_keeps_the_notes_of_its_clip_as_its_structure_says(tmp_path: Path) -> None:
    ar = Studio(built_in(Mode.AR), tmp_path / "ar")
    diffusion = Studio(built_in(Mode.DIFFUSION), tmp_path / "diffusion")
    for studio in (ar, diffusion):
        studio.folder.mkdir()
    source = ar.made()
    words, kept = "epic orchestra with brass", []
    for structure in (0.25, 0.5, 1.0):
        hybrid = diffusion.made(
            source.path, Task.HYBRID, prompt=words, seed=12, options={"structure": structure}
        ).score
        assert (hybrid.tempo_class, hybrid.metre, hybrid.key) == (
            source.score.tempo_class,
            source.score.metre,
            source.score.key,
        )
        kept.append(kept_notes(source.score, hybrid))
    assert kept == sorted(kept)
    assert kept[0] < 0.4
    assert kept[-1] > 0.95, "also the notes of roles for which the words have no instrument"
    assert not np.array_equal(hybrid.programs, source.score.programs), (
        "the instruments are those of the words"
    )
    free = diffusion.made(source.path, Task.HYBRID, prompt=words, seed=12, options={"structure": 0.0})
    assert np.array_equal(free.score.grid, diffusion.made(prompt=words, seed=12).score.grid)


@given(seed=st.integers(0, 1000), structures=st.lists(st.floats(0, 1), min_size=2, max_size=4))
def test_instruments_are_kept_in_the_upper_half_of_structure_and_more_with_more_of_it(
    seed: int, structures: list[float]
) -> None:
    source = blank(8.0, 4, 4)
    source = replace(source, programs=np.ones_like(source.programs))
    kept = [kept_instruments(source, one, seed) > 0 for one in sorted(structures)]
    assert all((less <= more).all() for less, more in pairwise(kept))
    assert not kept_instruments(source, 0.5, seed).any()
    assert kept_instruments(source, 1.0, seed).all()


def test_a_hybrid_keeps_no_instrument_that_is_not_wanted(tmp_path: Path) -> None:
    (tmp_path / "ar").mkdir()
    source = Studio(built_in(Mode.AR), tmp_path / "ar").made(prompt="hard rock with drums")
    assert source.score.programs[:, DRUMS].any()
    hybrid = Studio(built_in(Mode.DIFFUSION), tmp_path).made(
        source.path, Task.HYBRID, prompt="solo piano without drums", options={"structure": 1.0}
    )
    assert not hybrid.score.programs[:, DRUMS].any()
