"""The pages that repeat what the program has: its commands, on the command line and in Discord."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from discord import app_commands
from discord.ext import commands

import cogs
from bot.audio.meter import loudness
from tests import cli_page

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
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


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "listen").glob("*.mp3")), ids=lambda path: path.stem)
def test_what_can_be_heard_is_music_from_its_first_beat(path: Path) -> None:
    wave, rate = soundfile.read(path, always_2d=True)
    assert len(wave) / rate == pytest.approx(12, abs=0.1)
    assert loudness(wave.T.astype(np.float32), rate) == pytest.approx(-14, abs=1)
    frames = wave[: len(wave) // (rate // 4) * (rate // 4)].reshape(-1, rate // 4 * wave.shape[1])
    levels = np.sqrt((frames**2).mean(axis=1))
    assert levels[:-2].min() > 10 ** (-36 / 20) * np.sqrt((wave**2).mean()), "a silence of 0.25 s"
    assert path.stat().st_size <= 150_000
