from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidRecipe
from bot.executor import protocol
from bot.recipe import Mode, ModelRef
from tests.builders import recipe

DOWN = (protocol.Start, protocol.Render, protocol.Cancel)
UP = (
    protocol.Available,
    protocol.Ready,
    protocol.Loading,
    protocol.Progress,
    protocol.Rendered,
    protocol.Failed,
)
facts = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text())
recipes = st.builds(
    recipe,
    prompt=st.just("a tune") | st.just("für “Elise”"),
    seconds=st.floats(1, 600),
    mode=st.sampled_from(Mode),
)
models = st.builds(ModelRef, st.sampled_from(Mode), st.text())
fields = {
    "models": st.lists(models).map(tuple),
    "loaded": st.lists(models).map(tuple),
    "fitting": st.lists(models).map(tuple),
    "model": st.none() | models,
    "warm": st.none() | models,
    "memory_gb": st.floats(0, 100),
    "facts": facts,
    "recipe": recipes,
}


def messages(kinds: tuple[type, ...]) -> st.SearchStrategy[object]:
    def known(kind: Any) -> dict[str, st.SearchStrategy[Any]]:
        return {name: strategy for name, strategy in fields.items() if name in kind.__dataclass_fields__}

    return st.one_of(*(st.builds(kind, **known(kind)) for kind in kinds))


@given(messages(DOWN))
def test_what_goes_down_arrives(message: protocol.Down) -> None:
    line = protocol.encode(message)
    assert line.count(b"\n") == 1
    assert protocol.decode_down(line) == message


@given(messages(UP))
def test_what_comes_up_arrives(message: protocol.Up) -> None:
    assert protocol.decode_up(protocol.encode(message)) == message


def test_a_model_arrives_as_one() -> None:
    model = ModelRef(Mode.AR, "tones")
    arrived = protocol.decode_up(protocol.encode(protocol.Ready(model, 3, (model,))))
    assert isinstance(arrived, protocol.Ready)
    assert (arrived.model, arrived.loaded) == (model, (model,))
    assert isinstance(arrived.model, ModelRef)
    assert arrived.model.mode is Mode.AR


def test_a_recipe_is_an_object_in_its_message() -> None:
    line = protocol.encode(protocol.Render(1, recipe(prompt="slow piano"), "1.mp3", 10**7))
    assert json.loads(line)["recipe"]["prompt"] == "slow piano"


def test_a_recipe_out_of_bounds_is_refused() -> None:
    line = protocol.encode(protocol.Render(1, recipe(seconds=1.5), "1.mp3", 10**7))
    with pytest.raises(InvalidRecipe):
        protocol.decode_down(line.replace(b"1.5", b"-1.5"))


@pytest.mark.parametrize(
    "line", [b"", b"[]", b'{"type": "Unknown"}', b'{"type": "Cancel"}', b'{"type": "Cancel", "x": 1}']
)
def test_anything_else_is_refused(line: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        protocol.decode_down(line)
