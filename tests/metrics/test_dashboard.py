"""The dashboard's expressions, evaluated over samples whose answers are known."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.promql import Series, evaluate

ROOT = Path(__file__).parents[2]


def expressions() -> list[str]:
    panels = json.loads((ROOT / "docs/grafana.json").read_text(encoding="utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def every(
    seconds: int, *values: float, **labels: str
) -> dict[tuple[tuple[str, str], ...], list[tuple[float, float]]]:
    """Return a series with a value at each multiple of `seconds`, from 0 on."""
    return {tuple(labels.items()): [(number * seconds, value) for number, value in enumerate(values)]}


def test_a_rate_counts_a_reset_and_reaches_the_ends_of_its_range() -> None:
    # 15 s apart for a minute: 0, 1, 2, then a restart, and 1 again: an increase of 3 in 45 s.
    series: Series = {"c_total": every(15, 5, 6, 7, 1)}
    assert evaluate("increase(c_total[1m])", series, 45)[()] == pytest.approx(3 * (45 + 15) / 45)
    assert evaluate("rate(c_total[1m])", series, 45)[()] == pytest.approx(3 * (45 + 15) / 45 / 60)


def test_a_counter_is_not_extended_to_below_zero() -> None:
    series: Series = {"c_total": every(15, 0, 1, 2, 3)}
    assert evaluate("increase(c_total[1m])", series, 45)[()] == pytest.approx(3)


def test_a_quantile_lies_in_its_bucket() -> None:
    series: Series = {
        "h_bucket": every(15, 0, 0, model="m", le="1.0")
        | every(15, 0, 10, model="m", le="2.0")
        | every(15, 0, 10, model="m", le="+Inf")
    }
    text = "histogram_quantile(0.5, sum by (le, model) (rate(h_bucket[1m])))"
    assert evaluate(text, series, 15) == {(("model", "m"),): 1.5}
    assert math.isnan(evaluate(text, {"h_bucket": every(15, 0, 0, le="+Inf")}, 15)[()])


def test_vectors_are_divided_by_their_labels() -> None:
    series: Series = {"a": every(15, 0, 6, model="m"), "b": every(15, 0, 3, model="m")}
    text = "sum by (model) (rate(a[1m])) / sum by (model) (rate(b[1m]))"
    assert evaluate(text, series, 15) == {(("model", "m"),): pytest.approx(2)}


def test_an_old_sample_is_not_the_present_value() -> None:
    series: Series = {"g": every(15, 1, 2)}
    assert evaluate("g", series, 20) == {(): 2}
    assert evaluate("g", series, 400) == {}


@pytest.mark.parametrize("text", ["a{b='c'}", "1", "a)", "sum by (a (b)", "rate(a)"])
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, IndexError)):
        evaluate(text, {}, 0)


@pytest.mark.parametrize("text", expressions())
def test_every_expression_of_the_dashboard_is_understood(text: str) -> None:
    assert evaluate(text, {}, 0) == {}
