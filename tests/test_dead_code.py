"""Nothing in the tree is unused, and nothing in `bot/` and `cogs/` is used by tests alone."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest
import vulture

ROOT = Path(__file__).parents[1]
PROGRAM = ("bot", "cogs", "sandbox", "training", "benchmarks")
CALLED_BY_FRAMEWORKS = [
    "@app_commands.command*",
    "@app.command",
    "@*.command",
    "@*.command(*",
    "@app.callback",
    "@*.listener*",
    "@operations.add*",
    "@*.context_menu*",
    "@*.autocomplete*",
    "@pytest.fixture*",
    "@rule*",
    "@invariant*",
    "@initialize*",
]
"""Decorators of functions that a library calls: discord.py, typer, pytest, hypothesis."""


@dataclass(frozen=True, slots=True)
class Alive:
    """An entry of unused.toml."""

    names: tuple[str, ...]
    files: tuple[str, ...]
    reason: str

    def covers(self, name: str, file: str) -> bool:
        return any(fnmatch(name, one) for one in self.names) and any(fnmatch(file, f) for f in self.files)


@cache
def alive() -> tuple[Alive, ...]:
    table = tomllib.loads((ROOT / "tests" / "unused.toml").read_text(encoding="utf-8"))["alive"]
    return tuple(Alive(tuple(one["names"]), tuple(one["files"]), one["reason"]) for one in table)


@cache
def unused(*folders: str) -> frozenset[tuple[str, str, int]]:
    """Return name, file and line of each definition that no code in the folders reads."""
    scan = vulture.Vulture(ignore_decorators=CALLED_BY_FRAMEWORKS)
    scan.scavenge([ROOT / folder for folder in folders])
    return frozenset(
        (item.name, item.filename.resolve().relative_to(ROOT).as_posix(), item.first_lineno)
        for item in scan.get_unused_code(min_confidence=60)
    )


def dead(found: frozenset[tuple[str, str, int]]) -> Iterator[str]:
    for name, file, line in sorted(found, key=lambda one: one[1:]):
        if not any(one.covers(name, file) for one in alive()):
            yield f"{file}:{line}: {name}"


def test_nothing_is_unused() -> None:
    assert list(dead(unused(*PROGRAM, "tests"))) == []


def test_nothing_in_the_bot_is_used_by_tests_alone() -> None:
    found = unused(*PROGRAM)
    assert list(dead(frozenset(one for one in found if one[1].startswith(("bot/", "cogs/"))))) == []


@pytest.mark.parametrize("entry", alive(), ids=lambda entry: entry.reason)
def test_every_exception_is_explained_and_names_something(entry: Alive) -> None:
    assert len(entry.reason) > 10
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in (*PROGRAM, "tests")
        for path in (ROOT / folder).rglob("*.py")
        if any(fnmatch(path.relative_to(ROOT).as_posix(), pattern) for pattern in entry.files)
    )
    assert [name for name in entry.names if not re.search(rf"\b{name}\b", text)] == []
