from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogs.ui.text import bar, in_a_line, quoted, shortened
from tests.builders import recipe


@given(st.text(), st.integers(1, 60))
def test_text_never_exceeds_its_limit(text: str, limit: int) -> None:
    assert len(quoted(text, limit)) <= limit
    assert len(shortened(text, limit)) <= limit


@given(st.text(max_size=80))
def test_short_text_is_left_alone(text: str) -> None:
    assert shortened(text, 80) == text


@given(st.text(alphabet="a*_`\\", min_size=5), st.integers(2, 9))
def test_no_escape_is_cut_in_half(text: str, limit: int) -> None:
    kept = quoted(text, limit).removesuffix("…")
    assert (len(kept) - len(kept.rstrip("\\"))) % 2 == 0


@pytest.mark.parametrize("text", ["**bold**", "`code`", "||spoiler||", "~~gone~~", "__under__", "> quote"])
def test_markdown_is_shown_as_typed(text: str) -> None:
    assert quoted(text, 100).replace("\\", "") == text
    assert quoted(text, 100).startswith("\\")


def test_a_prompt_of_many_lines_is_one_line() -> None:
    assert in_a_line(recipe(prompt="slow\n\npiano ")) == "slow piano · ar · 10 s"


@given(st.floats(allow_nan=False))
def test_a_bar_is_always_as_wide(fraction: float) -> None:
    assert len(bar(fraction)) == 12
