"""The house rules that hold the rooms apart."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import get_type_hints

import pytest

import tests
from bot.app import Antiphon
from bot.store import migrations
from tests.store.test_personal import undeclared

ROOT = Path(__file__).parents[1]
ROOMS = ("bot", "cogs", "sandbox", "training", "benchmarks", "tests")
DISCORD = {"discord"}
HEAVY = {
    "torch",
    "numba",
    "llvmlite",
    "audiocraft",
    "diffusers",
    "transformers",
    "accelerate",
    "torchsde",
    "safetensors",
}
LONG = 400
MAY_BE_LONG: dict[str, str] = {
    "bot/recipe/options.py": "one table, a row for every option, and its validation",
    "training/scenes.py": "one table, a row for every kind of music",
}
"""Files over 400 lines, each with its reason."""


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Yield every module a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def offenders(paths: list[Path], forbidden: set[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {sorted(found)}" for path in paths if (found := roots(path) & forbidden)
    ]


def test_discord_stays_in_its_rooms() -> None:
    allowed = {ROOT / "bot/app.py", ROOT / "bot/connection.py"}
    paths = [path for room in ("bot", "sandbox", "training") for path in files(room) if path not in allowed]
    assert offenders(paths, DISCORD) == []


def test_torch_and_its_friends_stay_with_the_engines() -> None:
    inside = ROOT / "bot/engines"
    paths = [
        path for room in ("bot", "cogs", "sandbox") for path in files(room) if inside not in path.parents
    ]
    assert offenders(paths, HEAVY) == []


def test_bot_knows_neither_cogs_nor_sandbox() -> None:
    # The command line puts the sandbox and the bot together.
    without_cli = [path for path in files("bot") if path != ROOT / "bot/cli.py"]
    assert offenders(without_cli, {"cogs", "sandbox", "tests", "training"}) == []
    assert offenders([ROOT / "bot/cli.py"], {"cogs", "tests", "training"}) == []


def test_sandbox_knows_nothing_of_the_bot() -> None:
    assert offenders(files("sandbox"), {"bot", "cogs", "tests", "training"}) == []


def test_cogs_and_services_are_given_the_time() -> None:
    rooms = (
        "cogs",
        "bot/arena",
        "bot/duels",
        "bot/jobs",
        "bot/leaderboard",
        "bot/presets",
        "bot/coach",
        "bot/store",
    )
    asking = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for room in rooms
        for path in files(room)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("time.time", "datetime.now", "discord.utils.utcnow")
    ]
    assert asking == []


def test_embeds_are_built_in_one_place() -> None:
    builders = {"discord.Embed", "Embed", "add_field", "set_footer", "set_author"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in [*files("cogs"), *files("bot")]
        if path != ROOT / "cogs/ui/embeds.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (ast.unparse(node.func) in builders or ast.unparse(node.func).rpartition(".")[2] in builders)
    ]
    assert found == [], "cogs/ui/embeds.py knows Discord's limits"


def test_the_store_stands_on_errors_and_recipe_alone() -> None:
    base = ("bot.errors", "bot.locale", "bot.recipe", "bot.store", "bot.text", "bot.markdown")
    allowed = (*base, "bot.arena.votes", "bot.arena.wilson")
    for path in files("bot/store"):
        own = {name for name in imports(path) if name.startswith("bot.")}
        assert {name for name in own if not name.startswith(allowed)} == set(), path


def test_cogs_call_services_not_stores() -> None:
    """The bot hands no store to its cogs, and they import the store's data types alone."""
    assert [
        name
        for name, kind in get_type_hints(Antiphon).items()
        if getattr(kind, "__module__", "").startswith("bot.store")
    ] == []
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files("cogs")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bot.store")
        for name in (alias.name for alias in node.names)
        if callable(one := getattr(importlib.import_module(str(node.module)), name))
        and {"database", "tx"} & set(inspect.signature(one).parameters)
    ]
    assert found == []


def test_sql_constants_have_distinct_names() -> None:
    """A search for a statement's name leads to one place."""
    names = Counter(
        target.id
        for path in [*files("bot/store"), *files("bot/leaderboard")]
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
        and re.search(r"\b(SELECT|INSERT|UPDATE|DELETE)\b", ast.unparse(node.value).replace("\\n", " "))
        for target in node.targets
        if isinstance(target, ast.Name)
    )
    assert [name for name, times in names.items() if times > 1] == []
    assert len(names) > 100


@pytest.mark.parametrize("room", ["bot/arena", "bot/coach"])
def test_pure_rooms_reach_nothing(room: str) -> None:
    reaching = {"aiosqlite", "sqlite3", "socket", "aiohttp", "subprocess", "asyncio", "urllib", "requests"}
    assert offenders(files(room), reaching) == []


def test_the_bots_process_stays_light() -> None:
    heavy = [
        "torch",
        "numpy",
        "scipy",
        "matplotlib",
        "transformers",
        "diffusers",
        "soundfile",
        "prometheus_client",
        "aiohttp.web",
        "bot.audio.finish",
        "rich",
        "pygments",
        "greenlet",
        "babel",
        "pydantic",
        "safetensors",
    ]
    cogs = "import importlib; [importlib.import_module(name) for name in bot.app.COGS]"
    imports = "bot.cli, bot.app, bot.engines.registry"
    script = f"import sys, {imports}; {cogs}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_clip_from_the_command_line_loads_audio_libraries_in_its_worker_alone() -> None:
    heavy = ["torch", "numpy", "scipy", "soundfile", "matplotlib"]
    script = f"import sys, bot.cli, bot.generate; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_there_is_no_circle_of_imports() -> None:
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for room in ROOMS[:3]
        for path in files(room)
    }
    graph = {
        name: {other for other in top_level_imports(path) if other in modules}
        for name, path in modules.items()
    }
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " → ".join((*above[above.index(name) :], name))
        if name not in done:
            for other in sorted(graph[name] - {name}):
                visit(other, (*above, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


COG_LAYERS = (
    {"ui"},
    {"delivery"},
    {"submission"},
    {"presets", "coach", "duels", "comparison"},
    {"clips"},
    {"moderation"},
    {"about", "application", "errors", "gate", "guilds", "privacy", "removals", "settings"},
    {"admin"},
)
"""The packages and modules of cogs/, each of which imports only itself and those of earlier layers."""


def test_imports_between_cogs_go_down() -> None:
    layer = {name: number for number, names in enumerate(COG_LAYERS) for name in names}
    upward = [
        f"{path.relative_to(ROOT)}: {module}"
        for path in files("cogs")
        if (own := path.relative_to(ROOT / "cogs").with_suffix("").parts[0]) != "__init__"
        for module in imports(path)
        if module.startswith("cogs.")
        and (other := module.split(".")[1]) != own
        and layer[other] >= layer[own]
    ]
    assert upward == []


def top_level_imports(path: Path) -> set[str]:
    """Return what is imported when the file is, or for type checkers: everything but imports in functions."""
    found: set[str] = set()
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for node in [*body, *(inner for one in body if isinstance(one, ast.If) for inner in one.body)]:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_column_of_the_schema_is_declared(tmp_path: Path) -> None:
    """What holds a member's id or words is erased with the member, also in a new table."""
    migrations.migrate(tmp_path / "antiphon.db", 0)
    with closing(sqlite3.connect(tmp_path / "antiphon.db")) as connection:
        assert undeclared(connection) == [], "bot/store/personal.py says what every column holds"


def test_long_files_have_a_reason() -> None:
    long = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in files(room)
        if len(path.read_text(encoding="utf-8").splitlines()) > LONG
    }
    assert long == set(MAY_BE_LONG)


def test_the_tests_package_is_ours() -> None:
    assert Path(tests.__file__).parent == ROOT / "tests"


def test_the_worker_finds_our_tests_package_too() -> None:
    # A dependency of audiocraft installs a top-level package of the same name.
    script = "import sys; sys.path.append('.'); import tests; print(tests.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).parent == ROOT / "tests"
