"""Regret of `mode:auto` in simulated communities, against one mode always and the coach alone.

    python -m benchmarks.auto_choice [--communities N]

A community has a share of votes that diffusion wins, and another one for each of 12 tags around it; each
duel's prompt has its own luck, each person a taste. Members ask for 400 clips; every tenth request is a duel,
voted on by 6 people, and auto learns from those votes alone. The coach is right about a tag with a given
chance. Regret is what the chosen mode would lose against the better one on a prompt's tag, in points of the
vote, over all clips.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from benchmarks._figures import tell
from bot.arena.auto import Advice, posterior
from bot.arena.ballots import Ballots, Floats
from bot.arena.votes import Arm, Choice, Vote
from bot.recipe import Mode

AR, DIFFUSION = Arm(Mode.AR, "one"), Arm(Mode.DIFFUSION, "other")
TAGS = tuple(f"genre:{i}" for i in range(12))
CLIPS, DUEL_EVERY, VOTERS, PEOPLE = 400, 10, 6, 40
TASTE, LUCK = 0.5, 0.7


@dataclass(frozen=True, slots=True)
class Kind:
    """whole: the logit of diffusion's share.  spread: over tags.  coach_right: a probability."""

    name: str
    whole: float
    spread: float
    coach_right: float


KINDS = (
    Kind("tags differ, the coach is mostly right", 0.0, 0.8, 0.75),
    Kind("tags differ, the coach knows nothing", 0.0, 0.8, 0.5),
    Kind("tags differ, the coach is mostly wrong", 0.0, 0.8, 0.25),
    Kind("diffusion is better nearly everywhere", 0.8, 0.3, 0.5),
    Kind("the modes are even", 0.0, 0.1, 0.5),
)
POLICIES = ("always ar", "always diffusion", "the coach alone", "auto", "auto without draws")


def regrets(kind: Kind, seed: int) -> dict[str, float]:
    """Return each policy's mean regret over one community's clips, in points of the vote."""
    rng = np.random.default_rng([19, seed])
    truth = kind.whole + kind.spread * rng.standard_normal(len(TAGS))
    right = rng.random(len(TAGS)) < kind.coach_right
    advised = np.where(right, truth > 0, truth <= 0)
    taste = TASTE * rng.standard_normal(PEOPLE)
    popular = rng.dirichlet(np.full(len(TAGS), 1.0))
    votes: list[Vote] = []
    lost = dict.fromkeys(POLICIES, 0.0)
    means: dict[int, Floats] = {}
    for clip in range(CLIPS):
        tag = int(rng.choice(len(TAGS), p=popular))
        if clip % DUEL_EVERY == 0:
            luck = LUCK * rng.standard_normal()
            for person in rng.choice(PEOPLE, VOTERS, replace=False):
                won = rng.random() < expit(truth[tag] + luck + taste[person])
                votes.append(_vote(clip, int(person), won=bool(won), tag=TAGS[tag]))
            means.clear()
        advice = Advice(Mode.DIFFUSION if advised[tag] else Mode.AR, 0.6, "")
        if tag not in means:
            found = posterior(Ballots.of(votes), (AR, DIFFUSION), (TAGS[tag],), 10.0, advice)
            difference = np.array([-1.0, 1.0])
            spread = float(difference @ found.covariance @ difference) ** 0.5
            means[tag] = np.array([float(difference @ found.mean), spread])
        mean, spread = means[tag]
        picks = {
            "always ar": False,
            "always diffusion": True,
            "the coach alone": bool(advised[tag]),
            "auto": bool(mean + spread * rng.standard_normal() > 0),
            "auto without draws": bool(mean > 0),
        }
        gain = float(expit(truth[tag])) - 0.5
        for policy, diffusion in picks.items():
            lost[policy] += 100 * (abs(gain) - (gain if diffusion else -gain))
    return {policy: total / CLIPS for policy, total in lost.items()}


def _vote(duel: int, voter: int, *, won: bool, tag: str) -> Vote:
    return Vote(
        duel=duel,
        voter=voter,
        choice=Choice.A if won else Choice.B,
        a=DIFFUSION,
        b=AR,
        seconds=10.0,
        seconds_to_vote=30.0,
        cast_at=0.0,
        built_in=False,
        tags=(tag,),
    )


async def _measure(communities: int) -> Mapping[str, Any]:
    rows: dict[str, str] = {}
    for kind in KINDS:
        found = [regrets(kind, seed) for seed in range(communities)]
        for policy in POLICIES:
            values = np.array([one[policy] for one in found])
            error = values.std(ddof=1) / len(values) ** 0.5
            rows[f"{kind.name}: {policy}"] = f"{values.mean():.1f} ± {error:.1f} points"
    return rows


if __name__ == "__main__":
    tell(__doc__, "communities", 60, _measure)
