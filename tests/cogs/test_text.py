from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cogs.ui.text import bar, in_a_line, rendering_line
from tests.builders import recipe


def test_a_prompt_of_many_lines_is_one_line() -> None:
    assert in_a_line(recipe(prompt="slow\n\npiano ")) == "slow piano · ar · 10 s"


@given(st.floats(allow_nan=False))
def test_a_bar_is_always_as_wide(fraction: float) -> None:
    assert len(bar(fraction)) == 12


@given(st.floats(0, 1))
def test_a_rendering_line_has_a_percentage_and_a_time_or_neither(fraction: float) -> None:
    line = rendering_line(fraction, "a few seconds")
    assert "100" not in line
    assert (" %" in line) == ("left" in line) == (fraction < 0.995)


def test_a_rendering_line_reads_as_a_sentence() -> None:
    assert rendering_line(0.5, "about 20 s") == "▰▰▰▰▰▰▱▱▱▱▱▱ 50 %, about 20 s left."
    assert rendering_line(1.0, "a few seconds") == "▰▰▰▰▰▰▰▰▰▰▰▰ Finishing …"
