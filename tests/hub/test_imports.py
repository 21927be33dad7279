"""The hub is below the engines and the settings, which import it."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
BELOW = ("bot.hub", "bot.errors", "bot.module_run", "bot.recipe")


def test_the_hub_imports_neither_engines_nor_settings() -> None:
    for path in sorted((ROOT / "bot/hub").glob("*.py")):
        imported = {
            node.module
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "bot"
        }
        above = {module for module in imported if not module.startswith(BELOW)}
        assert above == set(), path
