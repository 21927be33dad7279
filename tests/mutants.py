"""Mutation tests: breaks one guard at a time in a copy of the tree, and expects the named test to fail.

    python -m tests.mutants                     all of tests/mutations.toml
    python -m tests.mutants nonce permission    the guards whose names contain one of these words

The copy lies in a temporary folder; the tree itself is never changed. Every named test has to pass before
anything is broken. Exit codes: 0 when every mutation was killed; 1 otherwise; 2 for a bad list.
"""

from __future__ import annotations

import argparse
import ast
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tests/mutations.toml"
SECONDS = 900.0
"""A test that takes longer has not passed: a guard's absence may well show as a hang."""
PASSED, FAILED = 0, 1
"""Exit codes of pytest; the others mean that no test was run."""


@dataclass(frozen=True)
class Mutation:
    """One guard, and the edit that removes it. `test` is a pytest node id, or several with spaces between."""

    guard: str
    file: str
    old: str
    new: str
    test: str

    def problems(self, root: Path) -> list[str]:
        """Return why this entry no longer fits the tree; empty where it does."""
        path, found = root / self.file, []
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        times = text.count(self.old)
        if times != 1:
            found.append(f"its old text is {times} times in {self.file}, not once")
        elif self.old == self.new:
            found.append("it changes nothing")
        elif path.suffix == ".py":
            try:
                ast.parse(self.apply(text))
            except SyntaxError as error:
                found.append(f"what it makes of {self.file} is no Python: {error.msg}")
        return found + [f"there is no {test}" for test in self.test.split() if not test_exists(root, test)]

    def apply(self, text: str) -> str:
        """Return the file's text without the guard."""
        return text.replace(self.old, self.new)


def read(path: Path = LIST) -> list[Mutation]:
    """Read a list of mutations."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["mutation"]
    return [Mutation(**entry) for entry in entries]


def test_exists(root: Path, test: str) -> bool:
    """Tell whether a test file, or the function or method that a node id names, is in the tree."""
    file, *names = test.split("[")[0].split("::")
    if not (root / file).is_file():
        return False
    level: list[ast.stmt] = ast.parse((root / file).read_text(encoding="utf-8")).body
    for name in names:
        definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        found = next((node for node in level if isinstance(node, definition) and node.name == name), None)
        if found is None:
            return assigned(level, name)
        level = found.body
    return True


def assigned(level: Sequence[ast.stmt], name: str) -> bool:
    """Tell whether a name is assigned at this level, as hypothesis' state machines are."""
    return any(
        isinstance(node, ast.Assign) and any(ast.unparse(target) == name for target in node.targets)
        for node in level
    )


def copy_tree(root: Path, target: Path) -> None:
    """Copy what git tracks or would track; a folder outside git as a whole."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        shutil.copytree(root, target, dirs_exist_ok=True)
        return
    for name in listed.stdout.decode().split("\0"):
        if name and (root / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name)


def run_tests(tree: Path, tests: list[str], *options: str) -> tuple[int, str]:
    """Run tests in a copy; returns pytest's exit code and what it printed."""
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    # A skipped test would pass with its guard removed.
    environment.setdefault("ANTIPHON_REQUIRE", "browser,openapi,node")
    description = ROOT.parent / "shared/discord/openapi.json"
    if description.exists():
        environment.setdefault("DISCORD_OPENAPI", str(description))
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *options, *tests]
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return FAILED, f"took more than {SECONDS:g} s"
    return done.returncode, done.stdout + done.stderr


def run_mutation(tree: Path, mutation: Mutation) -> str:
    """Return "killed", "survived", or the reason why neither was found out."""
    path = tree / mutation.file
    original = path.read_text(encoding="utf-8")
    path.write_text(mutation.apply(original), encoding="utf-8")
    try:
        code, said = run_tests(tree, mutation.test.split())
    finally:
        path.write_text(original, encoding="utf-8")
    if code == FAILED:
        return "killed"
    return "survived" if code == PASSED else f"no test was run: {said.strip()[-400:]}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutations and report each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("words", nargs="*", help="run the guards whose names contain one of these")
    parser.add_argument("--list", type=Path, default=LIST, help="the list of mutations")
    parser.add_argument("--tree", type=Path, default=ROOT, help="the tree that is copied")
    parser.add_argument("--jobs", type=int, default=2, help="how many mutations are run at a time")
    chosen = parser.parse_args(arguments)
    mutations = [
        one
        for one in read(chosen.list)
        if not chosen.words or any(word in one.guard for word in chosen.words)
    ]
    stale = [f"{one.guard}: {problem}" for one in mutations for problem in one.problems(chosen.tree)]
    if stale or not mutations:
        print("\n".join(stale) or "There is no such guard.")
        return 2
    trees: queue.SimpleQueue[Path] = queue.SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for number in range(chosen.jobs):
            tree = Path(folder, str(number))
            copy_tree(chosen.tree, tree)
            trees.put(tree)
        tests = list(dict.fromkeys(test for one in mutations for test in one.test.split()))
        print(f"{len(tests)} tests, unbroken …", flush=True)
        code, said = run_tests(tree, tests, "-n", str(chosen.jobs))
        if code != PASSED:
            print(f"{said}\nThese tests have to pass before anything is broken.")
            return 1

        def judge(mutation: Mutation) -> str:
            tree, began = trees.get(), time.monotonic()
            try:
                result = run_mutation(tree, mutation)
            finally:
                trees.put(tree)
            print(f"{result:9} {time.monotonic() - began:5.0f} s  {mutation.guard}", flush=True)
            return result

        with ThreadPoolExecutor(chosen.jobs) as pool:
            results = Counter(pool.map(judge, mutations))
    print(", ".join(f"{count} {result}" for result, count in results.most_common()))
    return 0 if set(results) == {"killed"} else 1


if __name__ == "__main__":
    sys.exit(main())
