"""The glossary of `docs/design.md`: retired words are no identifiers, and standard terms are."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
HEADING = "## Glossary"
REFERENCE = re.compile(r"\b[Ss]ee `?((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:\.\w+)*)`?")
"""A class or constant that a docstring refers to, with or without its module."""


class Row(NamedTuple):
    retired: tuple[str, ...]
    standard: tuple[str, ...]
    packages: tuple[str, ...]


def rows() -> list[Row]:
    """Return the table's rows."""
    page = (ROOT / "docs/design.md").read_text(encoding="utf-8")
    lines = page.split(HEADING, 1)[1].split("\n## ", 1)[0].splitlines()
    cells = [line.strip("|").split(" | ") for line in lines if line.startswith("| `")]
    return [
        Row(
            tuple(re.findall(r"`([^`]+)`", retired)),
            tuple(re.findall(r"`([^`]+)`", standard)),
            tuple(name.strip() for name in packages.split(",")),
        )
        for retired, standard, packages in cells
    ]


@cache
def names(package: str) -> frozenset[str]:
    """Return the identifiers in a package's code, and the names of its modules and folders."""
    found: set[str] = set()
    for path in sorted((ROOT / package).rglob("*.py")):
        found |= set(path.relative_to(ROOT / package).with_suffix("").parts)
        text = io.StringIO(path.read_text(encoding="utf-8"))
        found |= {
            token.string for token in tokenize.generate_tokens(text.readline) if token.type == tokenize.NAME
        }
    return frozenset(found)


def matching(word: str, package: str) -> list[str]:
    """Return the names of a package that a word of the table stands for."""
    pattern = re.compile(re.escape(word).replace(r"\*", r"\w*"))
    return sorted(name for name in names(package) if pattern.fullmatch(name))


def test_the_glossary_is_read() -> None:
    assert len(rows()) > 20
    assert all(row.retired and row.standard and row.packages for row in rows())
    assert all((ROOT / package).is_dir() for row in rows() for package in row.packages)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.standard[0])
def test_retired_words_name_nothing(row: Row) -> None:
    found = {
        f"{package}: {name}"
        for package in row.packages
        for word in row.retired
        for name in matching(word, package)
    }
    assert found == set(), f"the terms are {', '.join(row.standard)}"


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.standard[0])
def test_standard_terms_name_something(row: Row) -> None:
    missing = {term for term in row.standard if not any(matching(term, package) for package in row.packages)}
    assert missing == set()


def docstrings(path: Path) -> Iterator[str]:
    """Yield the docstrings of a file, those of attributes included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.value.value


def test_what_docstrings_refer_to_exists() -> None:
    packages = ("bot", "cogs", "sandbox", "training", "benchmarks")
    known = frozenset[str]().union(*(names(package) for package in packages))
    missing = {
        f"{path.relative_to(ROOT)}: {reference}"
        for package in packages
        for path in sorted((ROOT / package).rglob("*.py"))
        for text in docstrings(path)
        for reference in REFERENCE.findall(text)
        if not set(reference.split(".")) <= known
    }
    assert missing == set()
