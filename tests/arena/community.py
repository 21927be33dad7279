"""Votes of simulated communities, and strategies for arbitrary ones."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from scipy.special import expit

from benchmarks.arena_communities import Community
from bot.arena.votes import Arm, Choice, ExcludedReason, Vote
from bot.recipe import Mode

AR = Arm(Mode.AR, "musicgen-small")
DIFFUSION = Arm(Mode.DIFFUSION, "ace-step")


def vote(
    duel: int,
    voter: int,
    choice: Choice = Choice.A,
    *,
    a: Arm = DIFFUSION,
    b: Arm = AR,
    tags: tuple[str, ...] = (),
    excluded: ExcludedReason | None = None,
    cast_at: float = 1_000_000.0,
    seconds: float = 10.0,
    requester: bool = False,
    built_in: bool = False,
) -> Vote:
    return Vote(
        duel=duel,
        voter=voter,
        choice=choice,
        a=a,
        b=b,
        seconds=seconds,
        seconds_to_vote=25.0,
        cast_at=cast_at,
        built_in=built_in,
        requester=requester,
        tags=tags,
        excluded_reason=excluded,
    )


def votes_of(community: Community, seed: int, tags: tuple[tuple[str, ...], ...] = ((),)) -> list[Vote]:
    """Decisive votes only; a duel's tags go round."""
    won, person, duel, side = community.draw(np.random.default_rng(seed), community.mu)
    found = []
    for w, p, d, s in zip(won, person, duel, side, strict=True):
        a, b = (DIFFUSION, AR) if s > 0 else (AR, DIFFUSION)
        choice = Choice.A if (w == 1) == (s > 0) else Choice.B
        found.append(vote(int(d), int(p), choice, a=a, b=b, tags=tags[int(d) % len(tags)]))
    return found


def votes_among(
    strengths: dict[Arm, float], duels: int, people: int, seed: int = 3, built_in: bool = False
) -> list[Vote]:
    """Votes of everybody on duels of random pairs; strengths in logits, a tenth of the votes are ties."""
    rng = np.random.default_rng(seed)
    arms = list(strengths)
    found = []
    for duel in range(100, 100 + duels):
        a, b = (arms[i] for i in rng.choice(len(arms), 2, replace=False))
        chance = expit(strengths[a] - strengths[b])
        tags = (("genre:jazz", "genre:techno", "mood:calm")[duel % 3],)
        for voter in range(1_000, 1_000 + people):
            choice = Choice.A if rng.random() < chance else Choice.B
            choice = Choice.BOTH_GOOD if rng.random() < 0.1 else choice
            found.append(vote(duel, voter, choice, a=a, b=b, tags=tags, built_in=built_in))
    return found


@st.composite
def vote_lists(draw: st.DrawFn, max_people: int = 14, max_duels: int = 14) -> list[Vote]:
    """Votes of any kind, each person once a duel, a duel's arms and tags the same for all its voters."""
    people = draw(st.integers(1, max_people))
    duels = draw(st.integers(1, max_duels))
    arms = st.sampled_from(
        [AR, DIFFUSION, Arm(Mode.AR, "musicgen-medium"), Arm(Mode.DIFFUSION, "stable-audio")]
    )
    tags = st.lists(st.sampled_from(["genre:jazz", "genre:techno", "mood:calm"]), max_size=2, unique=True)
    setting = [
        (draw(arms), draw(arms), tuple(draw(tags)), draw(st.sampled_from([5.0, 10.0, 30.0, 90.0])))
        for _ in range(duels)
    ]
    pairs = draw(
        st.lists(
            st.tuples(st.integers(0, duels - 1), st.integers(0, people - 1)),
            unique=True,
            max_size=people * duels,
        )
    )
    return [
        vote(
            duel,
            voter,
            draw(st.sampled_from(Choice)),
            a=setting[duel][0],
            b=setting[duel][1],
            tags=setting[duel][2],
            seconds=setting[duel][3],
            requester=draw(st.booleans()),
            excluded=draw(st.sampled_from([None, None, None, *ExcludedReason])),
        )
        for duel, voter in pairs
    ]
