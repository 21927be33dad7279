"""Every row of the table of options is wherever an option has to be; a new row needs no line here."""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from discord import Interaction, app_commands
from hypothesis import given
from hypothesis import strategies as st
from typer.core import TyperGroup
from typer.main import get_command

from bot.cli import app
from bot.config import KNOWN, Settings
from bot.discord_limits import MAX_COMMAND_OPTIONS
from bot.errors import InvalidRecipe
from bot.presets.files import export, read
from bot.presets.text import LABELS, MAX_SETTINGS_CHARACTERS, read_settings, settings_text
from bot.recipe import Mode, Recipe, Role, Task
from bot.recipe.build import build_recipe
from bot.recipe.capabilities import Bounds, Capabilities
from bot.recipe.options import OPTIONS, PROMPT, SECONDS, SEED, InvalidField, Option, OptionValue
from bot.recipe.tasks import REQUIRED_SOURCE
from bot.recipe.validate import validate
from bot.store.clips import Clip
from bot.store.presets.model import PRESET_OPTIONS, Body, Draft
from cogs.clips.card import details
from cogs.clips.music import DESCRIPTIONS, LEFT_OUT_FIRST, _with_options, music_options
from cogs.presets.save_forms import SaveForm, _body_fields
from cogs.ui.forms import HINT_CHARACTERS
from tests.builders import FACTS, recipe
from tests.recipe.strategies import values_of

ROOT = Path(__file__).parents[2]
MAX_DESCRIPTION_CHARACTERS = 100
MAX_CHOICES = 25
MAX_INPUT_CHARACTERS = 4_000
"""Discord's limits on a command's options, their descriptions and choices, and on a modal's text input.

Source: Discord's API documentation, “Application Commands” and “Text Input”.
"""

every_row = pytest.mark.parametrize("option", OPTIONS.values(), ids=list(OPTIONS))


def taking(*options: Option, mode: Mode = Mode.AR) -> Capabilities:
    return Capabilities(
        mode=mode,
        model="test",
        title="test",
        licence="MIT",
        sample_rate=32_000,
        channels=2,
        min_seconds=1,
        max_seconds=600,
        prompt_tokens=64,
        options={option.name: option.bounds for option in options},
        loras={"some words": "0" * 16},
        tasks={task: frozenset(Role) for task in Task},
    )


SETTINGS = Settings()
EVERYTHING = taking(*OPTIONS.values())


SPAN_PARTNERS = {"repaint_start": {"repaint_end": 200.0}, "repaint_end": {"repaint_start": 1.0}}
"""The option without which another is refused; a quarter of the widest bounds is 150 s for both."""


def with_option(option: Option) -> Recipe:
    """A recipe with a value of an option, of a task that it has a meaning for."""
    task = Task.TEXT if Task.TEXT in option.tasks else min(option.tasks)
    sources = {REQUIRED_SOURCE[task]: 1} if task in REQUIRED_SOURCE else {}
    others = SPAN_PARTNERS.get(option.name, {})
    return recipe(task=task, sources=sources, seconds=600.0, **{option.name: a_value(option)}, **others)


def partners(option: Option) -> list[Option]:
    return [OPTIONS[name] for name in SPAN_PARTNERS.get(option.name, {})]


def a_value(option: Option) -> OptionValue:
    if option.choices:
        return option.choices[-1]
    if option.type is str:
        return "some words"
    return int(option.bounds.high) if option.type is int else option.bounds.high / 4


@every_row
def test_it_is_in_music_where_an_engine_takes_it(option: Option) -> None:
    words_alone = replace(taking(option), tasks={Task.TEXT: frozenset()})
    for_words = {one.name for one in music_options([words_alone], SETTINGS)}
    assert (option.parameter in for_words) is (Task.TEXT in option.tasks)
    offered = {one.name: one for one in music_options([taking(), taking(option)], SETTINGS)}
    assert offered[option.parameter].kind is inspect.Parameter.KEYWORD_ONLY
    assert option.parameter not in {one.name for one in music_options([taking()], SETTINGS)}
    assert DESCRIPTIONS[option.parameter] == option.description


async def _ignore(interaction: Interaction, **given: Any) -> None:
    """A command's callback that does nothing."""


def test_music_keeps_discords_limits_with_every_option() -> None:
    offered = music_options([EVERYTHING], SETTINGS)
    assert len(offered) <= MAX_COMMAND_OPTIONS
    wanted = {option.parameter for option in OPTIONS.values()} | {
        "melody",
        "source",
        "use",
        "preset",
        "takes",
    }
    left_out = wanted - {one.name for one in offered}
    assert 0 < len(left_out) <= len(LEFT_OUT_FIRST)
    assert left_out <= set(LEFT_OUT_FIRST)
    command: app_commands.Command[Any, ..., None] = app_commands.Command(
        name="music", description="x", callback=_with_options(_ignore, offered)
    )
    assert {one.name for one in command.parameters} == {one.name for one in offered}
    assert {"from", "to"} <= {one.display_name for one in command.parameters}
    assert {one.name for one in command.parameters if one.choices} >= {
        option.parameter for option in OPTIONS.values() if option.choices and option.parameter not in left_out
    }
    assert len({one.name for one in offered}) == len(offered)
    assert all(len(DESCRIPTIONS[one.name]) <= MAX_DESCRIPTION_CHARACTERS for one in offered)
    assert all(len(option.choices) <= MAX_CHOICES for option in OPTIONS.values())


@every_row
def test_it_is_on_the_command_line(option: Option) -> None:
    commands = get_command(app)
    assert isinstance(commands, TyperGroup)
    [flag] = [one for one in commands.commands["generate"].params if one.name == option.parameter]
    assert flag.opts == [f"--{option.label}"]


@every_row
def test_it_is_in_presets(option: Option) -> None:
    if not option.in_presets:
        with pytest.raises(InvalidField, match="cannot be part of a preset"):
            Body.from_dict({"template": "x", "mode": "ar", option.name: a_value(option)})
        return
    body = Body.from_dict({"template": "x", "mode": "ar", option.name: a_value(option)})
    assert option.label in LABELS
    assert f"{option.label}: " in settings_text(body)
    assert read_settings(settings_text(body)) == ({"mode": "ar", option.name: a_value(option)}, [])
    assert Body.from_json(body.to_json()) == body
    assert read(export([Draft("Name", body)])) == [Draft("Name", body)]


def test_a_presets_form_holds_every_setting_at_its_longest() -> None:
    longest = {
        name: "x" * int(option.bounds.high) if option.is_free_text else a_value(option)
        for name, option in PRESET_OPTIONS.items()
    }
    body = Body.from_dict({"template": "x", "mode": Mode.DIFFUSION, "seconds": 1 / 3, **longest})
    assert len(settings_text(body)) <= MAX_SETTINGS_CHARACTERS <= MAX_INPUT_CHARACTERS
    assert all(len(field.hint or "") <= HINT_CHARACTERS for field in _body_fields({}))
    assert SaveForm.prefix


@every_row
def test_it_is_among_the_details_of_a_clip(option: Option) -> None:
    shown = {field.name: field.value for field in details(clip_of(with_option(option))).fields}
    assert option.shown(a_value(option)) in str(shown[option.heading]).replace("\\", "")
    assert option.heading not in {field.name for field in details(clip_of(recipe())).fields}


@every_row
def test_a_sampling_option_can_have_the_owners_default(option: Option) -> None:
    assert (option.name.upper() in KNOWN) is option.has_setting
    if option.has_setting:
        value = a_value(option)
        given: dict[str, Any] = {option.name: value}
        mine = Settings(options=given)
        assert build_recipe(taking(option), mine, prompt="x").options == {option.name: value}
    assert option.name not in build_recipe(taking(), SETTINGS, prompt="x").options


@every_row
def test_it_is_refused_where_the_engine_does_not_take_it(option: Option) -> None:
    asked, without = with_option(option), taking(*partners(option))
    validate(asked, EVERYTHING)
    with pytest.raises(InvalidRecipe, match=rf"`{option.label}` does nothing in mode ar"):
        validate(asked, without)
    with pytest.raises(InvalidRecipe, match=rf"`{option.label}` does nothing in mode ar"):
        build_recipe(
            without,
            SETTINGS,
            prompt="x",
            seconds=60,
            options=asked.options,
            task=asked.task,
            sources=asked.sources,
        )


@every_row
def test_an_engine_can_have_narrower_bounds(option: Option) -> None:
    if option.choices:
        return
    narrow = taking(*partners(option))
    high = 3 if option.type is str else option.bounds.low
    narrow = Capabilities(
        **{name: getattr(narrow, name) for name in narrow.__dataclass_fields__ if name != "options"},
        options={**narrow.options, option.name: Bounds(option.bounds.low, high)},
    )
    with pytest.raises(InvalidRecipe, match=rf"`{option.label}` "):
        validate(with_option(option), narrow)


@every_row
def test_it_is_described(option: Option) -> None:
    assert option.name.isidentifier()
    assert option.parameter.isidentifier()
    assert option.parameter == option.parameter.lower()
    assert 10 <= len(option.description) <= MAX_DESCRIPTION_CHARACTERS
    assert option.bounds.low < option.bounds.high
    assert option.tasks
    assert option.name not in Recipe.__dataclass_fields__
    assert not option.choices or option.type is str


def test_options_are_named_by_the_table_and_the_engines_alone() -> None:
    """Elsewhere a name would be a second table; names that are words of other things, such as key, may be."""
    names = {name for name in OPTIONS if "_" in name} | {"temperature"}
    inside = {ROOT / "bot/engines", ROOT / "bot/recipe/options.py"}
    found = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: {name}"
        for room in ("bot", "cogs")
        for path in sorted((ROOT / room).rglob("*.py"))
        if not inside & {path, *path.parents}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in names & {getattr(node, field, None) for field in ("id", "attr", "arg")}
        | ({node.value} & names if isinstance(node, ast.Constant) and isinstance(node.value, str) else set())
    ]
    assert found == []


def test_labels_and_parameters_are_unique() -> None:
    rows = [PROMPT, SECONDS, SEED, *OPTIONS.values()]
    assert len({row.label for row in rows}) == len({row.parameter for row in rows}) == len(rows)


@given(st.sampled_from(list(OPTIONS.values())).flatmap(lambda row: st.tuples(st.just(row), values_of(row))))
def test_a_valid_value_is_valid_again_in_the_rows_type(drawn: tuple[Option, OptionValue]) -> None:
    option, value = drawn
    valid = option.validate(value)
    assert type(valid) is option.type
    assert option.validate(valid) == valid


@given(st.sampled_from(list(OPTIONS.values())), st.one_of(st.none(), st.booleans(), st.lists(st.integers())))
def test_other_types_are_refused(option: Option, value: Any) -> None:
    with pytest.raises(InvalidField, match=rf"^`{option.label}` has to be "):
        option.validate(value)


@given(st.sampled_from([row for row in OPTIONS.values() if row.type is not str]), st.integers() | st.floats())
def test_numbers_out_of_bounds_are_refused_with_the_bounds(option: Option, value: float) -> None:
    low, high = option.bounds.low, option.bounds.high
    if low <= value <= high and (option.type is float or isinstance(value, int)):
        assert option.validate(value) == value
    else:
        with pytest.raises(InvalidField, match=rf"has to be a (whole )?number from {low:g} to {high:,g}"):
            option.validate(value)


def clip_of(made: Recipe) -> Clip:
    return Clip(
        id=1,
        job_id=1,
        recipe=made,
        user_id=1,
        guild_id=None,
        channel_id=1,
        message_id=None,
        file="1.mp3",
        picture="1.png",
        facts=FACTS,
        created_at=0,
        preset_version=None,
    )
