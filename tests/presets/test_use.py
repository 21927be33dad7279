from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import Settings
from bot.errors import InvalidRecipe, UserError
from bot.presets.names import name_key
from bot.presets.scenarios import starters
from bot.presets.starters import other_wordings, starter_presets
from bot.presets.text import LABELS, labels_within, read_body, read_settings, settings_text
from bot.presets.use import body_of, filled, recipe_from
from bot.recipe import Mode, OptionValue
from bot.recipe.options import InvalidField, Option
from bot.store.presets.model import PRESET_OPTIONS, Body
from tests.builders import recipe
from tests.recipe.strategies import values_of
from tests.tone import describe

SETTINGS = Settings()


def body(**changes: Any) -> Body:
    return Body.from_dict({"template": "{prompt} on a tin roof", "mode": Mode.DIFFUSION} | changes)


@pytest.mark.parametrize(
    ("template", "words", "prompt"),
    [
        ("{prompt} on a roof", "rain", "rain on a roof"),
        ("{prompt}, then {prompt}", " rain ", "rain, then rain"),
        ("soft piano", "rain", "soft piano, rain"),
        ("soft piano", "", "soft piano"),
        ("{prompt}!", "{prompt}", "{prompt}!"),
        ("{0} {prompt.__class__}", "", "{0} {prompt.__class__}"),
    ],
)
def test_words_go_where_the_template_says(template: str, words: str, prompt: str) -> None:
    assert filled(template, words) == prompt


def test_a_template_that_wants_words_says_so() -> None:
    with pytest.raises(UserError, match="needs your words"):
        filled("{prompt} on a roof", "  ")


def made(preset: Body, mode: Mode | None = None, **asked: Any) -> Any:
    known = {name: asked.pop(name) for name in ("seconds", "seed") if name in asked}
    return recipe_from(
        preset, "rain", describe(mode or preset.mode, "test"), SETTINGS, **known, options=asked
    )


def test_the_presets_settings_hold() -> None:
    made_of = made(body(seconds=7, num_sampling_steps=12, guidance_scale=2.5, negative_prompt="voices"))
    assert (made_of.prompt, made_of.seconds) == ("rain on a tin roof", 7)
    assert made_of.options == {
        "num_sampling_steps": 12,
        "guidance_scale": 2.5,
        "negative_prompt": "voices",
    }


def test_what_the_member_asks_wins_and_is_checked() -> None:
    preset = body(seconds=7, num_sampling_steps=12)
    assert made(preset, seconds=3, num_sampling_steps=None, seed=5).seconds == 3
    assert made(preset, seed=5).seed == 5
    with pytest.raises(InvalidRecipe):
        made(preset, num_sampling_steps=9999)
    with pytest.raises(InvalidRecipe):
        made(preset, temperature=1.0)


def test_what_the_engine_lacks_or_bounds_is_no_fault_of_the_preset() -> None:
    preset = body(seconds=600, num_sampling_steps=1000, guidance_scale=100, negative_prompt="voices")
    widest = made(preset)
    assert widest.seconds == 60
    assert (widest.options["num_sampling_steps"], widest.options["guidance_scale"]) == (200, 10)
    in_ar = made(preset, Mode.AR)
    assert in_ar.mode is Mode.AR
    assert in_ar.options.keys() == {"temperature", "top_k", "guidance_scale"}


def test_a_clips_recipe_becomes_a_body_and_the_same_recipe_again() -> None:
    original = recipe(mode=Mode.DIFFUSION, num_sampling_steps=12, guidance_scale=2.5, seconds=7.5)
    again = recipe_from(body_of(original), "", describe(Mode.DIFFUSION, "test"), SETTINGS, seed=original.seed)
    assert again == original


def typed_values(option: Option) -> st.SearchStrategy[OptionValue]:
    """Return values that a line of text shows whole."""
    low, high = option.bounds.low, option.bounds.high
    if option.is_free_text:
        return st.just("voices: none, ever")
    if option.type is float:
        return st.integers(math.ceil(low * 10), math.floor(high * 10)).map(lambda n: n / 10)
    return values_of(option)


@given(
    st.fixed_dictionaries(
        {"mode": st.sampled_from(Mode)},
        optional={
            "seconds": st.integers(1, 600).map(float),
            **{name: typed_values(option) for name, option in PRESET_OPTIONS.items()},
        },
    )
)
def test_settings_are_read_as_they_are_shown(fields: dict[str, Any]) -> None:
    assert read_settings(settings_text(Body.from_dict({"template": "x", **fields}))) == (fields, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("volume: 11", "“volume: 11” isn't a setting"),
        ("seconds 10", "isn't a setting"),
        ("seconds: long", "`seconds` has to be a number"),
        ("steps: 1.5", "`steps` has to be a whole number"),
        ("steps: 10\nSteps: 20", "appears twice"),
        ("mode: hybrid", "mode has to be"),
        ("seconds: nan", "`seconds` has to be"),
    ],
)
def test_a_wrong_line_is_named(text: str, said: str) -> None:
    with pytest.raises(InvalidField, match=said):
        read_body("x", text, "", "", Mode.AR)


def test_every_mistake_of_a_form_is_named() -> None:
    settings = "mode: hybrid\nseconds: 1000\nspeed: 3\nsteps: 10"
    with pytest.raises(InvalidRecipe) as refused:
        read_body("", settings, "a/b", "x" * 301, Mode.AR)
    lines = str(refused.value).splitlines()
    assert len(lines) == 6
    for word in ("mode", "`seconds`", "“speed: 3”", "`template`", "tags", "description"):
        assert any(word in line for line in lines)


@given(st.text(max_size=30), st.text(max_size=80), st.text(max_size=40), st.text(max_size=40))
def test_any_form_gives_a_body_or_its_mistakes(
    template: str, settings: str, tags: str, description: str
) -> None:
    with suppress(InvalidRecipe):
        assert read_body(template, settings, tags, description, Mode.AR).template


def test_a_form_left_blank_takes_the_defaults() -> None:
    read = read_body("rain", "\n seconds: \n", " Calm night,, LOFI ", " a \n b ", Mode.DIFFUSION)
    assert read == Body(template="rain", mode=Mode.DIFFUSION, tags=("calm-night", "lofi"), description="a b")


def test_every_starter_is_a_preset_of_each_mode() -> None:
    presets = starter_presets()
    assert len(presets) == len(starters()) * len(Mode)
    assert len({name_key(draft.name) for draft in presets.values()}) == len(presets)
    for code, draft in presets.items():
        scenario = next(s for s in starters() if code == f"{s.id}-{draft.body.mode}")
        assert [draft.body.template, *other_wordings(code)] == list(scenario.prompts[draft.body.mode])
    assert other_wordings("abc234") == ()
    assert other_wordings(None) == ()


@pytest.mark.parametrize("characters", [100, 60, 1_000])
def test_the_names_of_the_settings_end_at_a_whole_name(characters: int) -> None:
    text = labels_within("{names}", characters)
    assert len(text) <= characters
    *names, last = text.split(", ")
    assert names == list(LABELS)[: len(names)]
    assert last == ("…" if characters < 1_000 else LABELS[-1])
