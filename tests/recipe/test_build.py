from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import Settings
from bot.errors import InvalidRecipe
from bot.recipe import Mode, OptionValue, Role, Task
from bot.recipe.build import build_recipe, in_other_mode, longest_seconds, mode_taking
from bot.recipe.capabilities import Bounds, texts
from bot.recipe.options import OPTIONS, Option
from bot.recipe.validate import validate
from tests.recipe.strategies import values_of
from tests.tone import describe

AR, DIFFUSION = describe(Mode.AR, "tones"), describe(Mode.DIFFUSION, "tones")
SETTINGS = Settings(max_seconds=30, options={"guidance_scale": 4})


def test_open_values_come_from_the_owner_then_from_the_engine() -> None:
    recipe = build_recipe(AR, SETTINGS, prompt="piano")
    assert recipe.options == {"guidance_scale": 4, "temperature": 1, "top_k": 250}
    assert recipe.seconds == SETTINGS.default_seconds


@pytest.mark.parametrize(
    ("given", "roles", "mode"),
    [
        ({}, [], Mode.AR),
        ({"guidance_scale": 3}, [], Mode.AR),
        ({"negative_prompt": "drums"}, [], Mode.DIFFUSION),
        ({"negative_prompt": None, "num_sampling_steps": 9}, [], Mode.DIFFUSION),
        ({"top_k": 5}, [], Mode.AR),
        ({"guidance_scale": 3}, [Role.MELODY], Mode.AR),
        # No mode takes both: the default's refusal is shown.
        ({"top_k": 5, "num_sampling_steps": 9}, [], Mode.AR),
        ({"num_sampling_steps": 9}, [Role.MELODY], Mode.AR),
    ],
)
def test_without_a_mode_the_one_that_takes_what_was_given_is_used(
    given: dict[str, OptionValue | None], roles: list[Role], mode: Mode
) -> None:
    engines = {Mode.AR: AR, Mode.DIFFUSION: DIFFUSION}
    assert mode_taking(engines, Mode.AR, given, roles) is mode


def test_the_default_mode_goes_first_where_both_take_it() -> None:
    engines = {Mode.AR: AR, Mode.DIFFUSION: DIFFUSION}
    assert mode_taking(engines, Mode.DIFFUSION, {"guidance_scale": 3}) is Mode.DIFFUSION
    assert mode_taking({}, Mode.AR, {"top_k": 5}) is Mode.AR


def test_an_option_that_the_engine_ignores_is_refused_with_what_it_takes() -> None:
    with pytest.raises(
        InvalidRecipe, match=r"`steps` does nothing in mode ar.*temperature.*Leave `steps` out"
    ):
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
    assert after.options.keys() == {"temperature", "top_k", "guidance_scale"}


def test_the_other_mode_keeps_what_describes_the_music_and_samples_by_its_own_defaults() -> None:
    musical = {"bpm": Bounds(40, 200), **texts("key", "lyrics")}
    ar, diffusion = (replace(engine, options={**engine.options, **musical}) for engine in (AR, DIFFUSION))
    options: dict[str, float | int | str | None] = {
        "guidance_scale": 2,
        "bpm": 190,
        "key": "A minor",
        "lyrics": "la",
    }
    before = build_recipe(ar, SETTINGS, prompt="piano", options=options)
    narrower = replace(
        diffusion, options={**diffusion.options, "bpm": Bounds(40, 120), "lyrics": Bounds(1, 1)}
    )
    after = in_other_mode(before, narrower, SETTINGS)
    assert after.options["guidance_scale"] == SETTINGS.option_default("guidance_scale")
    assert (after.options["bpm"], after.options["key"]) == (120, "A minor")
    assert "lyrics" not in after.options


def test_an_option_without_a_default_is_left_to_the_model() -> None:
    engine = replace(AR, options={"bpm": Bounds(40, 200)})
    assert build_recipe(engine, SETTINGS, prompt="piano").options == {}


def test_the_owners_default_is_moved_into_the_engines_bounds() -> None:
    narrow = replace(AR, options={"guidance_scale": Bounds(1, 3, 2), "top_k": Bounds(0, 10, 5)})
    owner = Settings(options={"guidance_scale": 9, "top_k": 100})
    assert build_recipe(narrow, owner, prompt="piano").options == {"guidance_scale": 3, "top_k": 10}


def test_a_task_is_for_the_models_that_have_it() -> None:
    sources = {Role.START: 5}
    with pytest.raises(InvalidRecipe, match="`continue` does nothing in mode ar"):
        build_recipe(AR, SETTINGS, prompt="piano", task=Task.CONTINUE, sources=sources)
    continuing = replace(AR, tasks={Task.CONTINUE: frozenset({Role.START})})
    made = build_recipe(continuing, SETTINGS, prompt="piano", task=Task.CONTINUE, sources=sources)
    assert (made.task, made.sources) == (Task.CONTINUE, sources)
    validate(made, continuing)
    with pytest.raises(InvalidRecipe, match="`continue` does nothing"):
        validate(made, AR)


@given(st.data())
def test_what_the_bot_builds_passes_in_the_worker(data: st.DataObject) -> None:
    """Whatever bounds an engine has and whatever is asked: refused, or valid for the worker."""
    taken = data.draw(st.sets(st.sampled_from(list(OPTIONS))))
    bounds = {name: data.draw(narrower_bounds(OPTIONS[name])) for name in sorted(taken)}
    engine = replace(AR, options=bounds)
    asked = data.draw(st.fixed_dictionaries({}, optional={n: values_of(o) for n, o in OPTIONS.items()}))
    seconds = data.draw(st.none() | st.floats(0.1, 600))
    try:
        made = build_recipe(engine, SETTINGS, prompt="piano", seconds=seconds, options=asked)
    except InvalidRecipe:
        return
    validate(made, engine)
    assert made.options.keys() <= bounds.keys()
    validate(in_other_mode(made, engine, SETTINGS), engine)


@st.composite
def narrower_bounds(draw: st.DrawFn, option: Option) -> Bounds:
    if option.type is str:
        return Bounds(1, draw(st.integers(1, int(option.bounds.high))))
    low, high = sorted((float(draw(values_of(option))), float(draw(values_of(option)))))
    default = draw(st.none() | st.sampled_from((low, high)))
    return Bounds(low, high, default)
