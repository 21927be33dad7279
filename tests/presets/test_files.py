from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from bot.presets.files import FILE_BYTES, MAX_PRESETS, BadFile, export, read
from bot.presets.names import display_name, name_key
from bot.recipe import Mode, OptionValue, Role, Task
from bot.recipe.options import InvalidField, Option
from bot.recipe_files import recipe_file
from bot.store.database import Database
from bot.store.presets.model import PRESET_OPTIONS, Body, Draft
from bot.store.presets.repository import Presets
from tests.builders import recipe
from tests.recipe.strategies import values_of
from tests.tone import SECRET

FIELDS = ("name", "template", "mode", "model", "seconds", *PRESET_OPTIONS, "tags", "description")


def is_name(text: str) -> bool:
    try:
        return bool(display_name(text))
    except UserError:
        return False


def is_body(fields: dict[str, Any]) -> bool:
    try:
        return bool(Body.from_dict(fields))
    except InvalidField:
        return False


texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=60)
bodies = st.fixed_dictionaries(
    {
        "template": texts,
        "mode": st.sampled_from(Mode),
        "model": st.text(max_size=60),
        "tags": st.lists(st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12), max_size=5),
        "description": st.text(max_size=60),
        "seconds": st.none() | st.floats(0.1, 600),
        **{
            name: st.none() | (texts if option.is_free_text else values_of(option))
            for name, option in PRESET_OPTIONS.items()
        },
    }
).filter(is_body)
names = st.text(min_size=1, max_size=40).filter(is_name).map(display_name)
drafts = st.lists(st.builds(Draft, names, bodies.map(Body.from_dict)), min_size=1, max_size=6)


@given(drafts)
def test_export_then_import_is_the_identity(wanted: list[Draft]) -> None:
    assert read(export(wanted)) == wanted


def test_a_token_in_a_template_stays_behind() -> None:
    assert SECRET.encode() not in export([Draft("Rain", Body(template=f"rain {SECRET}", mode=Mode.AR))])


@settings(max_examples=15)
@given(drafts)
def test_so_it_is_through_the_store(wanted: list[Draft]) -> None:
    async def through() -> list[Draft]:
        with tempfile.TemporaryDirectory() as folder:
            async with Database.open(Path(folder, "a.db"), 0) as database:
                presets = Presets(database, name_key)
                await presets.save_all(1, read(export(wanted)), 0, per_member=100)
                return read(export([Draft(one.name, one.body) for one in await presets.own(1)]))

    unique = {name_key(draft.name): draft for draft in wanted}
    wanted = list(unique.values())
    assert sorted(asyncio.run(through()), key=lambda d: name_key(d.name)) == sorted(
        wanted, key=lambda d: name_key(d.name)
    )


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
near_presets = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), json_values, max_size=12)
near_files = st.fixed_dictionaries(
    {},
    optional={
        "format": st.just(1) | json_values,
        "presets": st.lists(near_presets | json_values, max_size=4),
    },
)


@given(json_values | near_files)
@example({"format": 1, "presets": [{"name": "a", "template": "b", "mode": "ar", "seconds": float("nan")}]})
@example({"format": 1, "presets": [{"name": "a", "template": "\ud800", "mode": "ar"}]})
@example({"format": 1, "presets": [{"name": "a", "template": "b", "mode": "ar", "top_k": 10**400}]})
@example({"format": True, "presets": [{}]})
def test_any_json_imports_or_is_refused_with_the_field(content: Any) -> None:
    try:
        found = read(json.dumps(content).encode())
    except BadFile as error:
        said = str(error)
        named = ("format", "presets", "JSON object", *(f".{field} " for field in FIELDS))
        assert any(word in said for word in named), said
        said.encode()
    else:
        assert read(export(found)) == found


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(BadFile):
        read(data)


def preset(**changes: Any) -> dict[str, Any]:
    return {"name": "Rain", "template": "rain", "mode": "ar"} | changes


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "\u202e\u200b"),
        ("name", "x" * 61),
        ("name", 7),
        ("template", " "),
        ("template", "x" * 1001),
        ("template", "\u2800\u200b"),
        ("template", None),
        ("mode", "hybrid"),
        ("mode", ["ar"]),
        ("seconds", "10"),
        ("seconds", True),
        ("seconds", 601),
        ("temperature", 0),
        ("top_k", 1.5),
        ("num_sampling_steps", 0),
        ("guidance_scale", -1),
        ("guidance_scale", float("inf")),
        ("negative_prompt", ""),
        ("negative_prompt", "\u3164"),
        ("tags", "calm"),
        ("tags", [1]),
        ("tags", ["a b!"]),
        ("tags", ["x" * 25]),
        ("tags", ["a", "b", "c", "d", "e", "f"]),
        ("description", 5),
        ("description", "x" * 301),
    ],
)
def test_a_wrong_field_is_named(field: str, value: Any) -> None:
    content = {"format": 1, "presets": [preset(), preset(**{field: value})]}
    with pytest.raises(BadFile, match=rf"^presets\[1\]\.{field} "):
        read(json.dumps(content).encode())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b"[" * 100_000, "nested"),
        (b'{"format": 1, "presets": [' + b"9" * 5000 + b"]}", "number"),
        (b'{"format": 2, "presets": []}', "format has to be 1"),
        (b'{"format": 1}', "has no presets"),
        (b'{"format": 1, "presets": []}', "1 to 100"),
        (b'{"format": 1, "presets": [{"name": "a", "name": "b"}]}', "“name” appears twice"),
        (b'{"format": 1, "presets": [{}]}', r"presets\[0\] has no name"),
        (b'{"format": 1, "presets": [7]}', r"presets\[0\] has to be an object"),
        (b'{"format": 1, "presets": [], "extra": 1}', "“extra”"),
        (b" " * (FILE_BYTES + 1), "bytes"),
    ],
)
def test_a_wrong_file_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        read(data)


def test_a_byte_order_mark_is_no_fault() -> None:
    assert read(b"\xef\xbb\xbf" + export([Draft("Rain", Body(template="rain", mode=Mode.AR))]))


def widest_in_bytes(option: Option) -> OptionValue:
    if option.choices:
        return max(option.choices, key=len)
    if option.type is str:
        return "𝄞" * int(option.bounds.high)
    return int(option.bounds.high) if option.type is int else max(option.bounds.low, 1 / 3)


def test_the_largest_presets_fit_a_file() -> None:
    # Four bytes each, the widest in UTF-8, everywhere.
    body = Body(
        template="𝄞" * 1000,
        mode=Mode.DIFFUSION,
        tags=tuple("𠀀" * 23 + str(n) for n in range(5)),
        description="𝄞" * 300,
        seconds=5 / 3,
        options={name: widest_in_bytes(option) for name, option in PRESET_OPTIONS.items()},
    )
    drafts = [Draft("𝄞" * 60, body)] * MAX_PRESETS
    assert read(export(drafts)) == drafts


def test_a_file_of_an_earlier_version_is_read() -> None:
    data = b"""{"format": 1, "presets": [{"name": "Rain", "template": "{prompt} on a tin roof", "mode": "ar",
        "seconds": 8.0, "temperature": 0.8, "top_k": 40, "guidance_scale": 2.0, "num_sampling_steps": 20,
        "negative_prompt": "voices", "tags": ["calm"], "description": "rain"}]}"""
    [draft] = read(data)
    assert draft.body.seconds == 8
    assert draft.body.options == {
        "temperature": 0.8,
        "top_k": 40,
        "guidance_scale": 2.0,
        "num_sampling_steps": 20,
        "negative_prompt": "voices",
    }


def test_a_recipe_file_is_a_preset_named_after_its_prompt() -> None:
    made = recipe(
        prompt="slow piano in the rain, a tune that goes on for longer than any name of a preset can",
        temperature=1.1,
        lyrics="la la",
        strength=0.4,
        task=Task.VARY,
        sources={Role.INITIAL: 7},
    )
    [draft] = read(recipe_file(made), lambda recipe: "small")
    assert draft.name == "slow piano in the rain, a tune that goes on for longer than"
    assert draft.body == Body(
        template=made.prompt,
        mode=made.mode,
        model="small",
        seconds=made.seconds,
        options={"temperature": 1.1},
    )
    assert read(export([draft])) == [draft]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"evil": 1}, "evil"),
        ({"seed": "x"}, "seed"),
        ({"sources": 7}, "can't be used"),
        ({"format": 1}, "has a field"),
    ],
)
def test_a_recipe_file_that_cannot_be_used_says_why(change: dict[str, Any], said: str) -> None:
    content = recipe(prompt="rain").to_dict() | change
    with pytest.raises(BadFile, match=said):
        read(json.dumps(content).encode())


def test_a_prompt_without_a_name_in_it_makes_a_preset_all_the_same() -> None:
    assert read(recipe_file(recipe(prompt="!!!")))[0].name == "Imported clip"
