"""Names of choices, as members read and clients send them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.discord_limits import MAX_CHOICE_CHARACTERS
from cogs.ui.choices import number_in, numbered_choice

NUMBERS = st.integers(0, 10**18 - 1)


@given(NUMBERS, st.lists(st.text(max_size=300), max_size=3))
def test_a_choice_is_found_by_its_value_and_by_its_name(number: int, parts: list[str]) -> None:
    choice = numbered_choice(number, *parts)
    assert 1 <= len(choice.name) <= MAX_CHOICE_CHARACTERS
    assert number_in(choice.value) == number_in(choice.name) == number_in(f" #{number} ") == number


@given(NUMBERS, NUMBERS, st.text(max_size=300))
def test_choices_of_two_things_never_have_one_name(first: int, second: int, text: str) -> None:
    same = numbered_choice(first, text).name == numbered_choice(second, text).name
    assert same == (first == second)


@pytest.mark.parametrize(
    "text", ["", "#", "٣", "²", "৩", "１", "3 little pigs", "-3", "3.5", "9" * 19, "#1#2", "12 words"]
)
def test_other_text_is_no_number(text: str) -> None:
    assert number_in(text) is None
