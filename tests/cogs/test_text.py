from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cogs.ui.text import bar, in_a_line
from tests.builders import recipe


def test_a_prompt_of_many_lines_is_one_line() -> None:
    assert in_a_line(recipe(prompt="slow\n\npiano ")) == "slow piano · ar · 10 s"


@given(st.floats(allow_nan=False))
def test_a_bar_is_always_as_wide(fraction: float) -> None:
    assert len(bar(fraction)) == 12
