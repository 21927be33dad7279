"""The units for systemd: held to what the program takes, and to systemd's own check where it is installed."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer.main

from bot.cli import app
from bot.jobs.service import _CLOSING_SECONDS
from tests.requirements import absent

DEPLOY = Path(__file__).parents[1] / "deploy"
MAX_EXPOSURE = 3.5
"""By `systemd-analyze security`, of 10. A bot needs the network, and a GPU its devices."""


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


def test_systemd_takes_the_units_and_finds_them_hardened(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        absent("systemd", "systemd-analyze checks the units")

    def analyze(*arguments: str) -> str:
        command = ["systemd-analyze", *arguments, *names]
        done = subprocess.run(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    names = sorted(path.name for path in DEPLOY.glob("*.service"))
    for path in [*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")]:
        # Where the program is installed, and nothing is here.
        text = path.read_text().replace("/opt/antiphon/.venv/bin/antiphon", "/bin/true")
        (tmp_path / path.name).write_text(text)
    assert analyze("verify", "--man=no", *(f"./{path.name}" for path in tmp_path.glob("*.timer"))) == ""
    exposure = analyze("security", "--offline=true", "--no-pager")
    levels = re.findall(r"exposure level for (\S+): ([\d.]+)", exposure)
    assert sorted(name for name, _ in levels) == names
    assert {name: level for name, level in levels if float(level) > MAX_EXPOSURE} == {}
