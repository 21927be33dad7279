"""Nothing that a member can press, choose or fill in goes round the gate."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import discord

from bot.app import COGS
from cogs.ui.forms import Form
from cogs.ui.gated_item import GatedItem
from cogs.ui.persistent_cog import PersistentCog

ROOT = Path(__file__).parents[2]


def subclasses(of: type[Any]) -> Iterator[type[Any]]:
    for one in of.__subclasses__():
        yield one
        yield from subclasses(one)


def ours(of: type[Any]) -> list[type[Any]]:
    for name in COGS:
        importlib.import_module(name)
    return [one for one in subclasses(of) if one.__module__.startswith("cogs.")]


def test_every_component_is_behind_the_gate() -> None:
    items = ours(discord.ui.DynamicItem)
    assert [one for one in items if not issubclass(one, GatedItem)] == []
    assert [one for one in items if "callback" in vars(one)] == [GatedItem], (
        "it passes the gate, then presses"
    )
    assert len(items) > 20


def test_every_form_is_submitted_through_the_gate() -> None:
    forms = ours(Form)
    handled = {form for cog in ours(PersistentCog) for form in cog.forms}
    assert {form for form in forms if "prefix" in vars(form)} == handled, (
        "the listener in cogs/gate.py takes them"
    )


def test_no_cog_listens_to_interactions_by_itself_or_sends_components_of_its_own() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {ast.unparse(node).splitlines()[0].partition('(')[0]}"
        for path in (ROOT / "cogs").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.AsyncFunctionDef) and node.name in ("on_interaction", "interaction_check"))
        or (isinstance(node, ast.Call) and ast.unparse(node.func) in ("discord.ui.Modal", "discord.ui.View"))
    ]
    assert sorted(found) == [
        "cogs/gate.py: @commands.Cog.listener",
        "cogs/ui/buttons.py: discord.ui.View",
        "cogs/ui/forms.py: discord.ui.Modal",
    ]
