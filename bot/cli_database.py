"""`antiphon db` and `antiphon votes`: the database of the bot, or of the sandbox."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from bot.arena.text import count
from bot.cli_settings import load_settings
from bot.config import Settings
from bot.store import maintenance, migrations
from bot.terminal import print_line

db = typer.Typer(no_args_is_help=True, help="Check, back up and restore the database.")
votes = typer.Typer(no_args_is_help=True, help="Export the votes of blind duels.")

InSandbox = Annotated[
    bool, typer.Option("--sandbox", help="Use the sandbox's database instead of the bot's.")
]


def sandbox_folder(settings: Settings) -> Path:
    """Return the folder of the sandbox's history, database and clips."""
    return settings.database_path.parent / "sandbox"


@db.command()
def migrate(sandbox: InSandbox = False) -> None:
    """Back up the database and bring it up to date. The bot does this whenever it starts."""
    path = _database(sandbox)
    applied = migrations.migrate(path, time.time())
    if applied:
        print_line(f"{path} is up to date now. Applied: {', '.join(one.path.name for one in applied)}")
    else:
        print_line(f"{path} is up to date already.")


@db.command()
def check(sandbox: InSandbox = False) -> None:
    """Look for damage. Exits with 1 if there is some."""
    path = _database(sandbox)
    problems = maintenance.check(path)
    print_line(f"{path}: {'; '.join(problems) or 'no damage found'}")
    if problems:
        raise typer.Exit(1)


@db.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write.")], sandbox: InSandbox = False
) -> None:
    """Copy the database to a file; the bot may be running."""
    maintenance.backup(_database(sandbox), target)
    print_line(f"Backed up to {target}.")


@db.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A file that `antiphon db backup` wrote.")],
    sandbox: InSandbox = False,
) -> None:
    """Replace the database by a backup. The old database is kept beside it. Stop the bot first."""
    path = _database(sandbox)
    kept = maintenance.restore(source, path, time.time())
    print_line(f"Restored {path}." + (f" The old database is now {kept}." if kept else ""))


@votes.command()
def export(
    target: Annotated[Path, typer.Argument(help="The file to write (JSON Lines).")],
    sandbox: InSandbox = False,
) -> None:
    """Write the votes of everyone who agreed to a file for researchers, without names or ids."""
    from bot.leaderboard.export import export_votes

    written = export_votes(_database(sandbox), target)
    print_line(f"Wrote {count(written, 'vote')} to {target}.")


def _database(sandbox: bool) -> Path:
    settings = load_settings()
    return sandbox_folder(settings) / "antiphon.db" if sandbox else settings.database_path
