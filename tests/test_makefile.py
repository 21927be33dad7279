"""`make install` with a stand-in for Python that notes how pip is called: where torch comes from."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CPU = "--index-url https://download.pytorch.org/whl/cpu torch"
PYTHON = """#!/bin/sh
echo "$@" >> calls
case "$*" in
  *"config list"*) printf "%s" "$PIP_SETTINGS" ;;
  *"/whl/cpu torch"*) exit "$CPU_INDEX_FAILS" ;;
esac
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="make is not for Windows")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    for name, text in {
        ".venv/bin/python": PYTHON,
        "tools/python3.11": "#!/bin/sh\n",
        "tools/uname": '#!/bin/sh\necho "${SYSTEM:-Linux}"\n',
    }.items():
        script(tmp_path / name, text)
    for tool in ("sh", "grep", "awk", "touch", "make"):
        (tmp_path / "tools" / tool).symlink_to(str(shutil.which(tool)))
    return tmp_path


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def make(folder: Path, *arguments: str, **environment: str) -> tuple[str, str]:
    """Return what make printed, and the calls of Python, one a line."""
    tools = str(folder / "tools")
    given = {"PATH": tools, "PIP_SETTINGS": "", "CPU_INDEX_FAILS": "0"} | environment
    done = subprocess.run(
        ["make", "SHELL=" + str(shutil.which("sh")), *arguments],
        cwd=folder,
        env=given,
        executable=str(shutil.which("make")),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, (folder / "calls").read_text() if (folder / "calls").exists() else ""


def test_linux_without_an_nvidia_driver_gets_the_cpu_build_first(folder: Path) -> None:
    said, calls = make(folder, "install")
    assert calls.index(CPU) < calls.index("-c constraints.txt -e .\n")
    assert "GB" in said.splitlines()[0]
    assert "min" in said.splitlines()[0]
    assert "No NVIDIA driver found" in said


def test_with_a_driver_pip_decides(folder: Path) -> None:
    script(folder / "tools" / "nvidia-smi", "#!/bin/sh\n")
    assert "index-url" not in make(folder, "install")[1]


def test_elsewhere_pip_decides(folder: Path) -> None:
    assert "index-url" not in make(folder, "install", SYSTEM="Darwin")[1]


@pytest.mark.parametrize(
    "settings",
    [":env:.find-links='/wheels'", "global.extra-index-url='https://x'", "global.index-url='https://x'"],
)
def test_pips_own_settings_are_left_alone(folder: Path, settings: str) -> None:
    assert "--index-url" not in make(folder, "install", PIP_SETTINGS=settings)[1]


def test_an_index_out_of_reach_is_no_end(folder: Path) -> None:
    said, calls = make(folder, "install", CPU_INDEX_FAILS="1")
    assert "can't be reached" in said
    assert calls.index(CPU) < calls.index("-c constraints.txt -e .\n")
    assert (folder / ".venv" / ".ready").exists()


def test_a_named_index_is_the_only_one(folder: Path) -> None:
    _, calls = make(folder, "install", "TORCH_INDEX=https://example.org/cu126")
    assert "--no-deps --index-url https://example.org/cu126 torch" in calls
    assert CPU not in calls


def test_help_lists_every_target_that_is_for_people(folder: Path) -> None:
    said, _ = make(folder, "help")
    named = {line.split()[1] for line in said.splitlines()}
    [phony] = [line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY")]
    assert named == set(phony.split()[1:])
