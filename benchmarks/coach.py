"""How well the coach's rules find what they are about, and how long a prompt takes.

    python -m benchmarks.coach                 the sets of labelled prompts, as the tables of docs/coach.md
    python -m benchmarks.coach --set seen      one of them, with every prompt that was judged wrongly
    python -m benchmarks.coach --speed         microseconds of processor time per prompt

benchmarks/coach_prompts/LABELS.md says what a label means. Precision is right findings over findings,
recall is right findings over labels; a dash stands where there is nothing to divide by.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.coach import advice as coach_module
from bot.coach.advice import coach
from bot.coach.recommend import recommend_mode
from bot.coach.rules import rules
from bot.coach.translate import translate
from bot.recipe import Mode

PROMPTS = Path(__file__).with_name("coach_prompts")
SETS = {
    "seen": "seen while the rules were written",
    "kept_apart": "kept apart",
    "chat": "as members of chat servers type",
}
TOKENS = 64
"""What the text encoder reads in the labelled prompts that do not say otherwise."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One prompt with the rules that should fire. best: the mode that suits it, where one plainly does."""

    text: str
    mode: Mode
    fires: frozenset[str]
    tokens: int = TOKENS
    instrumental: bool = True
    best: Mode | None = None

    def fired(self) -> frozenset[str]:
        """Return the rules that do fire."""
        advice = coach(self.text, self.mode, prompt_tokens=self.tokens, instrumental=self.instrumental)
        return frozenset(finding.rule for finding in advice.findings)


@dataclass(frozen=True, slots=True)
class Score:
    """What one rule did on one set."""

    labels: int
    findings: int
    right: int

    def row(self, name: str) -> str:
        """Return the row of the table."""
        precision = f"{self.right / self.findings:.0%}" if self.findings else "–"
        recall = f"{self.right / self.labels:.0%}" if self.labels else "–"
        return f"| {name} | {self.labels} | {self.findings} | {self.right} | {precision} | {recall} |"


def labelled(name: str) -> tuple[Labelled, ...]:
    """Return one set of labelled prompts. Raises ValueError for a label that no rule has."""
    entries = tomllib.loads((PROMPTS / f"{name}.toml").read_text(encoding="utf-8"))["prompt"]
    known = {rule.id for rule in rules()}
    for entry in entries:
        if unknown := set(entry["fires"]) - known:
            raise ValueError(f"{name}: no rule is called {min(unknown)}.")
    return tuple(
        Labelled(
            entry["text"],
            Mode(entry["mode"]),
            frozenset(entry["fires"]),
            entry.get("tokens", TOKENS),
            entry.get("instrumental", True),
            Mode(entry["best"]) if "best" in entry else None,
        )
        for entry in entries
    )


def table(prompts: Sequence[Labelled]) -> list[str]:
    """Return the lines of the table for one set: a row for each rule, then all rules together."""
    judged = [(prompt.fires, prompt.fired()) for prompt in prompts]
    scores = {
        rule.id: Score(
            sum(rule.id in labels for labels, _ in judged),
            sum(rule.id in fired for _, fired in judged),
            sum(rule.id in labels & fired for labels, fired in judged),
        )
        for rule in rules()
    }
    every = Score(
        *(sum(getattr(s, part) for s in scores.values()) for part in ("labels", "findings", "right"))
    )
    exact = sum(labels == fired for labels, fired in judged)
    clean = [fired for labels, fired in judged if not labels]
    advised = [p for p in prompts if p.best is not None]
    agreed = sum(recommend_mode(p.text).mode == p.best for p in advised)
    return [
        "| rule | labels | findings | right | precision | recall |",
        "|---|---:|---:|---:|---:|---:|",
        *(score.row(f"`{name}`") for name, score in sorted(scores.items())),
        every.row("all rules"),
        "",
        f"{exact} of {len(prompts)} prompts got exactly their labels. Of {len(clean)} with nothing to "
        f"say, {sum(not f for f in clean)} were left in peace. The recommended mode was the labelled one for "
        f"{agreed} of {len(advised)}.",
    ]


def misses(prompts: Sequence[Labelled]) -> list[str]:
    """Return one line for each prompt that got other findings than its labels."""
    lines = []
    for prompt in prompts:
        fired = prompt.fired()
        if fired != prompt.fires:
            missing, extra = sorted(prompt.fires - fired), sorted(fired - prompt.fires)
            lines.append(f"{prompt.mode.value:9} missing {missing}, extra {extra}: {prompt.text[:100]!r}")
        if prompt.best is not None and recommend_mode(prompt.text).mode != prompt.best:
            lines.append(f"{prompt.mode.value:9} recommended the other mode: {prompt.text[:100]!r}")
    return lines


def fingerprint() -> str:
    """Return the first 12 digits of the SHA-256 of what decides a finding: code and data of bot/coach."""
    room = Path(coach_module.__file__).parent
    files = sorted(
        p
        for p in room.iterdir()
        if p.suffix in {".py", ".toml"} and not p.stem.startswith(("names", "starters"))
    )
    digest = hashlib.sha256(b"".join(p.name.encode() + p.read_bytes() for p in files))
    return digest.hexdigest()[:12]


def speed(repeats: int = 20) -> list[str]:
    """Return processor time per prompt in microseconds: the seen prompts, and the longest a recipe takes."""
    prompts = labelled("seen")
    long = " ".join(p.text for p in prompts if p.text.isascii())[:1_000]
    worst = ("perfect best fast-sad lo-fi  vocals calm aggressive epic " * 20)[:1_000]
    calls: dict[str, Callable[[], object]] = {}
    for p in prompts:
        calls[p.text] = lambda p=p: coach(p.text, p.mode, prompt_tokens=p.tokens)  # type: ignore[misc]
    rows = ["| what | median µs | slowest µs |", "|---|---:|---:|"]
    rows.append(_timed(f"coach, {len(calls)} labelled prompts", list(calls.values()), repeats))
    rows.append(_timed("coach, 1,000 characters", [lambda: coach(long, Mode.AR, prompt_tokens=64)], repeats))
    rows.append(
        _timed(
            "coach, 1,000 characters of faults", [lambda: coach(worst, Mode.AR, prompt_tokens=64)], repeats
        )
    )
    rows.append(_timed("translate, 1,000 characters", [lambda: translate(long, Mode.DIFFUSION)], repeats))
    rows.append(_timed("recommend_mode, 1,000 characters", [lambda: recommend_mode(long)], repeats))
    return rows


def _timed(name: str, calls: Sequence[Callable[[], object]], repeats: int) -> str:
    for call in calls:
        call()
    best = []
    for call in calls:
        times = []
        for _ in range(repeats):
            start = time.process_time()
            call()
            times.append(time.process_time() - start)
        best.append(statistics.median(times) * 1e6)
    return f"| {name} | {statistics.median(best):,.0f} | {max(best):,.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=SETS, help="one set, with its misses")
    parser.add_argument("--speed", action="store_true")
    arguments = parser.parse_args()
    if arguments.speed:
        print(*speed(), sep="\n")
        return
    print(f"Rules {fingerprint()}.")
    for name in [arguments.set] if arguments.set else SETS:
        prompts = labelled(name)
        print(f"\n### {len(prompts)} prompts, {SETS[name]}\n", *table(prompts), sep="\n")
        if arguments.set:
            print("", *misses(prompts), sep="\n")


if __name__ == "__main__":
    main()
