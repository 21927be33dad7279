"""The choice of a model for `mode:auto`: Thompson sampling from the model of bot.arena.contexts.

One draw of the weights decides, so an arm is chosen as often as it is likely to be the best (Thompson, On the
Likelihood that One Unknown Probability Exceeds Another, Biometrika 25, 1933).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bot.arena.ballots import A, B, Ballots
from bot.arena.breakdown import length_band
from bot.arena.contexts import Design, Posterior, Weight
from bot.arena.table import VoteTable
from bot.arena.text import count
from bot.arena.votes import Arm, Vote
from bot.recipe import Mode

COACH_LOGITS = 1.0
"""The prior's mean of the difference between the mode that the coach recommends and the other, where it is
certain: 73 % of the votes. Votes on the prompt's tags replace it."""
_DRAWS = 2_000


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

    The coach's advice is the prior's mean of its mode on the prompt's tags, or of the mode itself where the
    prompt has none.
    """
    candidates = tuple(sorted(set(arms)))
    design = Design.of(ballots)
    columns = [design.columns(arm, (*tags, length_band(seconds))) for arm in candidates]
    mode = advice.mode.value
    on: list[Weight] = [(mode, tag) for tag in tags] or [(mode,)]
    fit = design.fit({name: COACH_LOGITS * advice.confidence / len(on) for name in on})
    return design.utilities(candidates, columns, fit)


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
