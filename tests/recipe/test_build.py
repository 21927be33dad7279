from __future__ import annotations

import pytest

from bot.config import Settings
from bot.errors import InvalidRecipe
from bot.recipe import Mode, Role
from bot.recipe.build import build_recipe, in_other_mode, longest_seconds
from tests.tone import describe

AR, DIFFUSION = describe(Mode.AR, "tones"), describe(Mode.DIFFUSION, "tones")
SETTINGS = Settings(_env_file=None, max_seconds=30, guidance_scale=4)


def test_open_values_come_from_the_owner_then_from_the_engine() -> None:
    recipe = build_recipe(AR, SETTINGS, prompt="piano")
    assert recipe.options == {"guidance_scale": 4, "temperature": 1, "top_k": 250}
    assert recipe.seconds == SETTINGS.default_seconds


def test_an_option_that_the_engine_ignores_is_refused_with_what_it_takes() -> None:
    with pytest.raises(InvalidRecipe, match=r"`steps` does nothing in mode ar.*temperature.*mode diffusion"):
        build_recipe(AR, SETTINGS, prompt="piano", options={"num_sampling_steps": 50})
    with pytest.raises(InvalidRecipe, match="`negative` does nothing in mode ar"):
        build_recipe(AR, SETTINGS, prompt="piano", options={"negative_prompt": "drums"})


def test_a_melody_is_for_the_mode_that_follows_it() -> None:
    followed = build_recipe(AR, SETTINGS, prompt="piano", sources={Role.MELODY: "a" * 64})
    assert followed.melody == "a" * 64
    assert in_other_mode(followed, DIFFUSION, SETTINGS).melody is None
    with pytest.raises(InvalidRecipe, match="`melody` does nothing in mode diffusion"):
        build_recipe(DIFFUSION, SETTINGS, prompt="piano", sources={Role.MELODY: "a" * 64})


def test_values_out_of_the_engines_bounds_are_refused() -> None:
    with pytest.raises(InvalidRecipe, match=r"`steps` can be 1 to 200 .* not 201"):
        build_recipe(DIFFUSION, SETTINGS, prompt="piano", options={"num_sampling_steps": 201})


def test_the_owner_can_shorten_the_longest_clip() -> None:
    assert longest_seconds(AR, SETTINGS) == 30
    with pytest.raises(InvalidRecipe, match="1 to 30 seconds"):
        build_recipe(AR, SETTINGS, prompt="piano", seconds=31)


def test_the_other_mode_keeps_prompt_length_and_seed_and_what_it_takes() -> None:
    before = build_recipe(
        DIFFUSION, SETTINGS, prompt="piano", seconds=12, seed=3, options={"negative_prompt": "drums"}
    )
    after = in_other_mode(before, AR, SETTINGS)
    assert (after.mode, after.prompt, after.seconds, after.seed) == (Mode.AR, "piano", 12, 3)
    assert after.options.keys() == AR.options.keys()
