from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.hub.naming import model_name


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
