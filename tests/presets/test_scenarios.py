from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.coach.advice import coach
from bot.coach.tables import Table, parse
from bot.discord_limits import MAX_CHOICE_CHARACTERS
from bot.errors import SetupError
from bot.presets import scenarios as scenarios_module
from bot.presets.scenarios import Scenario, read_starters, starters, suggestions
from bot.recipe import Mode, validate_prompt

SHIPPED = tomllib.loads(
    Path(scenarios_module.__file__).with_name("scenarios.toml").read_text(encoding="utf-8")
)
PROMPTS = [(s, mode, prompt) for s in starters() for mode in Mode for prompt in s.prompts[mode]]


def test_the_library_is_large_and_serves_both_modes() -> None:
    assert len(starters()) >= 16
    assert all(len(s.prompts[mode]) == 3 for s in starters() for mode in Mode)


@pytest.mark.parametrize(("scenario", "mode", "prompt"), PROMPTS)
def test_each_prompt_follows_the_coach(scenario: Scenario, mode: Mode, prompt: str) -> None:
    assert validate_prompt(prompt) == prompt
    advice = coach(prompt, mode, prompt_tokens=64)
    assert not advice.findings
    assert not advice.rewords


def test_suggestions_fit_an_autocomplete() -> None:
    for mode in Mode:
        everything = suggestions(mode)
        assert len(everything) == min(25, len(starters()))
        assert all(len(choice) <= MAX_CHOICE_CHARACTERS for choice in everything)
    assert suggestions(Mode.AR, " LOFI ") == [s.prompts[Mode.AR][0] for s in starters() if "lofi" in s.tags]
    assert suggestions(Mode.AR, "no such thing") == []
    assert len(suggestions(Mode.AR, limit=3)) == 3


def broken(change: dict[str, Any], number: int = 0) -> Table:
    data = copy.deepcopy(SHIPPED)
    data["scenario"][number].update(change)
    return Table("scenarios.toml", data)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "Not A Slug"}, "“id”"),
        ({"name": "**bold**"}, "“name”"),
        ({"name": "<@1>"}, "“name”"),
        ({"name": " "}, "“name” is blank"),
        ({"description": "x" * 101}, "“description”"),
        ({"tags": []}, "“tags”"),
        ({"tags": ["a", "a"]}, "“tags”"),
        ({"tags": ["No Caps"]}, "“tags”"),
        ({"tags": [1]}, "“tags”"),
        ({"seconds": 61}, "“seconds”"),
        ({"seconds": "20"}, "“seconds”"),
        ({"seconds": True}, "“seconds”"),
        ({"ar": ["one", "two"]}, "“ar”"),
        ({"ar": ["x" * 101, "two", "three"]}, "the first of “ar”"),
        ({"diffusion": ["one", "two", "x" * 1_001]}, "“diffusion”"),
        ({"diffusion": ["one", " two", "three"]}, "“diffusion”"),
        ({"loudness": 3}, "unknown field “loudness”"),
    ],
)
def test_a_wrong_field_is_named_with_its_scenario(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(SetupError, match=reason) as caught:
        read_starters(broken(change))
    assert "scenario 1" in str(caught.value)


@pytest.mark.parametrize("field", ["id", "name", "description", "tags", "seconds", "ar", "diffusion"])
def test_a_missing_field_is_named(field: str) -> None:
    data = copy.deepcopy(SHIPPED)
    del data["scenario"][0][field]
    with pytest.raises(SetupError, match=f"“{field}”"):
        read_starters(Table("scenarios.toml", data))


@pytest.mark.parametrize("field", ["id", "name", "ar"])
def test_two_of_the_same_are_refused(field: str) -> None:
    with pytest.raises(SetupError, match="two scenarios have the"):
        read_starters(broken({field: SHIPPED["scenario"][1][field]}))


def test_text_that_is_no_toml_is_refused() -> None:
    with pytest.raises(SetupError, match=r"scenarios\.toml is not valid TOML"):
        parse("scenarios.toml", "[[scenario")
