"""The image and its compose files: parsed, and held to the program. No container engine was at hand."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import sys
import tomllib
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import typer.main
import yaml

from bot.cli import app
from bot.config import FIELDS, KNOWN, Settings
from bot.jobs.service import _CLOSING_SECONDS
from bot.metrics.server import metrics_server
from bot.store.database import Database
from tests.e2e.test_metrics import free_port
from tests.jobs.running import running
from tests.metrics.test_server import metrics_of

ROOT = Path(__file__).parents[1]
HOME = PurePosixPath("/srv/antiphon")
COMPOSE = ("compose.yaml", "deploy/compose.gpu.yaml", "deploy/compose.ray.yaml")
OTHERS_SETTINGS = {"NVIDIA_DRIVER_CAPABILITIES", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"}
"""Environment variables of compose services that NVIDIA's runtime and Ray read."""


@cache
def instructions() -> tuple[tuple[str, str], ...]:
    """Return the instructions of the Dockerfile in order, each with its arguments on one line."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return tuple((name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines if line))


def arguments(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def last_stage() -> list[tuple[str, str]]:
    start = max(index for index, (name, _) in enumerate(instructions()) if name == "FROM")
    return list(instructions()[start:])


def image_environment() -> dict[str, str]:
    [line] = [rest for name, rest in last_stage() if name == "ENV"]
    return dict(word.split("=", 1) for word in shlex.split(line))


def copied() -> list[str]:
    """Return the files and folders of the tree that are copied into a stage."""
    lines = [line.split() for line in arguments("COPY") if "--from" not in line]
    return [source for *sources, _ in lines for source in sources]


def ignored(path: str) -> bool:
    """Tell whether .dockerignore excludes a path: the last pattern that fits it or a parent decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        glob = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if re.fullmatch(f"{glob}(/.*)?", path):
            out = not line.startswith("!")
    return out


@cache
def services() -> dict[str, list[dict[str, Any]]]:
    """Return each service's definitions, one a compose file that has it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for file in COMPOSE:
        for name, service in yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))["services"].items():
            found.setdefault(name, []).append(service)
    return found


def bot() -> dict[str, Any]:
    return services()["bot"][0]


def is_command(words: list[str]) -> bool:
    """Tell whether `antiphon` takes these words as a command."""
    command: Any = typer.main.get_command(app)
    for word in words:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            return False
    return not hasattr(command, "commands")


def test_the_image_runs_a_command_of_the_program_and_not_as_root() -> None:
    stage = last_stage()
    names = [name for name, _ in stage]
    assert json.loads(stage[names.index("ENTRYPOINT")][1]) == ["antiphon"]
    assert is_command(json.loads(stage[names.index("CMD")][1]))
    [user] = [rest for name, rest in stage if name == "USER"]
    [made] = [rest for name, rest in stage if name == "RUN" and "useradd" in rest]
    assert user not in ("root", "0")
    assert re.search(rf"useradd .*--uid [1-9]\d* .* {user} ", made)
    assert not {"RUN", "COPY", "ADD"} & set(names[names.index("USER") :]), "nothing is installed as the user"


def test_every_base_image_has_a_version() -> None:
    images = [line.split()[0] for line in arguments("FROM")]
    images += [one["image"] for each in services().values() for one in each if "image" in one]
    assert [image for image in images if not re.search(r":v?\d+\.\d+", image)] == []
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert {image for image in images if image.startswith("antiphon")} == {f"antiphon:{version}"}


def test_what_is_copied_exists_and_passes_dockerignore() -> None:
    assert len(copied()) >= 7
    assert [source for source in copied() if not (ROOT / source).exists() or ignored(source)] == []


def test_everything_that_the_package_is_built_from_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = [name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]]
    files = [project["project"]["readme"], *project["project"]["license-files"], "pyproject.toml", *packages]
    copies = set(copied())
    assert [file for file in files if file.split("/")[0] not in copies or ignored(file)] == []


@pytest.mark.parametrize(
    "path", [".env", ".env.example", "data/antiphon.db", ".git/config", ".venv/bin/python", "bot/.env"]
)
def test_no_setting_and_no_data_reach_a_layer(path: str) -> None:
    assert ignored(path)
    assert not any(re.search(r"TOKEN|SECRET|PASSWORD", line) for _, line in instructions())


def test_what_pip_installs_is_pinned_and_torchs_index_is_an_argument() -> None:
    installs = [line for line in arguments("RUN") if "pip install" in line]
    assert len(installs) == 2
    assert all("-c constraints.txt" in line for line in installs)
    [index] = [line for line in arguments("ARG") if line.startswith("TORCH_INDEX=")]
    assert '--index-url "$TORCH_INDEX" torch' in installs[0]
    default = bot()["build"]["args"]["TORCH_INDEX"]
    assert default == f"${{TORCH_INDEX:-{index.partition('=')[2]}}}"


async def test_the_health_check_passes_while_the_metrics_server_answers(
    database: Database, tmp_path: Path
) -> None:
    [line] = arguments("HEALTHCHECK")
    command = json.loads(line.partition("CMD ")[2])
    assert command[0] == "python"

    async def exit_code(port: int) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command[1:],
            env=os.environ | {"METRICS_PORT": str(port)},
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await process.wait()

    async with running(database, tmp_path) as service:
        metrics = metrics_of(database, service)
        async with metrics_server(metrics, "127.0.0.1", 0, lambda: "not connected") as port:
            assert await exit_code(port) == 0
    assert await exit_code(free_port()) == 1


def test_the_health_check_has_a_port() -> None:
    assert int(image_environment()["METRICS_PORT"]) == int(bot()["environment"]["METRICS_PORT"]) > 0


def test_prometheus_reads_the_bots_metrics_port() -> None:
    [prometheus] = services()["prometheus"]
    source, target, _ = prometheus["volumes"][0].split(":")
    assert target == "/etc/prometheus/prometheus.yml"
    config = yaml.safe_load((ROOT / source).read_text(encoding="utf-8"))
    [job] = config["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"bot:{bot()['environment']['METRICS_PORT']}"]}]
    assert "metrics_path" not in job, "/metrics is Prometheus's default"
    assert bot()["environment"]["METRICS_HOST"] == "0.0.0.0"
    assert all(port.startswith("127.0.0.1:") for port in prometheus["ports"])
    assert "ports" not in bot()


def test_what_must_survive_is_in_volumes() -> None:
    [workdir] = [rest for name, rest in last_stage() if name == "WORKDIR"]
    [line] = [rest for name, rest in last_stage() if name == "VOLUME"]
    volumes = {PurePosixPath(one) for one in json.loads(line)}
    mounted = {PurePosixPath(one.split(":")[1]) for one in bot()["volumes"]}
    assert PurePosixPath(workdir) == HOME
    assert mounted == volumes
    environment = bot()["environment"]
    for name in ("database_path", "clip_dir"):
        default = FIELDS[name].default
        assert isinstance(default, Path)
        assert environment[name.upper()] == str(default)
        assert volumes & set((HOME / default).parents)
    for name in ("HF_HOME", "NUMBA_CACHE_DIR"):
        path = PurePosixPath(image_environment()[name])
        assert volumes & {path, *path.parents}


def test_the_volumes_belong_to_the_user_and_are_declared() -> None:
    [made] = [rest for name, rest in last_stage() if name == "RUN"]
    [line] = [rest for name, rest in last_stage() if name == "VOLUME"]
    folders = re.search(r"install -d -m 0700 -o antiphon -g antiphon (.*)", made)
    assert folders
    assert folders[1].split() == json.loads(line)
    declared = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["volumes"]
    sources = {
        v.split(":")[0] for each in services().values() for one in each for v in one.get("volumes", [])
    }
    assert {source for source in sources if not source.startswith("./")} == set(declared)


@pytest.mark.parametrize("name", ["bot", "ray-node"])
def test_environment_variables_are_settings(name: str) -> None:
    names = {key for one in services()[name] for key in one.get("environment", {})}
    assert names - OTHERS_SETTINGS - KNOWN == set()


def test_values_in_the_compose_files_are_valid_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in services()["bot"]:
        for key, value in one.get("environment", {}).items():
            monkeypatch.setenv(key, re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value))
    assert Settings.load(None).executor == "ray"


@pytest.mark.parametrize("name", ["bot", "prometheus", "ray-node"])
def test_a_service_has_no_rights_to_gain(name: str) -> None:
    [service, *more] = services()[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not any(
        {"privileged", "cap_add", "user", "network_mode", "pid"} & set(one) for one in (service, *more)
    )


def test_a_stop_ends_within_the_engines_time() -> None:
    assert int(bot()["stop_grace_period"].removesuffix("s")) >= 2 * (5 + _CLOSING_SECONDS)


def test_the_cluster_needs_a_token_and_serves_no_dashboard() -> None:
    [_, _, overridden] = services()["bot"]
    [node] = services()["ray-node"]
    head = overridden["entrypoint"][-1]
    assert "--include-dashboard=false" in head
    assert head.endswith("exec antiphon run")
    port = re.search(r"--head --port (\d+)", head)
    assert port
    address = overridden["environment"]["RAY_ADDRESS"]
    assert address == f"bot:{port[1]}" == node["entrypoint"][node["entrypoint"].index("--address") + 1]
    for one in (overridden, node):
        assert one["environment"]["RAY_AUTH_MODE"] == "token"
        assert one["environment"]["RAY_AUTH_TOKEN"] == "${RAY_AUTH_TOKEN:-}", (
            "no default that everybody knows"
        )


def test_the_pages_commands_are_commands() -> None:
    page = (ROOT / "docs" / "containers.md").read_text(encoding="utf-8")
    named = re.findall(r"docker compose run --rm bot ([a-z]+ [a-z]+)", page)
    named += re.findall(r"docker compose exec bot antiphon ([a-z]+ [a-z]+)", page)
    assert len(named) >= 3
    assert [words for words in named if not is_command(words.split())] == []
    assert [file for file in re.findall(r"-f (\S+)", page) if file not in COMPOSE] == []
