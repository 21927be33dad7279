"""Recipes and options of every kind, drawn from the table."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from bot.recipe import MAX_SEED, PROMPT_CHARACTERS, Mode, Recipe, Role, Source, Task
from bot.recipe.options import OPTIONS, Option, OptionValue
from bot.recipe.tasks import REQUIRED_SOURCE
from bot.text import is_blank, sanitize


def texts(most: int) -> st.SearchStrategy[str]:
    """Return texts of up to `most` characters in which a reader sees something."""
    return st.text(min_size=1, max_size=most).filter(lambda text: not is_blank(sanitize(text)))


prompts = texts(PROMPT_CHARACTERS)
sources = st.one_of(st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(1, 2**63 - 1))


def values_of(option: Option) -> st.SearchStrategy[OptionValue]:
    """Return values of one row, up to its widest bounds."""
    low, high = option.bounds.low, option.bounds.high
    if option.choices:
        return st.sampled_from(option.choices)
    if option.type is str:
        return texts(int(high))
    return st.integers(int(low), int(high)) if option.type is int else st.floats(low, high)


options: st.SearchStrategy[Mapping[str, OptionValue]] = st.fixed_dictionaries(
    {}, optional={name: values_of(option) for name, option in OPTIONS.items()}
)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Return any recipe."""
    task = draw(st.sampled_from(Task))
    found: dict[Role, Source] = draw(st.dictionaries(st.sampled_from(Role), sources, max_size=2))
    if task in REQUIRED_SOURCE:
        found[REQUIRED_SOURCE[task]] = draw(sources)
    return Recipe(
        prompt=draw(prompts),
        mode=draw(st.sampled_from(Mode)),
        model=draw(st.text(min_size=1, max_size=80)),
        seconds=draw(st.floats(0.1, 600)),
        seed=draw(st.integers(0, MAX_SEED)),
        options=draw(options),
        task=task,
        sources=found,
    )
