"""The documentation's links, pictures and paths, and those that the code names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = (".", "docs", ".github", "bot/weights", "sandbox", "training")
PAGES = sorted(
    path for folder in FOLDERS for path in (ROOT / folder).glob("*.md" if folder == "." else "**/*.md")
)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)(?:#[^)]*)?\)")
FOLDER_NAMES = "bot|cogs|sandbox|tests|training|benchmarks|docs"
PATH = re.compile(rf"`((?:{FOLDER_NAMES})/[a-z\d_./-]*)`")
"""A path between backticks; one with capitals is a pattern for readers."""
PICTURES = (".gif", ".jpg", ".png", ".svg")


def targets(page: Path) -> list[Path]:
    """Return the files that a page links to."""
    text = re.sub(r"`[^`]*`", "", page.read_text(encoding="utf-8"))
    return [(page.parent / link).resolve() for link in LINK.findall(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    assert [str(target) for target in targets(page) if not target.exists()] == []


def test_every_picture_is_shown() -> None:
    pictures = {path for path in (ROOT / "docs").rglob("*") if path.suffix in PICTURES}
    shown = {target for page in PAGES for target in targets(page)}
    assert {str(path.relative_to(ROOT)) for path in pictures - shown} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_in_a_page_exists(page: Path) -> None:
    named = PATH.findall(page.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_path_in_the_code_exists() -> None:
    files = [path for name in FOLDER_NAMES.split("|") for path in (ROOT / name).rglob("*.py")]
    named = {path: PATH.findall(path.read_text(encoding="utf-8")) for path in files}
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for path, names in named.items()
        for name in names
        if not (ROOT / name).exists()
    }
    assert missing == set()


def test_the_design_names_what_decides() -> None:
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|`]+ \| (`[^|]+`) \| `([^|]+)` \|$", page, re.MULTILINE)
    assert len(rows) >= 10
    missing = [
        f"{name} in {file}"
        for files, name in rows
        for file in re.findall(r"`([^`]+)`", files)
        if name not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_the_queue_view_in_the_design_is_the_newest() -> None:
    newest = max(
        path
        for path in (ROOT / "bot" / "store" / "migrations").glob("*.sql")
        if "CREATE VIEW queue" in path.read_text(encoding="utf-8")
    )
    assert newest.name in (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
