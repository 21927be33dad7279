"""The gate's decisions, each at both ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.policy.acts import Act
from bot.policy.gate import DAY_SECONDS, Access, Cause, Facts, Rules, decide
from bot.policy.server import ServerSettings

NOW = 100 * DAY_SECONDS
GUILD, CHANNEL, ROLE, MEMBER = 10, 20, 30, 1


def facts(**changes: Any) -> Facts:
    known: dict[str, Any] = {
        "act": Act.ASK,
        "user_id": MEMBER,
        "access": Access.GUILD,
        "created_at": 0,
        "now": NOW,
        "guild_id": GUILD,
        "channel_ids": frozenset({CHANNEL}),
    }
    return Facts(**known | changes)


def server(**values: Any) -> ServerSettings:
    return ServerSettings({0: values})


def cause(
    asked: Facts, rules: Rules | None = None, settings: ServerSettings | None = None, *, banned: bool = False
) -> Cause | None:
    refusal = decide(asked, rules or Rules(), settings or ServerSettings(), banned=banned)
    return refusal.cause if refusal else None


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("access", Access)
def test_everything_is_allowed_until_something_is_set(act: Act, access: Access) -> None:
    assert cause(facts(act=act, access=access, owner=act is Act.OWN)) is None


@pytest.mark.parametrize(
    ("changes", "rules", "settings", "refused"),
    [
        ({}, {"blocked_users": {MEMBER}}, {}, Cause.BLOCKED),
        ({}, {"blocked_users": {2}}, {}, None),
        ({}, {"blocked_guilds": {GUILD}}, {}, Cause.SERVER),
        ({"access": Access.ELSEWHERE}, {"blocked_guilds": {GUILD}}, {}, Cause.SERVER),
        ({}, {"allowed_guilds": {11}}, {}, Cause.SERVER),
        ({}, {"allowed_guilds": {GUILD}}, {}, None),
        # A member's own installation reaches servers that never added the bot: that is another switch.
        ({"access": Access.ELSEWHERE}, {"allowed_guilds": {11}}, {}, None),
        ({"access": Access.ELSEWHERE}, {"allow_user_install": False}, {}, Cause.USER_INSTALL),
        ({}, {"allow_user_install": False}, {}, None),
        ({"access": Access.DIRECT, "guild_id": None}, {"allow_dms": False}, {}, Cause.DIRECT),
        ({}, {"allow_dms": False}, {}, None),
        ({"created_at": NOW - 7 * DAY_SECONDS}, {"account_days": 7}, {}, None),
        ({"created_at": NOW - 7 * DAY_SECONDS + 1}, {"account_days": 7}, {}, Cause.ACCOUNT_AGE),
        ({"created_at": NOW - 3 * DAY_SECONDS}, {"account_days": 1}, {"account_days": 4}, Cause.ACCOUNT_AGE),
        ({"created_at": NOW, "act": Act.USE}, {"account_days": 7}, {}, None),
        ({}, {}, {"ask_channels": [21]}, Cause.CHANNEL),
        ({}, {}, {"ask_channels": [21, CHANNEL]}, None),
        ({"channel_ids": frozenset({99, CHANNEL})}, {}, {"ask_channels": [CHANNEL]}, None),
        ({"act": Act.USE}, {}, {"ask_channels": [21]}, None),
        ({}, {}, {"ask_roles": [ROLE]}, Cause.ROLE),
        ({"role_ids": frozenset({ROLE})}, {}, {"ask_roles": [31, ROLE]}, None),
        ({"manages": True}, {}, {"ask_roles": [ROLE]}, None),
        ({"act": Act.DUEL}, {}, {"duel_roles": [ROLE]}, Cause.ROLE),
        ({"act": Act.DUEL, "role_ids": frozenset({ROLE})}, {}, {"duel_roles": [ROLE]}, None),
        ({"act": Act.DUEL, "role_ids": {ROLE}}, {}, {"duel_roles": [ROLE], "ask_roles": [31]}, Cause.ROLE),
        ({}, {}, {"duel_roles": [ROLE]}, None),
        ({"act": Act.DUEL}, {}, {"duels": False}, Cause.OFF),
        ({"act": Act.DUEL}, {}, {"duels": True}, None),
        ({"act": Act.COACH}, {}, {"coach": False}, Cause.OFF),
        ({"act": Act.COACH}, {}, {"coach": True}, None),
        ({"act": Act.PLAIN}, {}, {"plain_words": False}, Cause.OFF),
        ({"act": Act.PLAIN}, {}, {"plain_words": True}, None),
        ({}, {}, {"age_restricted": True}, Cause.AGE_RESTRICTED),
        ({"age_restricted": True}, {}, {"age_restricted": True}, None),
        ({}, {}, {"age_restricted": False}, None),
        ({"texts": ["a s-l-u-r"]}, {}, {"blocked_words": ["slur"]}, Cause.WORD),
        ({"texts": ["a slurry"]}, {}, {"blocked_words": ["slur"]}, None),
        ({"texts": ["see www.x.org"]}, {}, {"links": False}, Cause.LINK),
        ({"texts": ["see www.x.org"]}, {}, {"links": True}, None),
    ],
)  # fmt: skip
def test_each_rule_at_both_ends(
    changes: dict[str, Any], rules: dict[str, Any], settings: dict[str, Any], refused: Cause | None
) -> None:
    frozen: dict[str, Any] = {name: frozenset(v) if isinstance(v, set) else v for name, v in rules.items()}
    asked = facts(**changes | {name: frozenset(changes[name]) for name in {"role_ids"} & set(changes)})
    assert cause(asked, Rules(**frozen), server(**settings)) is refused


def test_a_banned_member_may_do_nothing_but_have_their_data_forgotten() -> None:
    allowed = {act for act in Act if cause(facts(act=act), banned=True) is None}
    assert allowed == {Act.PRIVACY}
    assert cause(facts(act=Act.MANAGE, manages=True), banned=True) is None, "no moderator locks out a manager"


def test_the_console_is_the_owners() -> None:
    assert cause(facts(act=Act.OWN, manages=True)) is Cause.OWNER_ONLY
    assert cause(facts(act=Act.OWN, owner=True), Rules(allowed_guilds=frozenset({11}))) is None


def test_the_owner_is_not_locked_out_and_is_bound_by_a_server() -> None:
    strict = Rules(blocked_users=frozenset({MEMBER}), allow_dms=False, account_days=1000)
    assert cause(facts(owner=True), strict) is None
    assert cause(facts(owner=True), settings=server(ask_channels=[21])) is Cause.CHANNEL


@given(st.text(min_size=3, max_size=20).filter(lambda word: any(c.isalnum() for c in word)))
def test_a_refusal_repeats_nothing_that_was_typed(word: str) -> None:
    typed = f"unlikely-{word}-mark"
    refusal = decide(facts(texts=[typed, "slur"]), Rules(), server(blocked_words=["slur"]))
    assert refusal is not None
    assert typed not in str(refusal)
    assert "slur" not in str(refusal)
    assert refusal.reason.endswith(".")
    assert refusal.help.endswith(".")
