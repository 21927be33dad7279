"""The packages' imports, and the picture of them."""

from __future__ import annotations

from tests.architecture import TARGET, draw, modules, packages_and_modules, rooms, ties


def test_the_picture_is_up_to_date() -> None:
    assert TARGET.read_text(encoding="utf-8") == draw(), "run `python -m tests.architecture`"


def test_no_two_packages_import_each_other() -> None:
    imported, _ = rooms()
    assert ties(imported) == []
    assert ties(packages_and_modules()) == []


def test_the_walk_finds_imports_and_names() -> None:
    imported, named = rooms()
    assert "bot.recipe" in imported["bot.engines"]
    assert "cogs" in named["bot.app"]
    assert ties({"a": {"b"}, "b": {"a"}, "c": {"a"}}) == [("a", "b")]
    assert "bot.recipe.options" in modules()
