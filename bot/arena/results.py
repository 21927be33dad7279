"""What the fits return. Plain data: no numpy, so that a process that only shows it stays light."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.arena.votes import Arm, Exclusions

MIN_PEOPLE = 15
MIN_DUELS = 10
"""What an interval needs to keep its promise (docs/arena.md); below, nothing is said."""


class Conclusion(StrEnum):
    """What may be said aloud about a win rate."""

    TOO_FEW = "too_few"
    """Fewer people or duels than the interval needs to keep its promise."""
    NOT_YET_KNOWN = "not_yet_known"
    AR = "ar"
    DIFFUSION = "diffusion"
    EVEN = "even"
    """The whole interval lies within five points of 50 %."""

    @property
    def known(self) -> bool:
        """Tell whether the votes answer the question."""
        return self not in (Conclusion.TOO_FEW, Conclusion.NOT_YET_KNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Votes that count, by what they said; none is dropped silently."""

    ar: int
    diffusion: int
    both_good: int
    both_bad: int

    @property
    def decisive(self) -> int:
        """Return how many preferred one of the two."""
        return self.ar + self.diffusion

    @property
    def total(self) -> int:
        """Return all votes that count."""
        return self.decisive + self.both_good + self.both_bad


@dataclass(frozen=True, slots=True)
class Spread:
    """How votes of 0 and 1 scatter: the variances of people, of duels, and of single votes."""

    person: float
    duel: float
    vote: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """The share of decisive votes that diffusion won, with its 95 % interval.

    rate: the plain share, None without a decisive vote.  low, high: 0 and 1 below the minimum.
    people, duels: with a decisive vote.  effective_votes: the independent votes that would say as much.
    df: degrees of freedom behind the interval.  spread: the variances behind it, None below the minimum.
    conclusion: the statement that the interval permits.
    """

    counts: Counts
    people: int
    duels: int
    rate: float | None
    low: float
    high: float
    effective_votes: float
    df: float
    spread: Spread | None
    conclusion: Conclusion


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBias:
    """How often side A wins when both modes stand there equally often; 0.5 is no bias.

    rate: None until diffusion has stood on both sides.  biased: whether the 95 % interval leaves 50 % out.
    """

    rate: float | None
    low: float
    high: float
    votes: int

    @property
    def biased(self) -> bool:
        """Tell whether one side wins more than it should."""
        return not self.low <= 0.5 <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What is still missing, were the community to grow as it is: so many more votes, people and duels."""

    votes: int
    people: int
    duels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One row of a breakdown: its raw counts, and its win rate after partial pooling with the whole.

    rate, low, high: posterior mean and 95 % interval.  weight: how much of it is the cell's own, 0 to 1.
    """

    name: str
    counts: Counts
    people: int
    duels: int
    rate: float
    low: float
    high: float
    weight: float
    conclusion: Conclusion


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All cells of one question: "tag", "models", "who asked", "length"."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """One arm's Bradley–Terry strength in logits, the arms' mean being 0, with its 95 % interval.

    known: whether there are people and duels enough; where it is False, low and high are infinite.
    """

    arm: Arm
    strength: float
    low: float
    high: float
    wins: int
    losses: int
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """Everything a leaderboard shows.

    strengths is empty where only two arms met: there the win rate says it all.
    """

    title: str
    overall: WinRate
    needed: Needed
    side_bias: SideBias
    groups: tuple[Group, ...]
    strengths: tuple[Strength, ...]
    exclusions: Exclusions
