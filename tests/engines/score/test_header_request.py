"""Tempo, key, scale and metre are read from a prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engines.score.format import METRES, SCALE_NAMES, tempo_of
from bot.engines.score.header_request import HeaderRequest, header_request


@pytest.mark.parametrize(
    ("prompt", "key", "minor"),
    [
        ("in C major", 0, False),
        ("sad song in E flat minor", 3, True),
        ("C-minor, slow", 0, True),
        ("in a minor", 9, True),
        ("A minor waltz", 9, True),
        ("F# dorian", 6, True),
        ("in Bb", 10, None),
        ("in the key of G, bright", 7, None),
        ("a minor mistake", None, None),
        ("walking in a city", None, None),
        ("plan B minority report", None, None),
    ],
)
def test_keys(prompt: str, key: int | None, minor: bool | None) -> None:
    found = header_request(prompt)
    assert found.key == key
    names = [SCALE_NAMES[scale] for scale in found.scales or ()]
    assert bool(names) == (minor is not None)
    if minor is not None:
        assert ("minor" in names or "dorian" in names) == minor


@pytest.mark.parametrize(
    ("prompt", "tempo"),
    [
        ("130 bpm", 130),
        ("at 90 beats per minute", 90),
        ("tempo of 75", 75),
        ("bpm: 120", 120),
        ("300 bpm", None),
    ],
)
def test_tempos(prompt: str, tempo: float | None) -> None:
    assert header_request(prompt).tempo == tempo


@pytest.mark.parametrize(
    ("prompt", "metre"), [("3/4 dance", 3), ("4/4", 4), ("waltz time", 3), ("13/45", None)]
)
def test_metres(prompt: str, metre: int | None) -> None:
    assert header_request(prompt).metre == metre


@given(st.floats(48, 200))
def test_a_tempo_is_kept_within_two_percent(tempo: float) -> None:
    tokens = HeaderRequest(tempo=tempo).header_tokens
    assert tokens is not None
    assert all(abs(tempo_of(token // len(METRES)) / tempo - 1) < 0.02 for token in tokens)


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    found = header_request(text)
    assert found.key is None or 0 <= found.key < 12
