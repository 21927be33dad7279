from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidRecipe
from bot.recipe import LYRICS_CHARACTERS, MAX_SEED, NO_WORDS, OptionValue, Recipe, Role, Task
from bot.recipe.options import OPTIONS
from tests.builders import recipe
from tests.recipe.strategies import options, recipes

NUMBERS = {name: option for name, option in OPTIONS.items() if option.type is not str}


@given(recipes())
def test_json_gives_back_the_recipe(wanted: Recipe) -> None:
    again = Recipe.from_json(wanted.to_json())
    assert again == wanted
    assert hash(again) == hash(wanted)
    assert json.loads(wanted.to_json()) == wanted.to_dict()
    assert Recipe.from_dict(wanted.to_dict()) == wanted


@given(recipes(), recipes())
def test_recipes_are_equal_where_everything_that_decides_the_sound_is(one: Recipe, other: Recipe) -> None:
    assert (one == other) == (one.to_dict() == other.to_dict())
    assert len({one, one.reseeded(one.seed), other}) == (1 if one == other else 2)


@given(recipes())
def test_a_recipe_cannot_be_changed(made: Recipe) -> None:
    for name in ("seed", "options", "sources"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(made, name, None)
    with pytest.raises(TypeError):
        made.options["temperature"] = 1.0  # type: ignore[index]
    with pytest.raises(TypeError):
        made.sources[Role.MELODY] = 1  # type: ignore[index]


@given(recipes(), options)
def test_options_are_set_and_left_out(made: Recipe, changes: dict[str, OptionValue]) -> None:
    changed = made.with_options(**changes)
    assert changed.options.keys() == made.options.keys() | changes.keys()
    assert changed.with_options(**dict.fromkeys(changed.options)).options == {}


def test_options_stand_in_the_order_of_the_table() -> None:
    made = recipe(**{name: option.bounds.high for name, option in reversed(NUMBERS.items())})
    assert list(made.options) == list(NUMBERS)
    assert made == recipe(**{name: option.bounds.high for name, option in NUMBERS.items()})


@given(recipes(), st.integers(0, MAX_SEED))
def test_reseeding_changes_the_seed_alone(before: Recipe, seed: int) -> None:
    after = before.reseeded(seed)
    assert after.seed == seed
    assert after.reseeded(before.seed) == before


def test_reseeding_without_a_seed_draws_one() -> None:
    assert len({recipe().reseeded().seed for _ in range(20)}) > 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": " \n "}, "`prompt` is empty"),
        ({"prompt": "\u200b\u2800\u3164"}, "`prompt` is empty"),
        ({"prompt": "<@123>"}, "`prompt` is empty"),
        ({"prompt": 7}, "`prompt` has to be a text"),
        ({"negative_prompt": "\ufe0f"}, "`negative` is empty"),
        ({"negative_prompt": "x" * 1001}, "1,001 characters"),
        ({"lyrics": "\u202e\xa0"}, "`lyrics` is empty"),
        ({"lyrics": "x" * (LYRICS_CHARACTERS + 1)}, "4,001 characters"),
        ({"mode": "both"}, "mode"),
        ({"seconds": "ten"}, "`seconds` has to be a number from 0.1 to 600"),
        ({"seed": 1.5}, "seed"),
        ({"temperature": "warm"}, "temperature"),
        ({"guidance_scale": True}, "guidance"),
        ({"prompt": "x" * 4000}, "4,000 characters"),
        ({"seconds": math.nan}, "seconds"),
        ({"seconds": 0}, "seconds"),
        ({"seed": -1}, "seed"),
        ({"seed": MAX_SEED + 1}, "seed"),
        ({"temperature": math.inf}, "temperature"),
        ({"top_k": -1}, "`top-k` has to be a whole number from 0 to 100,000"),
        ({"guidance_scale": math.nan}, "guidance"),
        ({"num_sampling_steps": 0}, "steps"),
        ({"sources": {"melody": "../" + "a" * 61}}, "melody"),
        ({"sources": {"melody": "a" * 64 + "\n"}}, "melody"),
        ({"sources": {"start": 0}}, "source start"),
        ({"sources": {"start": True}}, "source start"),
        ({"sources": {"lead": 1}}, "not lead"),
        ({"task": "remix"}, "task has to be text"),
        ({"task": "continue"}, "continue needs a source: start"),
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
    assert made.text("negative_prompt") == "drums"
    assert made.text("lyrics") == "[verse]\nla\n\nla"


def test_blank_texts_of_earlier_versions_stay_readable() -> None:
    stored = recipe(prompt="old", negative_prompt="old", lyrics="old").to_json().replace("old", "\u200b")
    read = Recipe.from_json(stored)
    assert (read.prompt, read.options) == (NO_WORDS, {})


PLAIN = '{"prompt": "slow piano", "mode": "ar", "model": "test", "seconds": 10.0, "seed": 7'
SET = ', "temperature": 0.9, "top_k": 250, "guidance_scale": 3.0'


@pytest.mark.parametrize(
    ("stored", "meant"),
    [
        (
            PLAIN + SET + f', "melody": "{"a" * 64}"}}',
            recipe(temperature=0.9, top_k=250, guidance_scale=3.0, sources={"melody": "a" * 64}),
        ),
        (PLAIN + ', "source_clip": 5}', recipe(task=Task.CONTINUE, sources={"start": 5})),
    ],
)
def test_recipes_of_earlier_versions_are_read(stored: str, meant: Recipe) -> None:
    assert Recipe.from_json(stored) == meant


def test_a_recipe_without_sources_is_stored_as_it_always_was() -> None:
    assert Recipe.from_json(PLAIN + SET + "}").to_json() == PLAIN + SET + "}"
