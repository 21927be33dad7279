"""The retired phrases of docs/style.md, in every text that somebody reads."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STYLE = ROOT / "docs" / "style.md"
ROW = re.compile(r"^\| (`[^|]*) \| [^|]+ \|$", re.MULTILINE)
CODE = [path for name in ("bot", "cogs", "sandbox") for path in sorted((ROOT / name).rglob("*.py"))]
TEXTS = [
    ROOT / "README.md",
    ROOT / ".env.example",
    *sorted(path for path in (ROOT / "docs").glob("*.md") if path != STYLE),
    *sorted((ROOT / "bot").rglob("*.toml")),
    *sorted(path for end in ("html", "js") for path in (ROOT / "sandbox" / "page").rglob(f"*.{end}")),
]


def retired() -> list[str]:
    """Return the phrases of the table whose first column is in back-ticks."""
    section = STYLE.read_text(encoding="utf-8").split("| retired | write |")[1].split("\n\n")[0]
    return [phrase for cell in ROW.findall(section) for phrase in re.findall(r"`([^`]+)`", cell)]


def pattern(phrase: str) -> re.Pattern[str]:
    """Return the phrase as an expression over whole words; `*` is any one word."""
    body = re.escape(phrase).replace(r"\*", r"(?!longer\b|more\b)[\w-]+").replace(r"\ ", r"\s+")
    start = r"(?<!there )\b" if phrase[0].isalpha() else ""
    return re.compile(start + body + (r"\b" if phrase[-1].isalnum() else ""), re.IGNORECASE)


PATTERNS = {phrase: pattern(phrase) for phrase in retired()}


def literals(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each string literal with a space, docstrings left out."""
    tree = ast.parse(source)
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.lineno, node.value


def found(text: str) -> set[str]:
    return {phrase for phrase, expression in PATTERNS.items() if expression.search(text)}


@pytest.mark.parametrize("folder", ["bot", "cogs", "sandbox"])
def test_no_string_in_the_code_is_retired(folder: str) -> None:
    hits = {
        f"{path.relative_to(ROOT)}:{line}: {phrase}"
        for path in CODE
        if path.relative_to(ROOT).parts[0] == folder
        for line, text in literals(path.read_text(encoding="utf-8"))
        for phrase in found(text)
    }
    assert hits == set()


def test_no_page_has_a_retired_phrase() -> None:
    hits = {
        f"{path.relative_to(ROOT)}:{number}: {phrase}"
        for path in TEXTS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for phrase in found(line)
    }
    assert hits == set()


@pytest.mark.parametrize(
    "text",
    [
        "“12x” is no value for that option.",
        "This is no server of mine.",
        "The message shows what was what.",
        "Write “seconds: 20” for one.",
        "Commands wait for it in vain.",
    ],
)
def test_what_a_reader_stumbled_over_is_found(text: str) -> None:
    assert found(text)


@pytest.mark.parametrize(
    "text", ["There is no sound in it.", "It is no longer there.", "for one member", "Recommended models."]
)
def test_plain_english_is_not(text: str) -> None:
    assert not found(text)
