"""The part of PromQL that the dashboard uses, over scraped samples: no Prometheus is needed to draw it.

Selectors without matchers, `rate` and `increase` over a range, `sum by`, `histogram_quantile`, numbers, and
`*` and `/` of a number or of vectors with the same labels. Semantics as in Prometheus' documentation,
“Query functions”: https://prometheus.io/docs/prometheus/latest/querying/functions/
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Labels = tuple[tuple[str, str], ...]
Vector = dict[Labels, float]
Series = Mapping[str, Mapping[Labels, Sequence[tuple[float, float]]]]
"""Name of a sample → labels → (Unix time, value), in the order of time."""
STALE_SECONDS = 300.0
"""How old a sample may be to count as the present value (Prometheus' lookback)."""
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<range>\[\d+[smh]\])|(?P<sign>[(),*/]))"
)
_UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass
class _Parser:
    series: Series
    now: float
    tokens: list[tuple[str, str]]

    def product(self) -> Vector | float:
        left = self.operand()
        while self.tokens and self.tokens[0][1] in ("*", "/"):
            sign = self.tokens.pop(0)[1]
            left = _combined(left, self.operand(), sign)
        return left

    def operand(self) -> Vector | float:
        kind, text = self.tokens.pop(0)
        if kind == "number":
            return float(text)
        if text == "(":
            inner = self.product()
            self.take(")")
            return inner
        if text in ("rate", "increase"):
            self.take("(")
            name = self.tokens.pop(0)[1]
            window = self.tokens.pop(0)[1].strip("[]")
            self.take(")")
            seconds = int(window[:-1]) * _UNITS[window[-1]]
            scale = 1 / seconds if text == "rate" else 1.0
            return self.over_range(name, seconds, scale)
        if text == "sum":
            self.take("by")
            labels = self.names()
            return _summed(self.vector(), labels)
        if text == "histogram_quantile":
            self.take("(")
            quantile = float(self.tokens.pop(0)[1])
            self.take(",")
            buckets = self.product()
            self.take(")")
            assert isinstance(buckets, dict)
            return _quantiles(quantile, buckets)
        return self.instant(text)

    def vector(self) -> Vector:
        value = self.operand()
        assert isinstance(value, dict)
        return value

    def names(self) -> set[str]:
        self.take("(")
        found = set()
        while (text := self.tokens.pop(0)[1]) != ")":
            if text != ",":
                found.add(text)
        return found

    def take(self, text: str) -> None:
        if not self.tokens or self.tokens[0][1] != text:
            raise ValueError(f"expected {text!r} before {self.tokens[:1]}")
        self.tokens.pop(0)

    def instant(self, name: str) -> Vector:
        out = {}
        for labels, points in self.series.get(name, {}).items():
            recent = [value for time, value in points if self.now - STALE_SECONDS < time <= self.now]
            if recent:
                out[labels] = recent[-1]
        return out

    def over_range(self, name: str, seconds: float, scale: float) -> Vector:
        out = {}
        for labels, points in self.series.get(name, {}).items():
            inside = [point for point in points if self.now - seconds < point[0] <= self.now]
            if len(inside) >= 2:
                out[labels] = scale * _extrapolated(inside, self.now - seconds, self.now)
        return out


def evaluate(expression: str, series: Series, now: float) -> Vector:
    """Return an expression's value at a time. Raises ValueError for what is not of this part of PromQL."""
    tokens, at = [], 0
    while at < len(expression.rstrip()):
        match = _TOKEN.match(expression, at)
        if match is None:
            raise ValueError(f"unknown: {expression[at:]!r}")
        tokens.append((match.lastgroup or "", match[0].strip()))
        at = match.end()
    parser = _Parser(series, now, tokens)
    value = parser.product()
    if parser.tokens or not isinstance(value, dict):
        raise ValueError(f"no vector, or too much: {expression!r}")
    return value


def _extrapolated(points: Sequence[tuple[float, float]], start: float, end: float) -> float:
    """Return a counter's increase in a range, without resets, extended to its ends as by Prometheus."""
    increase = points[-1][1] - points[0][1]
    increase += sum(before for (_, before), (_, after) in pairwise(points) if after < before)
    covered = points[-1][0] - points[0][0]
    between = covered / (len(points) - 1)
    to_start, to_end = points[0][0] - start, end - points[-1][0]
    if to_start >= between * 1.1:
        to_start = between / 2
    if increase > 0 and points[0][1] >= 0:
        # A counter is not extended to below zero.
        to_start = min(to_start, covered * points[0][1] / increase)
    if to_end >= between * 1.1:
        to_end = between / 2
    return increase * (covered + to_start + to_end) / covered


def _summed(vector: Vector, labels: set[str]) -> Vector:
    out: Vector = {}
    for its, value in vector.items():
        kept = tuple(pair for pair in its if pair[0] in labels)
        out[kept] = out.get(kept, 0.0) + value
    return out


def _quantiles(quantile: float, buckets: Vector) -> Vector:
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for labels, count in buckets.items():
        [bound] = [value for name, value in labels if name == "le"]
        rest = tuple(pair for pair in labels if pair[0] != "le")
        groups.setdefault(rest, []).append((float(bound), count))
    return {labels: _quantile(quantile, sorted(group)) for labels, group in groups.items()}


def _quantile(quantile: float, buckets: list[tuple[float, float]]) -> float:
    """Return a quantile by linear interpolation inside its bucket; NaN without observations."""
    rank = quantile * buckets[-1][1]
    if rank == 0:
        return math.nan
    low, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            return low if math.isinf(bound) else low + (bound - low) * (rank - below) / (count - below)
        low, below = bound, count
    return low


def _combined(left: Vector | float, right: Vector | float, sign: str) -> Vector | float:
    def apply(a: float, b: float) -> float:
        if sign == "*":
            return a * b
        return a / b if b else math.nan

    if isinstance(left, dict) and isinstance(right, dict):
        return {labels: apply(value, right[labels]) for labels, value in left.items() if labels in right}
    if isinstance(left, dict):
        return _mapped(left, lambda value: apply(value, right))  # type: ignore[arg-type]
    if isinstance(right, dict):
        return _mapped(right, lambda value: apply(left, value))
    return apply(left, right)


def _mapped(vector: Vector, function: Callable[[float], float]) -> Vector:
    return {labels: function(value) for labels, value in vector.items()}
