"""The built package: its files, and its commands in an environment and a folder of their own.

Offline: the build backend is the installed one, and a .pth file puts the dependencies of the environment that
runs the tests on the new environment's import path.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import tarfile
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bot.audio.tags import read_recipe
from bot.config import FIELDS
from bot.store import migrations
from tests.e2e.clips import eventually

ROOT = Path(__file__).parents[1]
PACKAGES = ("bot", "cogs", "sandbox")
# Not part of the source: environments, caches, earlier builds, and the data of a bot that was started here.
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "data", "shared")
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name.lower() not in FIELDS and not name.startswith("PYTHON")
}


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the wheel and the source archive that it was built from."""
    folder = tmp_path_factory.mktemp("dist")
    source = tmp_path_factory.mktemp("source") / "antiphon"
    shutil.copytree(ROOT, source, ignore=LEFT_OUT)
    for hidden in (".dockerignore", ".editorconfig", ".env.example", ".gitignore", ".pre-commit-config.yaml"):
        shutil.copy(ROOT / hidden, source)
    for hidden in (".ci", ".github"):
        shutil.copytree(ROOT / hidden, source / hidden)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def scripts(distributions: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the commands that the wheel installs into a new environment."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment)
    python = environment / SCRIPTS / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", str(distributions[0])], check=True)
    packages = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    # Every path of this environment but those that lead to the source: the installed package has to be found.
    paths = [path for path in sys.path if Path(path).name == "site-packages"] or [
        sysconfig.get_path("purelib")
    ]
    Path(packages.stdout.strip(), "dependencies.pth").write_text("\n".join(paths), encoding="utf-8")
    return environment / SCRIPTS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that holds another bot's packages, which must not be taken for this one's."""
    for name in (*PACKAGES, "training"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('another project')", encoding="utf-8")
    return tmp_path


def run(scripts: Path, folder: Path, *arguments: str) -> str:
    """Run `antiphon …` in `folder` and return what it printed."""
    done = subprocess.run(
        [str(scripts / "antiphon"), *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_each_file_of_the_packages_and_nothing_else(distributions: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(distributions[0]) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    source = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == source


def test_the_source_archive_holds_what_the_tests_need(distributions: tuple[Path, Path]) -> None:
    with tarfile.open(distributions[1]) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "constraints.txt", ".env.example", ".ci/run", "CHANGELOG.md", "LICENSE"} <= held
    assert {"Dockerfile", ".dockerignore", "compose.yaml"} <= held
    source = {
        path.relative_to(ROOT).as_posix()
        for name in ("tests", "docs", "training", "benchmarks", "deploy")
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert source <= held


def test_installed_commands_work_in_any_folder(scripts: Path, folder: Path) -> None:
    run(scripts, folder, "generate", "calm piano", "--seconds", "5", "--seed", "7", "-o", "clip.mp3")
    assert read_recipe(folder / "clip.mp3").seed == 7
    run(scripts, folder, "db", "migrate")
    with closing(sqlite3.connect(folder / "data" / "antiphon.db")) as database:
        assert migrations.version_of(database) == len(migrations.available())
    assert "antiphon-tiny-ar" in run(scripts, folder, "doctor")
    assert "facebook/musicgen-small" in run(scripts, folder, "models", "list")


async def test_the_installed_sandbox_serves_its_page_and_a_clip(scripts: Path, folder: Path) -> None:
    with started(scripts, folder) as log:
        await eventually(lambda: re.search(r"http://\S+", log.read_text()), "the page's address")
        address = re.search(r"http://\S+", log.read_text())
        assert address is not None
        for part in ("", "js/main.js", "styles/tokens.css"):
            with urllib.request.urlopen(address[0] + part) as answer:
                assert answer.status == 200
        await eventually(lambda: delivered(folder / "data" / "sandbox" / "antiphon.db"), "a clip")


@contextmanager
def started(scripts: Path, folder: Path) -> Iterator[Path]:
    """Run `antiphon sandbox` in `folder`; the value is the file that it prints to."""
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [str(scripts / "antiphon"), "sandbox", "--no-open"],
            cwd=folder,
            env=ENVIRONMENT,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            yield log
        finally:
            process.terminate()
            process.wait(30)


def delivered(path: Path) -> bool:
    """Tell whether the database at `path` has a delivered clip."""
    if not path.exists():
        return False
    with closing(sqlite3.connect(path)) as database:
        try:
            return bool(database.execute("SELECT 1 FROM jobs WHERE state = 'delivered'").fetchone())
        except sqlite3.OperationalError:
            return False  # not migrated yet
