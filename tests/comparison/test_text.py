"""The rows and sentences of a comparison, from figures that are given."""

from __future__ import annotations

import contextvars
from dataclasses import replace
from typing import Any

import pytest
from matplotlib.figure import Figure

from bot.comparison import picture
from bot.comparison.plan import Measured, Planned, Purpose
from bot.comparison.reporting import report
from bot.comparison.results import Comparison, Memory, ModelFound, Sound, StepsFound
from bot.comparison.text import to_json, to_markdown
from tests.builders import recipe

SOUND = Sound(low_mids=0.5, tempo_drift=0.01, loudness_range=2, third_octaves=(-10.0,) * 26, follows=0.5)
STEPS = [
    StepsFound(4, 1.0, 2.0, 0.1),
    StepsFound(8, 2.0, 0.4, 0.3),
    StepsFound(16, 4.0, 0.5, 0.3),
    StepsFound(100, 24.0, 0.0, 0.4),
]


def found(**changes: object) -> Comparison:
    model = ModelFound(
        mode="diffusion",
        model="a-model",
        steady_gb=1.0,
        peak_gb=2.0,
        gpu_gb=None,
        seconds={20.0: [1.0, 2.0]},
        exponent=None,
        sounds=[SOUND, replace(SOUND, follows=0.7)],
        spread=2.4,
        steps=STEPS,
    )
    return Comparison(
        prompt="techno",
        processor="a processor",
        seeds=[1, 2],
        models=[replace(model, **changes)],  # type: ignore[arg-type]
    )


def test_the_judges_row_has_the_mean_over_the_seeds() -> None:
    assert "| follows the prompt | 60.0 ± 14.1 % | n/a |" in to_markdown(found())


def test_a_prompt_that_the_judge_does_not_know_is_said() -> None:
    page = to_markdown(found(sounds=[replace(SOUND, follows=None)]))
    assert "| follows the prompt | n/a | n/a |" in page
    assert "names no scene or instrument that the judge knows" in page
    assert "names no scene" not in to_markdown(found())


def test_memory_of_a_gpu_is_a_row_where_it_was_measured_and_a_sentence_where_not() -> None:
    assert "| GPU memory, peak | 3.2 GB | n/a |" in to_markdown(found(gpu_gb=3.21))
    assert "Memory of a GPU is left out" not in to_markdown(found(gpu_gb=3.21))
    assert "GPU memory, peak" not in to_markdown(found())
    assert "Memory of a GPU is left out" in to_markdown(found())


def test_memory_that_counts_several_models_is_left_out_and_said() -> None:
    page = to_markdown(found(steady_gb=None, peak_gb=None))
    assert "| memory, peak | n/a | 2.3 GB |" in page
    assert "Memory is left out" in page


@pytest.mark.parametrize(
    ("spread", "enough"),
    [(2.4, 8), (1.9, 100), (100.0, 4), (0.0, None)],
    ids=["all from eight on are near", "sixteen is not", "all are near", "one seed"],
)
def test_more_steps_stop_helping_where_the_rest_differs_little(spread: float, enough: int | None) -> None:
    comparison = found(spread=spread)
    assert to_json(comparison)["models"][0]["enough_steps"] == enough
    page = to_markdown(comparison)
    assert ("From 8 steps on" in page) == (enough == 8)
    if enough == 8:
        assert (
            "less than 25 % of what another seed does (0.60 dB): 100 steps cost 12.0 times as much." in page
        )
    if enough is None:
        assert "One seed alone gives no advice." in page
    if enough == 100:
        assert "No smaller number comes near it." in page


def test_one_seed_is_one() -> None:
    assert ", 1 seed. The published" in to_markdown(replace(found(), seeds=[1]))
    assert ", 2 seeds. The published" in to_markdown(found())


@pytest.mark.parametrize("changes", [{}, {"peak_gb": None, "sounds": [SOUND], "steps": []}])
def test_a_figure_that_was_not_measured_is_written_into_the_picture(changes: dict[str, object]) -> None:
    figures = []

    class Kept(Figure):
        def savefig(self, *given: Any, **options: Any) -> None:
            figures.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picture, "Figure", Kept)
        picture.draw(found(**changes))
    [figure] = figures
    written = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert written == (["not measured", "no model has steps"] if changes else [])


def test_page_and_picture_speak_the_language_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.locale._translations", {})
    drawn: list[str] = []
    monkeypatch.setattr(picture, "_style", lambda axes, title: drawn.append(title))
    planned = Planned(recipe(prompt="techno", seconds=20.0), Purpose.LENGTHS)
    measured = Measured(
        seconds=2.0, memory=Memory(resident_bytes=0, peak_bytes=0, gpu_peak_bytes=None, models=1), sound=SOUND
    )
    request = {
        "prompt": "techno",
        "processor": "a processor",
        "seeds": 1,
        "clips": [(planned.to_dict(), measured.to_dict())],
    }
    english = report(request | {"language": "en"})
    german = contextvars.copy_context().run(report, request | {"language": "de"})
    assert english["json"] == german["json"]
    assert "| follows the prompt |" in english["markdown"]
    assert "| folgt dem Prompt |" in german["markdown"]
    assert "follows" not in german["markdown"]
    assert drawn[:4] == [
        "time to render, s", "peak memory, GB (× published)", "energy 200–500 Hz, % of all",
        "distance to most steps, dB",
    ]  # fmt: skip
    assert drawn[4:] == [
        "Zeit zum Rendern, s", "Speicher höchstens, GB (× veröffentlicht)", "Energie 200–500 Hz, % von allem",
        "Abstand zu den meisten Schritten, dB",
    ]  # fmt: skip
