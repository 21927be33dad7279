"""The first bars of a built-in model's clip, played while the rest of its score is written."""

from __future__ import annotations

import numpy as np
import pytest

from bot.engines.score import BUILT_IN, load
from bot.engines.score.engine import ScoreEngine, finished
from bot.engines.score.format import Score
from bot.engines.score.sections import Opening
from bot.recipe import Mode, Recipe
from tests.engines.context import RecordingContext

SECONDS = 4.0


@pytest.fixture(scope="module")
def engines() -> dict[Mode, ScoreEngine]:
    return {mode: builtin(mode) for mode in Mode}


def builtin(mode: Mode) -> ScoreEngine:
    engine = load(mode, BUILT_IN[f"antiphon-tiny-{mode}"])
    assert isinstance(engine, ScoreEngine)
    return engine


def clip(mode: Mode, seconds: float, **options: str) -> Recipe:
    return Recipe(
        prompt="calm piano and strings", mode=mode, model=f"antiphon-tiny-{mode}", seconds=seconds, seed=5,
        options={"num_sampling_steps": 4} if mode is Mode.DIFFUSION else {},
    ).with_options(**options)  # fmt: skip


@pytest.mark.parametrize(("mode", "seconds"), [(Mode.AR, 20.0), (Mode.AR, 66.0), (Mode.DIFFUSION, 66.0)])
def test_its_notes_are_those_that_the_clip_begins_with(
    mode: Mode, seconds: float, engines: dict[Mode, ScoreEngine]
) -> None:
    heard: list[tuple[float, Score]] = []
    share = 0.0

    def step(done: int, total: int) -> None:
        nonlocal share
        share = done / total

    opening = Opening(SECONDS, lambda score: heard.append((share, score)))
    whole = engines[mode].write(clip(mode, seconds), step, opening=opening)
    [(when, score)] = heard
    assert when < 0.7, "long before the end"
    first = finished(score)
    bars, steps = len(first.programs), len(first.grid)
    assert steps * first.seconds_per_step >= SECONDS
    assert (first.tempo, first.metre, first.key, first.scale, first.swing, first.mix) == (
        whole.tempo, whole.metre, whole.key, whole.scale, whole.swing, whole.mix,
    )  # fmt: skip
    assert np.array_equal(first.programs, whole.programs[:bars])
    # What is mended in the last bar depends on what follows it.
    sure = steps - first.steps_per_bar
    assert np.array_equal(first.grid[:sure], whole.grid[:sure])


def test_the_clip_is_the_same_with_and_without_it(engines: dict[Mode, ScoreEngine]) -> None:
    recipe = clip(Mode.AR, 20)
    waves = []
    for seconds in (0.0, SECONDS):
        context = RecordingContext(recipe, preview_seconds=seconds)
        engines[Mode.AR].run(context)
        assert not context.errors
        waves.append(context.waves[1])
        assert list(context.previews) == ([1] if seconds else [])
    assert np.array_equal(waves[0], waves[1])
    [preview] = context.previews.values()
    assert preview.shape == (2, SECONDS * 32_000)
    # The unevenness of the hands is drawn anew, so the strokes are some milliseconds elsewhere.
    whole = waves[0][:, : preview.shape[1]]
    envelopes = [np.sqrt((wave**2).mean(0).reshape(-1, 3_200).mean(1)) for wave in (preview, whole)]
    assert np.corrcoef(*envelopes)[0, 1] > 0.9


@pytest.mark.parametrize("recipe", [clip(Mode.DIFFUSION, 20), clip(Mode.AR, 20, loop="true")])
def test_what_is_made_at_once_and_what_loops_has_none(
    recipe: Recipe, engines: dict[Mode, ScoreEngine]
) -> None:
    context = RecordingContext(recipe, preview_seconds=SECONDS)
    engines[recipe.mode].run(context)
    assert not context.errors
    assert context.waves
    assert not context.previews


def test_bars_without_a_sound_are_not_played() -> None:
    played: list[Score] = []
    opening = Opening(SECONDS, played.append)
    score = Score(
        tempo_class=20, metre=4, key=0, scale=0, swing=0, mix=0,
        programs=np.ones((2, 5), np.int16), grid=np.zeros((32, 5), np.int16),
    )  # fmt: skip
    opening.offer(score)
    assert not opening.over
    score.grid[3, 2] = 2
    opening.offer(score)
    opening.offer(score)
    assert len(played) == 1
