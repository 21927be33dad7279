"""Prompts are split into clauses in the order of the music."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engines.score.clauses import MAX_CLAUSES, Kind, clauses, described, stages


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (
            "Start with a cello, then add harp; build to full strings",
            [(Kind.FIRST, "a cello"), (Kind.NEXT, "harp"), (Kind.NEXT, "full strings")],
        ),
        (
            "first only a flute, later guitar joins in",
            [(Kind.FIRST, "a flute"), (Kind.NEXT, "guitar joins in")],
        ),
        ("intro of piano and finally choir", [(Kind.FIRST, "piano"), (Kind.LAST, "choir")]),
        ("warm reggae, sunny", [(Kind.PLAIN, "warm reggae"), (Kind.PLAIN, "sunny")]),
        ("安静悲伤的钢琴独奏，慢", [(Kind.PLAIN, "安静悲伤的钢琴独奏"), (Kind.PLAIN, "慢")]),
    ],
)
def test_clauses_keep_their_order_and_stage(prompt: str, expected: list[tuple[Kind, str]]) -> None:
    whole, *parts = clauses(prompt)
    assert whole.kind is Kind.WHOLE
    assert [(part.kind, part.text) for part in parts] == expected


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("house, 122 bpm, in D minor, no drums", "house"),
        ("techno at 130 beats per minute without any vocals", "techno"),
        ("lofi, no drums but with piano", "lofi, but with piano"),
        ("tempo of 90, jazz", "jazz"),
        ("the year 2077", "the year 2077"),
    ],
)
def test_parts_that_the_engine_parses_are_removed(prompt: str, left: str) -> None:
    assert described(prompt) == left


@pytest.mark.parametrize("prompt", ["", "   ", "!!! …", "no drums", "120 bpm"])
def test_a_prompt_without_words_has_no_clauses(prompt: str) -> None:
    assert clauses(prompt) == []


@given(st.text(max_size=300))
def test_any_text_gives_a_bounded_number_of_clauses(text: str) -> None:
    found = clauses(text)
    assert len(found) <= 1 + MAX_CLAUSES
    assert all(any(c.isalnum() for c in clause.text) for clause in found)
    assert [clause.kind for clause in found].count(Kind.WHOLE) == bool(found)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("first only a flute, later guitar joins in", ["only a flute", "guitar joins in"]),
        (
            "jazz: start with piano, then strings, finally drums",
            ["only piano, jazz", "strings, jazz", "drums, jazz"],
        ),
        ("a harp, then a choir", ["only a harp", "a choir"]),
        ("warm reggae with organ", ["warm reggae with organ"]),
        ("start with a lonely cello", ["start with a lonely cello"]),
        ("", [""]),
    ],
)
def test_a_sequence_has_a_prompt_for_each_of_its_stages(prompt: str, expected: list[str]) -> None:
    assert stages(prompt) == expected
