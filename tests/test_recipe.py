from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidRecipe
from bot.recipe import LYRICS_CHARACTERS, NO_WORDS, PROMPT_CHARACTERS, SEED_MAX, Mode, Recipe
from bot.text import is_blank, sanitize
from tests.builders import recipe

prompts = st.text(min_size=1, max_size=PROMPT_CHARACTERS).filter(lambda text: not is_blank(sanitize(text)))
recipes = st.builds(
    Recipe,
    prompt=prompts,
    mode=st.sampled_from(Mode),
    model=st.text(min_size=1, max_size=50),
    seconds=st.floats(0.1, 600),
    seed=st.integers(0, SEED_MAX),
    temperature=st.none() | st.floats(0.01, 10),
    top_k=st.none() | st.integers(0, 1000),
    guidance_scale=st.none() | st.floats(0, 20),
    num_sampling_steps=st.none() | st.integers(1, 500),
    negative_prompt=st.none() | prompts,
    melody=st.none() | st.text("0123456789abcdef", min_size=64, max_size=64),
    source_clip=st.none() | st.integers(1, 10**9),
)


@given(recipes)
def test_json_gives_back_the_recipe(wanted: Recipe) -> None:
    assert Recipe.from_json(wanted.to_json()) == wanted


@given(recipes, st.integers(0, SEED_MAX))
def test_reseeding_changes_the_seed_alone(before: Recipe, seed: int) -> None:
    after = before.reseeded(seed)
    assert after.seed == seed
    assert after.reseeded(before.seed) == before


def test_reseeding_without_a_seed_draws_one() -> None:
    assert len({recipe().reseeded().seed for _ in range(20)}) > 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": " \n "}, "prompt is empty"),
        ({"prompt": "\u200b\u2800\u3164"}, "prompt is empty"),
        ({"prompt": "<@123>"}, "prompt is empty"),
        ({"prompt": 7}, "prompt has to be a text"),
        ({"negative_prompt": "\ufe0f"}, "negative prompt is empty"),
        ({"negative_prompt": "x" * 1001}, "1,001 characters"),
        ({"lyrics": "\u202e\xa0"}, "lyrics are empty"),
        ({"lyrics": "x" * (LYRICS_CHARACTERS + 1)}, "4,001 characters"),
        ({"mode": "both"}, "mode"),
        ({"seconds": "ten"}, "length"),
        ({"seed": 1.5}, "seed"),
        ({"temperature": "warm"}, "temperature"),
        ({"guidance_scale": True}, "guidance"),
        ({"prompt": "x" * 4000}, "4,000 characters"),
        ({"seconds": math.nan}, "length"),
        ({"seconds": 0}, "length"),
        ({"seed": -1}, "seed"),
        ({"seed": SEED_MAX + 1}, "seed"),
        ({"temperature": math.inf}, "temperature"),
        ({"top_k": -1}, "Top-k"),
        ({"guidance_scale": math.nan}, "guidance"),
        ({"num_sampling_steps": 0}, "steps"),
        ({"melody": "../" + "a" * 61}, "melody"),
        ({"melody": "a" * 64 + "\n"}, "melody"),
    ],
)
def test_values_out_of_bounds_are_refused_by_name(change: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRecipe, match=said):
        recipe(**change)


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(InvalidRecipe, match="volume"):
        Recipe.from_json(recipe().to_json()[:-1] + ', "volume": 11}')


def test_every_text_is_sanitized_and_keeps_its_line_breaks() -> None:
    made = recipe(
        prompt="<:pepe:1>\x00 groove", negative_prompt="\u202edrums", lyrics="[verse]\r\nla <@1>\n\nla"
    )
    assert made.prompt == "pepe groove"
    assert made.negative_prompt == "drums"
    assert made.lyrics == "[verse]\nla\n\nla"


def test_blank_texts_of_earlier_versions_stay_readable() -> None:
    stored = recipe(prompt="old", negative_prompt="old", lyrics="old").to_json().replace("old", "\u200b")
    read = Recipe.from_json(stored)
    assert (read.prompt, read.negative_prompt, read.lyrics) == (NO_WORDS, None, None)
