"""The table of settings: every row validates, shows and restores its values."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.arena.votes import ServerRules
from bot.config import Settings
from bot.errors import UserError
from bot.policy.limits import (
    ServerLimits,
    daily_limits,
    duel_rules,
    has_priority,
    refused_duel,
    refused_recipe,
)
from bot.policy.server import ServerSettings
from bot.policy.setting import SERVER, Panel, Setting, SettingType
from bot.policy.settings import SETTINGS, setting_named
from bot.recipe import Mode
from tests.builders import recipe

CHANNEL, PARENT = 20, 21


def values(setting: Setting) -> st.SearchStrategy[object]:
    ids = st.lists(st.integers(1, 2**63 - 1), max_size=25, unique=True)
    return {
        SettingType.SWITCH: st.booleans(),
        SettingType.NUMBER: st.floats(setting.low, setting.high),
        SettingType.CHOICE: st.sampled_from(sorted(setting.choices or {"x": ""})),
        SettingType.CHOICES: st.lists(st.sampled_from(sorted(setting.choices or {"x": ""})), unique=True),
        SettingType.TEXT: st.text(min_size=1, max_size=100),
        SettingType.WORDS: st.lists(st.text(st.sampled_from("abcé操"), min_size=1), max_size=9, unique=True),
        SettingType.CHANNEL: st.lists(st.integers(1, 2**63 - 1), max_size=1),
        SettingType.CHANNELS: ids,
        SettingType.ROLES: ids,
    }[setting.type]


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
@given(st.data())
def test_a_value_comes_back_from_json_as_it_was_validated(setting: Setting, data: st.DataObject) -> None:
    value = setting.validate(data.draw(values(setting)))
    stored = json.loads(json.dumps(value))
    assert ServerSettings({SERVER: {setting.name: stored}}).value(setting.name) == value
    assert setting.shown(value)


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
@given(
    st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.integers() | st.text()) | st.just({})
)
def test_no_stored_value_breaks_the_program(setting: Setting, stored: object) -> None:
    value = ServerSettings({SERVER: {setting.name: stored}}).value(setting.name)
    setting.validate(value if value != setting.default else None)


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_a_row_fits_discord(setting: Setting) -> None:
    assert len(setting.label) <= 45, "a form's title and label"
    assert len(setting.name) <= 40
    assert setting.description.endswith(".")
    assert len(setting.unset) <= 100
    assert setting.validate(None) == setting.default


@pytest.mark.parametrize("name", SETTINGS)
def test_a_row_is_set_and_reset_through_its_control_by_a_test(name: str) -> None:
    folder = Path(__file__).parents[1] / "e2e"
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("test_*.py"))
    uses = re.findall(rf'(?:choose|write)\([^()]*"{name}"|controls\(panel\)\["{name}"\]', text)
    assert len(uses) >= 2, "see tests/e2e/test_settings.py and test_settings_of_limits.py"


def test_a_page_has_at_most_forty_components() -> None:
    for panel in Panel:
        assert 4 + 3 * sum(setting.panel is panel for setting in SETTINGS.values()) <= 40


def test_the_owners_guide_lists_every_setting() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "owner.md").read_text(encoding="utf-8")
    rows = [f"| {one.label} | {one.description} | {one.unset} |" for one in SETTINGS.values()]
    assert [row for row in rows if row not in guide] == []


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("max_seconds", "30", 30.0),
        ("max_seconds", " 30 s ", 30.0),
        ("max_seconds", "2,5", 2.5),
        ("max_seconds", "", None),
        ("blocked_words", "one, two\nthree\n\none", ("one", "two", "three")),
        ("blocked_words", "", ()),
        ("channel_preset", "abc", "abc"),
    ],
)
def test_what_is_typed_is_read(name: str, text: str, value: object) -> None:
    assert SETTINGS[name].parse(text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("max_seconds", "soon"),
        ("max_seconds", "0"),
        ("max_seconds", "601"),
        ("max_seconds", "nan"),
        ("blocked_words", "x" * 61),
        ("blocked_words", "***"),
        ("blocked_words", "\n".join(map(str, range(501)))),
    ],
)
def test_what_cannot_be_is_refused_by_the_settings_name(name: str, text: str) -> None:
    with pytest.raises(UserError, match=f"“{SETTINGS[name].label}” .* Nothing was changed."):
        SETTINGS[name].parse(text)


def test_a_setting_of_another_version_is_said() -> None:
    with pytest.raises(UserError, match="Open /settings again"):
        setting_named("gone")


def limits(server: dict[str, object], channel: dict[str, object] | None = None) -> ServerLimits:
    owner = Settings(default_seconds=10, max_seconds=60, default_mode=Mode.AR)
    return ServerLimits(owner, ServerSettings({SERVER: server, CHANNEL: channel or {}}), {CHANNEL, PARENT})


def test_a_channel_comes_before_its_server_and_the_server_before_the_bot() -> None:
    assert (limits({}).default_mode, limits({}).default_seconds, limits({}).max_seconds) == (Mode.AR, 10, 60)
    server = {"default_mode": "diffusion", "default_seconds": 20, "max_seconds": 30}
    assert limits(server).default_mode is Mode.DIFFUSION
    assert (limits(server).default_seconds, limits(server).max_seconds) == (20, 30)
    channel: dict[str, object] = {"channel_mode": "ar", "channel_seconds": 5, "channel_preset": "rain"}
    assert limits(server, channel).default_mode is Mode.AR
    assert limits(server, channel).default_seconds == 5
    assert limits(server, channel).preset == "rain"
    assert limits(server).preset is None


def test_a_default_is_within_what_is_allowed() -> None:
    assert limits({"modes": ["diffusion"]}).default_mode is Mode.DIFFUSION
    assert limits({"max_seconds": 4}).default_seconds == 4
    assert limits({"max_seconds": 600}).max_seconds == 60, "the bot's limit holds as well"


@pytest.mark.parametrize(
    ("server", "refused"),
    [
        ({"modes": ["diffusion"]}, True),
        ({"modes": ["ar"]}, False),
        ({"models": ["other"]}, True),
        ({"models": ["test"]}, False),
        ({"max_seconds": 9}, True),
        ({"max_seconds": 10}, False),
    ],
)
def test_a_whole_recipe_is_judged(server: dict[str, object], refused: bool) -> None:
    made = recipe(mode=Mode.AR, model="test", seconds=10.0)
    assert (refused_recipe(made, ServerSettings({SERVER: server})) is not None) is refused


@pytest.mark.parametrize(
    ("modes", "pair", "refused"),
    [
        ([], (Mode.AR, Mode.DIFFUSION), False),
        (["ar"], (Mode.AR, Mode.DIFFUSION), True),
        (["ar"], (Mode.AR, Mode.AR), False),
        (["ar", "diffusion"], (Mode.AR, Mode.DIFFUSION), False),
    ],
)
def test_both_sides_of_a_duel_are_judged(modes: list[str], pair: tuple[Mode, Mode], refused: bool) -> None:
    recipes = [recipe(mode=mode) for mode in pair]
    refusal = refused_duel(recipes, ServerSettings({SERVER: {"duel_modes": modes}}))
    assert (refusal is not None) is refused


def test_rules_of_votes() -> None:
    assert duel_rules(ServerSettings()) == ServerRules()
    stored = {"duel_close_votes": 9, "duel_account_days": 30, "duel_own_votes": False}
    assert duel_rules(ServerSettings({SERVER: stored})) == ServerRules(
        close_votes=9, account_days=30, own_duels=False
    )


def test_limits_of_a_day() -> None:
    daily = daily_limits(ServerSettings({SERVER: {"member_daily_seconds": 60, "queue_share": 50}}))
    assert (daily.member_seconds, daily.server_seconds, daily.queue_share) == (60, None, 0.5)
    assert daily.cooldown_seconds is None
    assert daily_limits(ServerSettings({SERVER: {"cooldown_seconds": 30}})).cooldown_seconds == 30


def test_who_comes_first_in_a_server() -> None:
    server = ServerSettings({SERVER: {"priority_roles": [7]}})
    assert has_priority(server, [6, 7], boosts=False)
    assert not has_priority(server, [6], boosts=True)
    boosters = ServerSettings({SERVER: {"boosters_first": True}})
    assert has_priority(boosters, [], boosts=True)
    assert not has_priority(boosters, [7], boosts=False)
    assert not has_priority(ServerSettings(), [7], boosts=True)
