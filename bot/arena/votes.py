"""A vote, what was voted on, and the rules by which a stored vote does not count. Plain data: no numpy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from bot.recipe import Mode

DAY = 86_400.0
"""Seconds."""


class Choice(StrEnum):
    """What one tap says."""

    A = "a"
    B = "b"
    BOTH_GOOD = "both_good"
    BOTH_BAD = "both_bad"


class ExcludedReason(StrEnum):
    """Why a stored vote does not count."""

    TOO_QUICK = "too_quick"
    ACCOUNT_TOO_YOUNG = "account_too_young"
    TOO_MANY_TODAY = "too_many_today"


@dataclass(frozen=True, slots=True, order=True)
class Arm:
    """What stood on one side of a duel: a mode and the model that rendered it."""

    mode: Mode
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One person's word on one duel.

    duel, voter: ids; together they occur once.  a, b: what was on each side.
    seconds: length of the clips.  seconds_to_vote: from the duel's message to the tap.
    cast_at: Unix time in seconds.  requester: whether the voter asked for the duel.
    built_in: whether a model that ships with the bot took part; such votes are never mixed with others.
    tags: what the prompt is about, "genre:jazz" for one; each counts once.
    """

    duel: int
    voter: int
    choice: Choice
    a: Arm
    b: Arm
    seconds: float
    seconds_to_vote: float
    cast_at: float
    built_in: bool
    requester: bool = False
    tags: tuple[str, ...] = ()
    excluded_reason: ExcludedReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When a vote is kept but not counted.

    heard_share: the share of both clips' playing time that has to have passed before the vote, 0 to 1.
    account_days: the age an account has to have.
    votes_per_day: how many votes of a person count within 24 hours.
    """

    heard_share: float = 0.5
    account_days: float = 7.0
    votes_per_day: int = 50

    def __post_init__(self) -> None:
        if not 0 <= self.heard_share <= 1:
            raise ValueError(f"heard_share has to be from 0 to 1, not {self.heard_share}.")
        if not self.account_days >= 0:
            raise ValueError(f"account_days has to be 0 or more, not {self.account_days}.")
        if self.votes_per_day < 1:
            raise ValueError(f"votes_per_day has to be 1 or more, not {self.votes_per_day}.")


def excluded_reason(
    rules: Rules, *, seconds_to_vote: float, clip_seconds: float, account_age_days: float, counted_today: int
) -> ExcludedReason | None:
    """Return why a vote would not count, or None if it does.

    clip_seconds: length of one clip; hearing both takes twice that.
    counted_today: how many votes of this person in the last 24 hours already count.
    """
    if seconds_to_vote < rules.heard_share * 2 * clip_seconds:
        return ExcludedReason.TOO_QUICK
    if account_age_days < rules.account_days:
        return ExcludedReason.ACCOUNT_TOO_YOUNG
    if counted_today >= rules.votes_per_day:
        return ExcludedReason.TOO_MANY_TODAY
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusions:
    """How many stored votes do not count, and whether that has lately become much more.

    recent, recent_excluded: votes in the window.  jumped: worth a warning to the moderators.
    """

    votes: int
    reasons: dict[ExcludedReason, int]
    recent: int
    recent_excluded: int
    jumped: bool

    @classmethod
    def counted(
        cls, *, votes: int, reasons: dict[ExcludedReason, int], recent: int, recent_excluded: int
    ) -> Exclusions:
        """Tell from the counts whether the share has jumped."""
        before, before_excluded = votes - recent, sum(reasons.values()) - recent_excluded
        jumped = _jumped(before, before_excluded, recent, recent_excluded)
        return cls(
            votes=votes, reasons=reasons, recent=recent, recent_excluded=recent_excluded, jumped=jumped
        )

    @property
    def excluded(self) -> int:
        """Return how many votes do not count."""
        return sum(self.reasons.values())

    @property
    def share(self) -> float:
        """Return the share of all votes that do not count, 0 where there are none."""
        return self.excluded / self.votes if self.votes else 0.0

    @property
    def recent_share(self) -> float:
        """Return the same within the window."""
        return self.recent_excluded / self.recent if self.recent else 0.0


JUMP_POINTS = 0.10
JUMP_Z = 3.0
JUMP_VOTES = 20
"""A jump is ten points and three standard errors, seen on twenty votes: quiet servers are not alarmed."""


def _jumped(before: int, before_excluded: int, recent: int, recent_excluded: int) -> bool:
    if before < JUMP_VOTES or recent < JUMP_VOTES:
        return False
    rise = recent_excluded / recent - before_excluded / before
    pooled = (before_excluded + recent_excluded) / (before + recent)
    error = sqrt(pooled * (1 - pooled) * (1 / before + 1 / recent))
    return rise >= JUMP_POINTS and rise > JUMP_Z * error
