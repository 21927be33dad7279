"""Run every benchmark in turn, each in a process of its own: `python -m benchmarks`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Print each benchmark's own figures under its name; end with 1 if any failed."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
    failed = []
    for name in names:
        print(f"\n── {name} ──", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
