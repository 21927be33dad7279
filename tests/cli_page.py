"""`docs/cli.md` out of the command line itself: `python -m tests.cli_page` writes it anew.

The help of every command, in the order of the program.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from bot.cli import app

WIDTH = 100
TARGET = Path(__file__).parents[1] / "docs" / "cli.md"

HEAD = """# The command line

`antiphon` is `.venv/bin/antiphon` after `make run` or `make install`, and on the path after `pip install
.`. It reads `.env` and keeps `data/` in the folder where it is started. `--json` prints one JSON document
for scripts. `db` and `votes` take `--sandbox` for the sandbox's database, `data/sandbox/antiphon.db`.

Exit codes: 0, it did what was asked, or Ctrl-C or SIGTERM stopped it; 2, bad input or a wrong setting, a
refused token included, which a restart doesn't fix (systemd: `RestartPreventExitStatus=2`); 1, anything
else.

*Written by `python -m tests.cli_page`.*
"""


def page() -> str:
    """Return the text of the page."""
    return HEAD + "".join(_sections(get_command(app), ()))


def _sections(command: Any, words: tuple[str, ...]) -> Iterator[str]:
    children = getattr(command, "commands", {})
    if not children:
        told = CliRunner().invoke(app, [*words, "--help"], prog_name="antiphon", terminal_width=WIDTH)
        lines = [line.rstrip() for line in told.output.strip().splitlines() if "--help " not in line]
        if lines[-1] == "Options:":
            del lines[-2:]
        yield f"\n## `{' '.join(('antiphon', *words))}`\n\n```text\n" + "\n".join(lines) + "\n```\n"
    for name, child in children.items():
        yield from _sections(child, (*words, name))


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
