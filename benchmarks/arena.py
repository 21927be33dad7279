"""How long a leaderboard of 1,000 members and 100,000 votes takes: fitting, drawing, and both.

    python -m benchmarks.arena

Prints the best and the median of several runs in one process, in seconds; imports apart.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from benchmarks.arena_communities import Community
from bot.arena.leaderboard import leaderboard
from bot.arena.picture import draw
from bot.arena.votes import Arm, Choice, ExcludedReason, Vote
from bot.arena.wording import as_text
from bot.recipe import Mode

COMMUNITY = Community(people=1_000, duels=5_000, voters=20.1, rate=0.56, person=0.7, duel=0.7)
ARS = [Arm(Mode.AR, "musicgen-small"), Arm(Mode.AR, "musicgen-medium")]
DIFFUSIONS = [Arm(Mode.DIFFUSION, "ace-step"), Arm(Mode.DIFFUSION, "stable-audio-open")]
TAGS = [f"genre:{i}" for i in range(30)] + [f"mood:{i}" for i in range(20)]
RUNS = 7


def votes() -> list[Vote]:
    rng = np.random.default_rng(1)
    won, person, duel, side = COMMUNITY.draw(rng, COMMUNITY.mu)
    tags = [tuple(str(tag) for tag in rng.choice(TAGS, 3, replace=False)) for _ in range(COMMUNITY.duels)]
    found = []
    for w, p, d, s in zip(won.tolist(), person.tolist(), duel.tolist(), side.tolist(), strict=True):
        ar, diffusion = ARS[d % 2], DIFFUSIONS[d // 2 % 2]
        kind = rng.random()
        choice = Choice.A if (w == 1) == (s > 0) else Choice.B
        found.append(
            Vote(
                duel=10**17 + d,
                voter=10**17 + p,
                choice=Choice.BOTH_GOOD if kind < 0.1 else Choice.BOTH_BAD if kind < 0.2 else choice,
                a=diffusion if s > 0 else ar,
                b=ar if s > 0 else diffusion,
                seconds=float((5, 10, 30)[d % 3]),
                seconds_to_vote=30.0,
                cast_at=1e9 + d,
                built_in=False,
                requester=kind > 0.95,
                tags=tags[d],
                excluded_reason=ExcludedReason.TOO_QUICK if 0.2 < kind < 0.22 else None,
            )
        )
    return found


def timed(work: Callable[[], object]) -> list[float]:
    found = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return found


def main() -> None:
    cast = votes()
    board = leaderboard(cast, title="Everywhere", now=1e9)
    print(
        f"{len(cast):,} votes, {board.overall.people:,} people, {board.overall.duels:,} duels, {len(TAGS)} tags"
    )
    parts: list[tuple[str, Callable[[], object]]] = [
        ("fit", lambda: leaderboard(cast, title="Everywhere", now=1e9)),
        ("draw", lambda: draw(board, "tag")),
        ("text", lambda: as_text(board)),
        ("all", lambda: draw(leaderboard(cast, title="Everywhere", now=1e9), "tag")),
    ]
    for name, work in parts:
        found = timed(work)
        print(f"{name:>5}: best {min(found):.3f} s, median {statistics.median(found):.3f} s of {RUNS}")


if __name__ == "__main__":
    main()
