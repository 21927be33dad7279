"""Results of the fits. Plain data without numpy, so that a process that only shows them stays light."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.arena.votes import Arm, Exclusions

MIN_PEOPLE = 15
MIN_DUELS = 10
"""Minima from which the 95 % interval keeps its coverage (docs/arena.md); below, no statement is made."""


class Conclusion(StrEnum):
    """The statement that a win rate's interval permits."""

    TOO_FEW = "too_few"
    """Fewer people or duels than MIN_PEOPLE and MIN_DUELS."""
    NOT_YET_KNOWN = "not_yet_known"
    AR = "ar"
    DIFFUSION = "diffusion"
    EVEN = "even"
    """The whole interval lies within five points of 50 %."""

    @property
    def known(self) -> bool:
        """Whether the votes answer the question."""
        return self not in (Conclusion.TOO_FEW, Conclusion.NOT_YET_KNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Number of counted votes by outcome."""

    ar: int
    diffusion: int
    both_good: int
    both_bad: int

    @property
    def decisive(self) -> int:
        """Number of votes with a preference."""
        return self.ar + self.diffusion

    @property
    def total(self) -> int:
        """Number of all counted votes."""
        return self.decisive + self.both_good + self.both_bad


@dataclass(frozen=True, slots=True)
class Spread:
    """Variance components of votes coded 0 and 1: between people, between duels, and of single votes."""

    person: float
    duel: float
    vote: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """The share of decisive votes that diffusion won, with its 95 % interval.

    rate: the plain share, None without a decisive vote.  low, high: 0 and 1 below the minimum.
    people, duels: with a decisive vote.  effective_votes: the number of independent votes of equal variance.
    df: degrees of freedom of the interval.  spread: the variance components, None below the minimum.
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
        """Whether the interval excludes 50 %."""
        return not self.low <= 0.5 <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """Missing votes, people and duels, if the community grows in proportion."""

    votes: int
    people: int
    duels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One row of a breakdown: its raw counts, and its win rate after partial pooling with the whole.

    rate, low, high: posterior mean and 95 % interval.  weight: weight of the cell's own votes, 0 to 1.
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
    """All cells of one breakdown: "tag", "models", "who asked" or "length"."""

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
class Unranked:
    """An arm that has votes but no finite strength beside the ranked ones."""

    arm: Arm
    wins: int
    losses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnout:
    """The counted votes on any two different arms: with a preference, and without one.

    people, duels: how many have a vote with a preference.
    """

    votes: int
    people: int
    duels: int
    both_good: int
    both_bad: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRanking:
    """The arms' strengths on prompts with one tag, partially pooled with the whole, strongest first."""

    tag: str
    duels: int
    strengths: tuple[Strength, ...]


@dataclass(frozen=True, slots=True)
class SeriesView:
    """best: each contender's probability to be the best, summing to 1.  pair: whose duel would tell most."""

    best: tuple[float, ...]
    pair: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """The content of a leaderboard.

    strengths: empty with one arm a mode, where the Bradley–Terry model is the logit of the win rate.
    unranked: the arms that a ranking leaves out.  turnout: the votes that it is made of.
    by_tag: the same on each tag with votes enough, the most voted one first.
    """

    title: str
    overall: WinRate
    needed: Needed
    side_bias: SideBias
    groups: tuple[Group, ...]
    strengths: tuple[Strength, ...]
    unranked: tuple[Unranked, ...]
    turnout: Turnout
    by_tag: tuple[TagRanking, ...]
    exclusions: Exclusions
