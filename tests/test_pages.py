"""The pages that repeat what the program has: its commands, on the command line and in Discord."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

from discord import app_commands
from discord.ext import commands

import cogs
from tests import cli_page

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BUILT_WHEN_LOADED = {"music"}
"""Commands whose options depend on the models, so that no class holds them."""


def test_the_page_of_the_command_line_is_up_to_date() -> None:
    assert cli_page.TARGET.read_text(encoding="utf-8") == cli_page.page(), "run `python -m tests.cli_page`"


def commands_of_the_cogs() -> Iterator[str]:
    for found in pkgutil.walk_packages(cogs.__path__, "cogs."):
        for cog in vars(importlib.import_module(found.name)).values():
            if not (isinstance(cog, type) and issubclass(cog, commands.Cog) and cog.__module__ == found.name):
                continue
            group = cog.__cog_group_name__ if issubclass(cog, commands.GroupCog) else None
            for command in cog.__cog_app_commands__:
                if isinstance(command, app_commands.Group):
                    yield from (f"{command.name} {child.name}" for child in command.commands)
                else:
                    yield f"{group} {command.name}" if group else command.name


def commands_of_the_readme() -> Iterator[str]:
    """Yield each name of the table: `/a b`, `c` is `a b` and `a c`."""
    table = README.split("## Commands")[1].split("\n## ")[0]
    for row in re.findall(r"^\| (`/[^|]*) \|", table, re.MULTILINE):
        group = ""
        for name in re.findall(r"`([^`]+)`", row):
            if name.startswith("/"):
                group = name[1:].split()[0] if " " in name else ""
                yield name[1:]
            else:
                yield f"{group} {name}"


def test_the_readme_lists_the_commands_that_there_are() -> None:
    assert set(commands_of_the_readme()) == set(commands_of_the_cogs()) | BUILT_WHEN_LOADED


def test_the_readme_keeps_its_two_commands() -> None:
    assert re.findall(r"^    (make \w+) ", README, re.MULTILINE) == ["make run", "make test"]
