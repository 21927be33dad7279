"""Names of choices and of models, as members read and send them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogs.ui.choices import MAX_CHOICE_CHARACTERS, number_in, numbered_choice
from cogs.ui.models import model_name

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


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("facebook/musicgen-small", "facebook/musicgen-small"),
        ("antiphon-tiny-ar", "antiphon-tiny-ar"),
        ("audiocraft:facebook/musicgen-small", "audiocraft:facebook/musicgen-small"),
        ("/home/alice/models/mine/", "mine"),
        ("~/models/mine", "mine"),
        ("../models/mine", "mine"),
        ("audiocraft:/home/alice/mine", "audiocraft:mine"),
        ("C:\\Users\\Alice\\mine", "mine"),
        ("C:/Users/Alice/mine", "mine"),
        ("models\\mine", "mine"),
        ("/", "a folder"),
    ],
)
def test_a_folder_shows_its_last_part_alone(model: str, shown: str) -> None:
    assert model_name(model) == shown


@given(st.lists(st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True), min_size=1, max_size=6))
def test_no_path_shows_where_it_is(parts: list[str]) -> None:
    for root, between in (("/", "/"), ("~/", "/"), ("C:\\", "\\")):
        assert model_name(root + between.join(parts)) == parts[-1]
