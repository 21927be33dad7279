import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.arena.table import VoteTable
from bot.arena.votes import DAY, ExcludedReason, Rules, ServerRules, Vote, excluded_reason
from tests.arena.community import vote

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ({}, None),
        ({"seconds_to_vote": 9.9}, ExcludedReason.TOO_QUICK),
        ({"seconds_to_vote": 10.0}, None),
        ({"account_age_days": 6.99}, ExcludedReason.ACCOUNT_TOO_YOUNG),
        ({"account_age_days": 7.0}, None),
        ({"counted_today": 49}, None),
        ({"counted_today": 50}, ExcludedReason.TOO_MANY_TODAY),
        ({"requester": True}, None),
    ],
)
def test_a_vote_counts_up_to_the_rules_and_no_further(
    case: dict[str, float], reason: ExcludedReason | None
) -> None:
    usual = {"seconds_to_vote": 60.0, "clip_seconds": 10.0, "account_age_days": 400.0, "counted_today": 0}
    assert excluded_reason(Rules(), **{**usual, **case}) is reason  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("server", "case", "reason"),
    [
        (ServerRules(account_days=30), {"account_age_days": 29.9}, ExcludedReason.ACCOUNT_TOO_YOUNG),
        (ServerRules(account_days=30), {"account_age_days": 30.0}, None),
        # The owner's seven days hold as well.
        (ServerRules(account_days=1), {"account_age_days": 6.9}, ExcludedReason.ACCOUNT_TOO_YOUNG),
        (ServerRules(own_duels=False), {"requester": True}, ExcludedReason.OWN_DUEL),
        (ServerRules(own_duels=False), {"requester": False}, None),
    ],
)
def test_a_server_makes_the_rules_stricter(
    server: ServerRules, case: dict[str, float], reason: ExcludedReason | None
) -> None:
    usual = {"seconds_to_vote": 60.0, "clip_seconds": 10.0, "account_age_days": 400.0, "counted_today": 0}
    assert excluded_reason(Rules().narrowed(server), **{**usual, **case}) is reason  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong", [{"heard_share": 1.1}, {"account_days": float("nan")}, {"votes_per_day": 0}]
)
def test_impossible_rules_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Rules(**wrong)  # type: ignore[arg-type]


def history(before: int, before_excluded: int, recent: int, recent_excluded: int) -> list[Vote]:
    return [
        vote(i, 1, cast_at=when, excluded=ExcludedReason.TOO_QUICK if i < excluded else None)
        for votes, excluded, when in (
            (before, before_excluded, NOW - 30 * DAY),
            (recent, recent_excluded, NOW - DAY),
        )
        for i in range(votes)
    ]


@pytest.mark.parametrize(
    ("counts", "jumped"),
    [
        ((200, 4, 40, 20), True),  # 2 % before, 50 % now
        ((200, 4, 40, 1), False),
        ((200, 100, 40, 20), False),  # as bad as ever is no jump
        ((200, 4, 5, 5), False),  # five votes are no alarm
        ((5, 0, 40, 20), False),  # and nothing to compare with is none either
        ((200, 20, 30, 7), False),  # 10 to 23 % in thirty votes may be chance
    ],
)
def test_moderators_are_warned_when_the_excluded_share_jumps(
    counts: tuple[int, int, int, int], jumped: bool
) -> None:
    assert VoteTable.of(history(*counts)).exclusions(NOW).jumped is jumped


@given(st.tuples(*[st.integers(0, 40)] * 4))
@settings(deadline=None)
def test_exclusions_add_up(numbers: tuple[int, int, int, int]) -> None:
    before, before_excluded, recent, recent_excluded = numbers
    found = VoteTable.of(history(before, before_excluded, recent, recent_excluded)).exclusions(NOW)
    assert found.votes == before + recent
    assert found.recent == recent
    assert found.recent_excluded == min(recent, recent_excluded)
    assert found.excluded == min(before, before_excluded) + min(recent, recent_excluded)
    assert 0 <= found.share <= 1


def test_what_the_bot_itself_imports_stays_light() -> None:
    modules = "bot.arena.votes, bot.arena.results, bot.arena.export, bot.arena.text"
    heavy = "{'numpy', 'scipy', 'matplotlib', 'pandas'}"
    code = f"import sys, {modules}; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
