"""How often the 95 % interval of the win rate holds the truth, over simulated communities.

    python -m benchmarks.arena_coverage             the tables in docs/arena.md, twelve minutes
    python -m benchmarks.arena_coverage --quick     an eighth of it
    python -m benchmarks.arena_coverage --keep FILE goes on where FILE stopped

A row draws until so many communities have voters enough for the bot to speak; where there can never be
enough, it shows what the interval would cover. Every row has its own seed, so that it is the same whatever
ran before it. With R communities a row, a true coverage of 95 % shows as 95 ± 1.96·√(0.0475/R): ± 0.8 points
at 3,000.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import astuple
from pathlib import Path

import numpy as np
from scipy.special import expit

from benchmarks.arena_communities import Community
from bot.arena.ballots import Floats, Ints
from bot.arena.clusters import clustered_mean, quantile, share_interval
from bot.arena.results import MIN_DUELS, MIN_PEOPLE
from bot.arena.wilson import wilson_interval
from bot.arena.winrate import clustered_share

SIZES = [
    # people, duels, mean voters of a duel
    (6, 20, 4),
    (8, 20, 4),
    (10, 10, 5),
    (10, 20, 5),
    (10, 60, 5),
    (15, 15, 5),
    (15, 40, 5),
    (30, 10, 10),
    (30, 40, 6),
    (30, 100, 6),
    (100, 20, 10),
    (100, 60, 10),
    (100, 200, 10),
    (15, 10, 6),
]
TRUTHS = [
    # rate, person, duel, activity, side
    (0.50, 1.0, 1.0, 1.0, 0.3),
    (0.50, 0.5, 0.5, 1.0, 0.3),
    (0.50, 1.5, 0.5, 1.0, 0.3),
    (0.50, 0.5, 1.5, 1.0, 0.3),
    (0.50, 1.0, 1.0, 2.0, 0.3),
    (0.60, 1.0, 0.5, 0.0, 1.0),
    (0.80, 1.0, 1.0, 1.0, 0.3),
    (0.80, 0.5, 0.5, 1.0, 0.3),
    (0.90, 1.0, 1.0, 1.0, 0.3),
    (0.50, 0.0, 0.0, 1.0, 0.0),
]
METHODS = ["this", "careful", "bold", "CGM", "people", "Wilson"]
BOOTSTRAPS = 399


def intervals(
    y: Floats, person: Ints, duel: Ints, rng: np.random.Generator, naive: bool
) -> dict[str, tuple[float, float]]:
    """Return the interval of each method; the naive ones only when asked, as they take long."""
    fit = clustered_mean(y, person, duel)
    share = clustered_share(fit)
    found = {"this": (share.low, share.high)}
    p, n = share.value, len(y)
    if not naive or not 0 < p < 1:
        return found
    found["careful"] = share_interval(p, fit.variance, fit.df_careful)
    found["bold"] = share_interval(p, fit.variance, fit.df_bold)
    clusters = min(len(np.unique(person)), len(np.unique(duel)))
    half = quantile(clusters - 1) * max(fit.robust, p * (1 - p) / n) ** 0.5 / (p * (1 - p))
    logit = np.log(p / (1 - p))
    found["CGM"] = (float(expit(logit - half)), float(expit(logit + half)))
    found["Wilson"] = wilson_interval(p, n, 1.959964)
    wins, votes = np.bincount(person, y), np.bincount(person)
    drawn = rng.multinomial(len(votes), np.full(len(votes), 1 / len(votes)), BOOTSTRAPS)
    shares = (drawn @ wins) / np.maximum(drawn @ votes, 1)
    found["people"] = (float(np.quantile(shares, 0.025)), float(np.quantile(shares, 0.975)))
    return found


def row(number: int, community: Community, repeats: int) -> dict[str, object]:
    """Return one row: coverage of each method in percent, and how wide this one is."""
    rng = np.random.default_rng([8, number])
    mu = community.mu
    small = community.people < MIN_PEOPLE or community.duels < MIN_DUELS
    held: dict[str, list[bool]] = {method: [] for method in METHODS}
    widths: list[float] = []
    said_nothing = 0
    while len(widths) < repeats:
        y, person, duel, _ = community.draw(rng, mu)
        person = np.unique(person, return_inverse=True)[1]
        if not small and (person.max() + 1 < MIN_PEOPLE or duel.max() + 1 < MIN_DUELS):
            said_nothing += 1
            continue
        for method, (low, high) in intervals(y, person, duel, rng, len(widths) % 4 == 0).items():
            held[method].append(low <= community.rate <= high)
            if method == "this":
                widths.append(high - low)
    return {
        "number": number,
        "community": astuple(community),
        "repeats": repeats,
        "coverage": {method: 100 * float(np.mean(found)) for method, found in held.items() if found},
        "half_width": 50 * float(np.median(widths)),
        "said_nothing": said_nothing / (said_nothing + repeats),
    }


def rows(repeats: int, keep: Path | None) -> list[dict[str, object]]:
    """Return every row, taking those that `keep` already holds and adding the others to it."""
    done: dict[int, dict[str, object]] = {}
    if keep and keep.exists():
        for line in keep.read_text().splitlines():
            old = json.loads(line)
            if old["repeats"] == repeats:
                done[old["number"]] = old
    for number, (size, truth) in enumerate((size, truth) for size in SIZES for truth in TRUTHS):
        rate, person, duel, activity, side = truth
        community = Community(*size, rate, person, duel, activity, side)
        if number in done and done[number]["community"] == list(astuple(community)):
            continue
        done[number] = row(number, community, repeats)
        if keep:
            with keep.open("a") as file:
                file.write(json.dumps(done[number]) + "\n")
        if sys.stderr.isatty():
            print(f"\r{number + 1} of {len(SIZES) * len(TRUTHS)} ", end="", file=sys.stderr, flush=True)
    return [done[number] for number in sorted(done) if number < len(SIZES) * len(TRUTHS)]


def table(found: list[dict[str, object]]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| people | duels | voters | rate | σ person | σ duel | activity | side | "
        + " | ".join(METHODS)
        + " | ± points | silent |",
        "|" + "---:|" * (8 + len(METHODS) + 2),
    ]
    for one in found:
        community, coverage = Community(*one["community"]), one["coverage"]  # type: ignore[misc]
        width = one["half_width"]
        lines.append(
            f"| {community.people} | {community.duels} | {community.voters:g} | {community.rate:.2f} "
            f"| {community.person} | {community.duel} | {community.activity} | {community.side} | "
            + " | ".join(f"{coverage[m]:.1f}" if m in coverage else "–" for m in METHODS)  # type: ignore[index,operator]
            + f" | {width:.1f} | {100 * one['said_nothing']:.0f} % |"  # type: ignore[operator]
        )
    return "\n".join(lines)


def summary(found: list[dict[str, object]]) -> str:
    """Return, by number of people, what this method covers where people and duels both cluster."""
    lines = [
        "| people | communities | lowest | mean | highest | within 93–97 |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for people in sorted({size[0] for size in SIZES}):
        here = [
            one["coverage"]["this"]  # type: ignore[index]
            for one in found
            for c in [Community(*one["community"])]  # type: ignore[misc]
            if c.people == people and c.person and c.duel and "this" in one["coverage"]  # type: ignore[operator]
        ]
        inside = sum(93 <= value <= 97 for value in here)
        lines.append(
            f"| {people} | {len(here)} | {min(here):.1f} | {np.mean(here):.1f} | {max(here):.1f} "
            f"| {inside} of {len(here)} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="400 communities a row")
    parser.add_argument("--keep", type=Path, help="a file of finished rows to go on from")
    options = parser.parse_args()
    repeats = 400 if options.quick else 3_000
    found = rows(repeats, options.keep)
    print(f"{repeats:,} communities a row. Coverage of the 95 % interval in percent.\n")
    print(summary(found), table(found), sep="\n\n")


if __name__ == "__main__":
    main()
