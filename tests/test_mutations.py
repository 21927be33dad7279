"""The list of mutations fits the tree, so that running it by hand or at night finds no surprise."""

from __future__ import annotations

from collections import Counter

from tests.mutants import ROOT, read

MIN_GUARDS = 40


def test_every_mutation_fits_the_tree() -> None:
    assert [f"{one.guard}: {problem}" for one in read() for problem in one.problems(ROOT)] == []


def test_every_guard_is_listed_once() -> None:
    mutations = read()
    assert len(mutations) >= MIN_GUARDS
    assert [guard for guard, times in Counter(one.guard for one in mutations).items() if times > 1] == []
