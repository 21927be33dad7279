"""The choice of a model for `mode:auto`: Thompson sampling from a Bayesian Bradley–Terry model with contexts.

Model: P(i beats j on a prompt) = expit(u_i − u_j), where an arm's utility u is linear in what it is and
what the prompt is about: one weight for its mode, one for its model, and one for each pair of its mode or
model with a tag or length band of the prompt. The weights have independent normal priors; the posterior is
taken as normal at its mode (Laplace). One draw of the weights decides, so an arm is chosen as often as it is
likely to be the best (Thompson, On the Likelihood that One Unknown Probability Exceeds Another, Biometrika
25, 1933).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bot.arena.ballots import A, B, Ballots, Bools, Floats, distinct
from bot.arena.breakdown import MIN_CELL_DUELS, MIN_CELL_PEOPLE, length_band
from bot.arena.logistic import fit_posterior
from bot.arena.power import PLANNED_DESIGN_EFFECT
from bot.arena.results import Strength, TagRanking
from bot.arena.table import VoteTable
from bot.arena.text import count
from bot.arena.votes import Arm, Vote
from bot.arena.winrate import win_rate
from bot.recipe import Mode

MODE_SD = 1.0 / 2**0.5
MODEL_SD = 0.5 / 2**0.5
FEATURE_SD = 0.5 / 2**0.5
"""Standard deviations, in logits, of the priors on an arm's mode, its model, and each of them on one tag or
length band. The difference of two arms has √2 times as much."""
COACH_LOGITS = 1.0
"""The prior's mean of the difference between the mode that the coach recommends and the other, where it is
certain: 73 % of the votes. Votes on the prompt's tags replace it."""
_DRAWS = 2_000
_Z95 = 1.959964
"""The 97.5 % point of the standard normal distribution."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What the coach says of a prompt. confidence: 0 to 1.  reason: a sentence."""

    mode: Mode
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The drawn arm. probability: that it is the best one, by the votes.  reason: for the clip's card."""

    arm: Arm
    probability: float
    reason: str


@dataclass(frozen=True, slots=True)
class Posterior:
    """A normal posterior of the utilities of arms on one prompt. mean [arms], covariance [arms, arms]."""

    arms: tuple[Arm, ...]
    mean: Floats
    covariance: Floats

    def draw(self, seed: int, size: int) -> Floats:
        """Return draws of the utilities [size, arms]; the same seed gives the same draws."""
        rng = np.random.default_rng(seed)
        return rng.multivariate_normal(self.mean, self.covariance, size=size, method="eigh")


_NO_ADVICE = Advice(Mode.AR, 0.0, "")


def choose(
    votes: Iterable[Vote] | VoteTable,
    arms: Sequence[Arm],
    tags: Iterable[str],
    seconds: float,
    advice: Advice,
    seed: int,
    *,
    where: str = "here",
) -> Chosen:
    """Return the arm for a prompt with these tags at this length, drawn by `seed`.

    votes: of one community, on built-in models or on others.  arms: those that can be chosen, one or more.
    where: the word for that community in the reason.  Raises ValueError as Ballots.of does.
    """
    ballots = Ballots.of(votes)
    known = tuple(sorted(set(tags)))
    found = posterior(ballots, arms, known, seconds, advice)
    arm = found.arms[int(found.draw(seed, 1)[0].argmax())]
    best = np.bincount(found.draw(seed + 1, _DRAWS).argmax(axis=1), minlength=len(found.arms)) / _DRAWS
    probability = float(best[found.arms.index(arm)])
    return Chosen(arm, probability, _reason(ballots, found, arm, known, advice, where))


def posterior(
    ballots: Ballots, arms: Sequence[Arm], tags: Sequence[str], seconds: float, advice: Advice
) -> Posterior:
    """Return the posterior of the arms' utilities on a prompt.

    Votes are weighted down by the whole's design effect, as they repeat one another. The coach's advice is
    the prior's mean of its mode on the prompt's tags, or of the mode itself where the prompt has none.
    """
    candidates = tuple(sorted(set(arms)))
    decided = (ballots.choice <= B) & (ballots.arm_a != ballots.arm_b)
    a_won = ballots.choice[decided] == A
    winner = np.where(a_won, ballots.arm_a[decided], ballots.arm_b[decided])
    loser = np.where(a_won, ballots.arm_b[decided], ballots.arm_a[decided])
    lengths = {float(s): length_band(float(s)) for s in np.unique(ballots.seconds[decided])}
    bands = sorted(set(lengths.values()))
    band_of = {length: bands.index(name) for length, name in lengths.items()}
    band = np.array([band_of[float(s)] for s in ballots.seconds[decided]], dtype=np.int64)
    rows, votes = np.unique(
        np.stack([winner, loser, ballots.tag_set[decided], band]), axis=1, return_counts=True
    )
    names = _Names()
    here = [names.features(arm, (*tags, length_band(seconds))) for arm in candidates]
    met = [
        (
            names.features(ballots.arms[w], (*ballots.tag_sets[t], bands[b])),
            names.features(ballots.arms[x], (*ballots.tag_sets[t], bands[b])),
        )
        for w, x, t, b in rows.T.tolist()
    ]
    sd = np.array([names.sd(name) for name in names.order])
    mean = np.zeros(len(sd))
    mode = advice.mode.value
    on: list[tuple[str, ...]] = [(mode, tag) for tag in tags] or [(mode,)]
    for name in on:
        if name in names.column:
            mean[names.column[name]] = COACH_LOGITS * advice.confidence / len(on)
    x = np.zeros((len(met), len(sd)))
    for row, (won, lost) in enumerate(met):
        x[row, won] += 1
        x[row, lost] -= 1
    weight = votes * _effective(ballots)
    beta, covariance = fit_posterior(x, weight, mean, sd**-2.0)
    z = np.zeros((len(candidates), len(sd)))
    for row, columns in enumerate(here):
        z[row, columns] = 1
    return Posterior(candidates, z @ beta, z @ covariance @ z.T)


def rankings_by_tag(ballots: Ballots) -> tuple[TagRanking, ...]:
    """Return the arms' strengths on each tag that has MIN_CELL_DUELS duels and MIN_CELL_PEOPLE people.

    Means of the posterior in logits, the arms' mean being 0, with 95 % intervals; the prior of a tag's
    weights keeps a tag with few votes near the whole. Lengths count as at the median of the votes.
    """
    found = []
    decided = (ballots.choice <= B) & (ballots.arm_a != ballots.arm_b)
    if not decided.any():
        return ()
    seconds = float(np.median(ballots.seconds[decided]))
    for tag in sorted(frozenset[str]().union(*ballots.tag_sets)):
        holding = np.array([tag in one for one in ballots.tag_sets], dtype=bool)
        here = decided & holding[ballots.tag_set]
        duels = distinct(ballots.duel[here])
        if duels < MIN_CELL_DUELS or distinct(ballots.voter[here]) < MIN_CELL_PEOPLE:
            continue
        strengths = _ranked(ballots, here, posterior(ballots, ballots.arms, (tag,), seconds, _NO_ADVICE))
        found.append(TagRanking(tag=tag, duels=duels, strengths=strengths))
    return tuple(sorted(found, key=lambda one: (-one.duels, one.tag)))


def _ranked(ballots: Ballots, here: Bools, found: Posterior) -> tuple[Strength, ...]:
    m = len(found.arms)
    centre = np.eye(m) - 1 / m
    mean, covariance = centre @ found.mean, centre @ found.covariance @ centre
    reach = _Z95 * np.sqrt(np.maximum(np.diag(covariance), 0.0))
    a_won = ballots.choice[here] == A
    winner = np.where(a_won, ballots.arm_a[here], ballots.arm_b[here])
    loser = np.where(a_won, ballots.arm_b[here], ballots.arm_a[here])
    wins, losses = (np.bincount(one, minlength=len(ballots.arms)) for one in (winner, loser))
    code = {arm: i for i, arm in enumerate(ballots.arms)}
    ranked = [
        Strength(
            arm=arm,
            strength=float(mean[i]),
            low=float(mean[i] - reach[i]),
            high=float(mean[i] + reach[i]),
            wins=int(wins[code[arm]]),
            losses=int(losses[code[arm]]),
            known=True,
        )
        for i, arm in enumerate(found.arms)
    ]
    return tuple(sorted(ranked, key=lambda one: (-one.strength, one.arm)))


class _Names:
    """The weights by name: (mode,), (mode, feature), ("", model), ("", model, feature), in columns."""

    def __init__(self) -> None:
        self.column: dict[tuple[str, ...], int] = {}

    @property
    def order(self) -> list[tuple[str, ...]]:
        return list(self.column)

    def features(self, arm: Arm, features: Iterable[str]) -> list[int]:
        """Return the columns of an arm's weights on a prompt."""
        model = ("", arm.mode.value, arm.model)
        names = [(arm.mode.value,), model]
        for feature in features:
            names += [(arm.mode.value, feature), (*model, feature)]
        return [self.column.setdefault(name, len(self.column)) for name in names]

    @staticmethod
    def sd(name: tuple[str, ...]) -> float:
        """Return the standard deviation of a weight's prior."""
        if name[0]:
            return MODE_SD if len(name) == 1 else FEATURE_SD
        return MODEL_SD if len(name) == 3 else FEATURE_SD


def _effective(ballots: Ballots) -> float:
    """Return how many independent votes one vote is worth, at most 1."""
    overall = win_rate(ballots)
    if overall.counts.decisive and overall.effective_votes:
        return min(1.0, overall.effective_votes / overall.counts.decisive)
    return 1 / PLANNED_DESIGN_EFFECT


def _reason(
    ballots: Ballots, found: Posterior, arm: Arm, tags: Sequence[str], advice: Advice, where: str
) -> str:
    """Return why: the votes on the prompt's most voted tag, else all votes, else the coach's sentence."""
    by_mode = len({one.mode for one in found.arms}) == len(found.arms)
    name = arm.mode.value if by_mode else arm.model
    own = np.array([one.mode is arm.mode if by_mode else one == arm for one in ballots.arms], dtype=bool)
    if not len(ballots):
        return _by_coach(arm, advice)
    on_side_a, on_side_b = own[ballots.arm_a], own[ballots.arm_b]
    concerned = on_side_a != on_side_b
    best, of_best = "", np.zeros(len(ballots), dtype=bool)
    for tag in tags:
        holding = np.array([tag in one for one in ballots.tag_sets], dtype=bool)
        of_tag = concerned & holding[ballots.tag_set]
        if of_tag.sum() > of_best.sum():
            best, of_best = f" on {tag.rpartition(':')[2]}", of_tag
    mask = of_best if best else concerned
    if not mask.any():
        return _by_coach(arm, advice)
    wins = int(((ballots.choice == np.where(on_side_a, A, B)) & mask).sum())
    losses = int(((ballots.choice <= B) & mask).sum()) - wins
    said = f"{count(int(mask.sum()), 'vote')}{best} {where}, "
    if wins >= losses:
        return f"{said}{wins} to {losses} for {name}"
    return f"{said}{losses} to {wins} against {name}, drawn all the same: that is not sure yet"


def _by_coach(arm: Arm, advice: Advice) -> str:
    if arm.mode is advice.mode:
        return f"no votes on this yet; {advice.reason}"
    return f"no votes on this yet, so {arm.mode.value} was drawn to compare"
