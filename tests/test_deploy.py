"""The units for systemd: parsed, and held to what the program takes. They were not run by systemd here."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
import typer.main

from bot.cli import app
from bot.jobs.service import _CLOSING_SECONDS

DEPLOY = Path(__file__).parents[1] / "deploy"


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read(DEPLOY / name)
    return parser


@pytest.mark.parametrize("name", ["antiphon.service", "antiphon-backup.service"])
def test_a_service_runs_a_command_of_the_program_without_rights(name: str) -> None:
    service = unit(name)["Service"]
    [words] = re.findall(r"/bin/antiphon ([a-z ]+?)(?: backups|$)", service["ExecStart"])
    command = typer.main.get_command(app)
    for word in words.split():
        command = command.commands[word]  # type: ignore[attr-defined]
    assert service["User"] == "antiphon"
    for protection in ("NoNewPrivileges", "PrivateTmp", "ProtectHome"):
        assert service[protection] == "true"
    assert service["ProtectSystem"] == "strict"


def test_a_stop_ends_within_systemds_time() -> None:
    assert int(unit("antiphon.service")["Service"]["TimeoutStopSec"]) >= 2 * (5 + _CLOSING_SECONDS)


def test_a_timer_starts_the_backup_every_day() -> None:
    assert unit("antiphon-backup.timer")["Timer"]["OnCalendar"] == "daily"
