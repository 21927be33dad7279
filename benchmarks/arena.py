"""How long a leaderboard of 1,000 members and 100,000 votes takes: fitting, drawing, and both.

    python -m benchmarks.arena
    python -m benchmarks.arena --pictures docs   draws docs/leaderboard-*.png instead

The votes are columns already, as the process that draws keeps them. Prints the best and the median of several
runs in one process, in seconds of wall clock and of processor; imports apart.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.arena_communities import Community
from bot.arena.leaderboard import leaderboard
from bot.arena.table import VoteTable
from bot.arena.text import as_text
from bot.arena.votes import Arm, Choice, ExcludedReason, Vote
from bot.leaderboard.picture import draw
from bot.recipe import Mode

COMMUNITY = Community(people=1_000, duels=5_000, voters=20.1, rate=0.56, person=0.7, duel=0.7)
ARS = [Arm(Mode.AR, "musicgen-small"), Arm(Mode.AR, "musicgen-medium")]
DIFFUSIONS = [Arm(Mode.DIFFUSION, "ace-step"), Arm(Mode.DIFFUSION, "stable-audio-open")]
TAGS = [f"genre:{i}" for i in range(30)] + [f"mood:{i}" for i in range(20)]
RUNS = 7
PICTURES = {
    "unknown": Community(people=31, duels=60, voters=6, rate=0.55, person=0.7, duel=0.7),
    "known": Community(people=60, duels=200, voters=9, rate=0.65, person=0.7, duel=0.7),
}
PICTURED = [
    "genre:jazz",
    "genre:techno",
    "genre:folk",
    "genre:ambient",
    "mood:calm",
    "mood:dark",
    "mood:happy",
]


def votes(community: Community, tag_names: list[str]) -> list[Vote]:
    rng = np.random.default_rng(1)
    won, person, duel, side = community.draw(rng, community.mu)
    tags = [
        tuple(str(tag) for tag in rng.choice(tag_names, 3, replace=False)) for _ in range(community.duels)
    ]
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


def timed(work: Callable[[], object]) -> tuple[list[float], list[float]]:
    wall, processor = [], []
    for _ in range(RUNS):
        start, used = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    return wall, processor


def measure() -> None:
    cast = VoteTable.of(votes(COMMUNITY, TAGS))
    board = leaderboard(cast, title="Everywhere", now=1e9)
    print(f"{len(cast.rows):,} votes, {board.overall.people:,} people, {len(TAGS)} tags")
    parts: list[tuple[str, Callable[[], object]]] = [
        ("fit", lambda: leaderboard(cast, title="Everywhere", now=1e9)),
        ("draw", lambda: draw(board, "tag")),
        ("text", lambda: as_text(board)),
        ("all", lambda: draw(leaderboard(cast, title="Everywhere", now=1e9), "tag")),
    ]
    for name, work in parts:
        wall, processor = timed(work)
        print(
            f"{name:>5}: wall best {min(wall):.3f} median {statistics.median(wall):.3f}, "
            f"processor best {min(processor):.3f} median {statistics.median(processor):.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    folder = parser.parse_args().pictures
    if folder is None:
        measure()
        return
    for name, community in PICTURES.items():
        board = leaderboard(votes(community, PICTURED), title="The Cosy Corner", now=1e9)
        (folder / f"leaderboard-{name}.png").write_bytes(draw(board, "tag"))


if __name__ == "__main__":
    main()
