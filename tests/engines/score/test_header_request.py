"""Tempo, key, scale and metre are read from a prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engines.score.format import METRES, SCALE_NAMES, SCALES, tempo_class_of, tempo_of
from bot.engines.score.header_request import HeaderRequest, header_request, requested_header
from bot.recipe import Mode, Recipe
from bot.recipe.keys import KEYS, TONICS


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


MAJOR = {name for name, steps in SCALES.items() if 4 in steps and 3 not in steps}


def recipe(prompt: str, **options: int | str) -> Recipe:
    return Recipe(prompt=prompt, mode=Mode.AR, model="m", seconds=10.0, seed=1).with_options(**options)


def test_a_prompt_without_options_is_read_itself() -> None:
    prompt = "waltz in 3/4 at 96 bpm in D minor"
    assert requested_header(recipe(prompt)) == header_request(prompt)


def test_the_options_come_before_the_prompt() -> None:
    request = requested_header(recipe("waltz at 96 bpm in D minor, 3/4", bpm=150, key="F# major"))
    assert request.tempo == 150
    assert request.key == 6
    assert request.scales is not None
    assert {SCALE_NAMES[scale] for scale in request.scales} <= MAJOR
    assert request.metre == 3


@pytest.mark.parametrize("bpm", range(48, 201))
def test_every_tempo_is_kept_within_two_percent(bpm: int) -> None:
    assert tempo_of(tempo_class_of(bpm)) == pytest.approx(bpm, rel=0.02)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_of_the_option_is_read(key: str) -> None:
    request = requested_header(recipe("slow jazz", key=key))
    assert request.key == TONICS.index(key.split()[0])
    assert request.scales is not None
    assert ("major" in {SCALE_NAMES[s] for s in request.scales}) == key.endswith("major")
