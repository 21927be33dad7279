"""Every import is a declared dependency, and only the optional engine needs the optional ones."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from bot.engines.reference.stubs import NAMES as STUBBED

ROOT = Path(__file__).parents[1]
OWN = {"bot", "cogs", "sandbox", "training", "benchmarks", "tests"}
OPTIONAL_ENGINES = ("bot/engines/reference", "bot/engines/multiband", "bot/engines/checkpoints")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DISTRIBUTIONS = packages_distributions()


def normalized(name: str) -> str:
    """Return a distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    lines = [*PROJECT["dependencies"], *(d for e in extras for d in PROJECT["optional-dependencies"][e])]
    return {normalized(re.split(r"[^\w.-]", line)[0]) for line in lines}


@cache
def imported(path: Path) -> frozenset[str]:
    """Return the top-level names of other projects' modules that a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return frozenset({name.split(".")[0] for name in names} - OWN - set(sys.stdlib_module_names))


def distributions(module: str) -> set[str]:
    return {normalized(name) for name in DISTRIBUTIONS.get(module, [module])}


def files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        pytest.param(("bot", "cogs", "sandbox"), ("audiocraft", "cluster"), id="program"),
        pytest.param(("training", "benchmarks", "tests"), ("audiocraft", "dev"), id="development"),
    ],
)
def test_every_import_is_declared(folders: tuple[str, ...], extras: tuple[str, ...]) -> None:
    # audiocraft is installed without its dependencies, and the stubs replace some of them.
    # jsonschema_rs checks the sandbox against Discord's description in tests; without it the check is off.
    known = declared(*extras) | {"audiocraft", "jsonschema-rs", *STUBBED}
    missing = [
        f"{name} in {path.relative_to(ROOT)}"
        for path in files(*folders)
        for name in imported(path)
        if not known & distributions(name)
    ]
    assert missing == []


def test_only_the_optional_engine_needs_the_optional_packages() -> None:
    optional = declared("audiocraft") - declared()
    outside = [
        f"{name} in {path.relative_to(ROOT)}"
        for path in files("bot", "cogs", "sandbox")
        if not path.relative_to(ROOT).as_posix().startswith(OPTIONAL_ENGINES)
        for name in imported(path)
        if optional & distributions(name)
    ]
    assert outside == []


def test_only_the_cluster_needs_ray() -> None:
    importers = [path for path in files("bot", "cogs", "sandbox") if "ray" in imported(path)]
    assert [str(path.relative_to(ROOT)) for path in importers] == ["bot/executor/cluster.py"]
