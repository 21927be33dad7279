"""A score as text in a file's tag: it comes back whole, and anything else is refused in plain words."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engines.score.format import Score
from bot.engines.score.serialize import from_text, to_text
from bot.errors import UserError
from training.compose import random_piece


def composed(seed: int) -> Score:
    return random_piece(np.random.default_rng(seed)).score


def equal(one: Score, other: Score) -> bool:
    header = ("tempo_class", "metre", "key", "scale", "swing", "mix")
    return (
        all(getattr(one, name) == getattr(other, name) for name in header)
        and np.array_equal(one.programs, other.programs)
        and np.array_equal(one.grid, other.grid)
    )


@pytest.mark.parametrize("seed", range(12))
def test_a_score_comes_back(seed: int) -> None:
    score = composed(seed)
    text = to_text(score)
    assert equal(from_text(text), score)
    assert text.isascii()
    assert text.isprintable()


def changed(**fields: Any) -> str:
    return json.dumps(json.loads(to_text(composed(1))) | fields)


def packed(values: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(values.astype("<i2").tobytes())).decode()


def rows(programs: int = 0, grid: int = 0) -> np.ndarray:
    """Rows of the size of the changed score: one value for all instruments, one for all sixteenths."""
    score = composed(1)
    return np.concatenate([np.full(score.programs.shape, programs), np.full(score.grid.shape, grid)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        "[" * 100_000,
        changed(version=99),
        changed(metre=5),
        changed(key=12),
        changed(key=True),
        changed(key="0"),
        changed(scale=-1),
        changed(steps=10**9),
        changed(steps=0),
        changed(data="?"),
        changed(data=base64.b64encode(b"no deflated data").decode()),
        changed(data=packed(np.zeros(4))),
        changed(data=packed(np.zeros(10_000_000))),
        changed(data=packed(rows(programs=30_000))),
        changed(data=packed(rows(programs=-1))),
        changed(data=packed(rows(grid=30_000))),
        changed(data=packed(rows(grid=-1))),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="damaged or from another version"):
        from_text(text)


@given(st.text(max_size=200) | st.dictionaries(st.text(max_size=5), st.integers()).map(json.dumps))
def test_any_text_is_a_score_or_refused(text: str) -> None:
    with pytest.raises(UserError):
        from_text(text)
