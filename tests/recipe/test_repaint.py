"""The part that a repaint makes anew lies inside its clip."""

from __future__ import annotations

import pytest

from bot.config import Settings
from bot.errors import InvalidRecipe
from bot.recipe import Mode, Role, Task
from bot.recipe.build import build_recipe
from bot.recipe.capabilities import Capabilities
from bot.recipe.options import OPTIONS
from bot.recipe.validate import validate
from tests.builders import recipe

ENGINE = Capabilities(
    mode=Mode.AR,
    model="test",
    title="test",
    licence="MIT",
    sample_rate=32_000,
    channels=2,
    min_seconds=1,
    max_seconds=60,
    prompt_tokens=64,
    options={name: OPTIONS[name].bounds for name in ("repaint_start", "repaint_end")},
    tasks={task: frozenset(Role) for task in Task},
)


@pytest.mark.parametrize(
    ("span", "refusal"),
    [
        ({"repaint_start": 2.0, "repaint_end": 4.0}, None),
        ({"repaint_start": 0.0, "repaint_end": 10.0}, None),
        ({"repaint_start": 8.0, "repaint_end": 10.5}, "the clip ends at 10 s"),
        ({"repaint_start": 4.0, "repaint_end": 4.25}, "at least 0.5 s after"),
        ({"repaint_start": 4.0, "repaint_end": 2.0}, "at least 0.5 s after"),
        ({"repaint_start": 4.0}, "`to` is missing"),
        ({"repaint_end": 4.0}, "`from` is missing"),
    ],
)
def test_the_part_lies_inside_the_clip(span: dict[str, float], refusal: str | None) -> None:
    settings, sources = Settings(), {Role.INITIAL: 1}
    asked = recipe(task=Task.REPAINT, sources=sources, **span)

    def build() -> None:
        build_recipe(
            ENGINE, settings, prompt="x", seconds=10, options=span, task=Task.REPAINT, sources=sources
        )

    if refusal is None:
        validate(asked, ENGINE)
        build()
        return
    with pytest.raises(InvalidRecipe, match=refusal):
        validate(asked, ENGINE)
    with pytest.raises(InvalidRecipe, match=refusal):
        build()
