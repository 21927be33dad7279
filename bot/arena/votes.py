"""The domain model of votes on duels, and the rules that exclude a stored vote. Plain data: no numpy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import sqrt

from bot.recipe import Mode

DAY = 86_400.0
"""Seconds."""


class Choice(StrEnum):
    """The four answers to "A or B?"."""

    A = "a"
    B = "b"
    BOTH_GOOD = "both_good"
    BOTH_BAD = "both_bad"


class ExcludedReason(StrEnum):
    """The rule by which a stored vote does not count."""

    TOO_QUICK = "too_quick"
    ACCOUNT_TOO_YOUNG = "account_too_young"
    TOO_MANY_TODAY = "too_many_today"
    OWN_DUEL = "own_duel"


@dataclass(frozen=True, slots=True, order=True)
class Arm:
    """The competitor on one side of a duel: a mode and the model that rendered it."""

    mode: Mode
    model: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """A voter's optional reasons, given after voting.

    reasons: names of aspects.  line: free text.  score_a, score_b: 0 to 10, or None.
    """

    reasons: tuple[str, ...] = ()
    line: str = ""
    score_a: int | None = None
    score_b: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One person's stored vote on one duel, with the facts about the duel that analyses need.

    duel, voter: ids; a pair occurs once.  a, b: the arm on each side.
    seconds: length of one clip.  seconds_to_vote: from the duel's message to the tap.
    cast_at: Unix time in seconds.  requester: whether the voter requested the duel.
    built_in: whether a model that ships with the bot took part; such votes are never mixed with others.
    tags: topics of the prompt, for example "genre:jazz"; duplicates count once.

    For the export only: guild: the server's id.  prompt: None without its author's consent.
    consented: whether the voter consented to the export.
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
    guild: int = 0
    prompt: str | None = None
    consented: bool = False
    feedback: Feedback = Feedback()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRules:
    """What a server adds to the owner's rules of votes.

    close_votes: after how many counted votes a duel closes; None: the owner's setting.
    account_days: minimum age of the voter's account in days.
    own_duels: whether votes of the member who started the duel count.
    """

    close_votes: float | None = None
    account_days: float = 0.0
    own_duels: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Thresholds below which a vote is stored but not counted.

    heard_share: fraction of both clips' playing time that must have passed before the vote, 0 to 1.
    account_days: minimum age of the voter's account in days.
    votes_per_day: maximum number of one person's votes that count within 24 hours.
    own_duels: whether votes of the member who started the duel count.
    """

    heard_share: float = 0.5
    account_days: float = 7.0
    votes_per_day: int = 50
    own_duels: bool = True

    def narrowed(self, server: ServerRules) -> Rules:
        """Return these rules with a server's, the stricter of both."""
        days = max(self.account_days, server.account_days)
        return replace(self, account_days=days, own_duels=self.own_duels and server.own_duels)

    def __post_init__(self) -> None:
        if not 0 <= self.heard_share <= 1:
            raise ValueError(f"heard_share has to be from 0 to 1, not {self.heard_share}.")
        if not self.account_days >= 0:
            raise ValueError(f"account_days has to be 0 or more, not {self.account_days}.")
        if self.votes_per_day < 1:
            raise ValueError(f"votes_per_day has to be 1 or more, not {self.votes_per_day}.")


def excluded_reason(
    rules: Rules,
    *,
    seconds_to_vote: float,
    clip_seconds: float,
    account_age_days: float,
    counted_today: int,
    requester: bool = False,
) -> ExcludedReason | None:
    """Return the first rule that excludes a vote, or None where it counts.

    clip_seconds: length of one clip; playing both takes twice that.
    counted_today: number of this person's votes in the last 24 hours that count.
    requester: whether this person started the duel.
    """
    if requester and not rules.own_duels:
        return ExcludedReason.OWN_DUEL
    if seconds_to_vote < rules.heard_share * 2 * clip_seconds:
        return ExcludedReason.TOO_QUICK
    if account_age_days < rules.account_days:
        return ExcludedReason.ACCOUNT_TOO_YOUNG
    if counted_today >= rules.votes_per_day:
        return ExcludedReason.TOO_MANY_TODAY
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusions:
    """Counts of excluded votes, overall and in a recent window.

    recent, recent_excluded: votes in the window.  jumped: whether the share rose enough to warn moderators.
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
        """Build from counts; `jumped` follows from them."""
        before, before_excluded = votes - recent, sum(reasons.values()) - recent_excluded
        jumped = _jumped(before, before_excluded, recent, recent_excluded)
        return cls(
            votes=votes, reasons=reasons, recent=recent, recent_excluded=recent_excluded, jumped=jumped
        )

    @property
    def excluded(self) -> int:
        """Number of votes that do not count."""
        return sum(self.reasons.values())

    @property
    def share(self) -> float:
        """Fraction of all votes that do not count, 0 without votes."""
        return self.excluded / self.votes if self.votes else 0.0

    @property
    def recent_share(self) -> float:
        """Fraction of the window's votes that do not count, 0 without votes."""
        return self.recent_excluded / self.recent if self.recent else 0.0


JUMP_POINTS = 0.10
JUMP_Z = 3.0
MIN_JUMP_VOTES = 20
"""A jump is a rise of 10 percentage points and 3 standard errors of a two-proportion z-test, on at least
20 votes before and within the window: a server with few votes raises no false alarm."""


def _jumped(before: int, before_excluded: int, recent: int, recent_excluded: int) -> bool:
    if before < MIN_JUMP_VOTES or recent < MIN_JUMP_VOTES:
        return False
    rise = recent_excluded / recent - before_excluded / before
    pooled = (before_excluded + recent_excluded) / (before + recent)
    error = sqrt(pooled * (1 - pooled) * (1 / before + 1 / recent))
    return rise >= JUMP_POINTS and rise > JUMP_Z * error
