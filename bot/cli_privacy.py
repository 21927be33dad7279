"""`antiphon privacy`: what is kept of one member, written to a file or erased, for the owner of the bot."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from bot.arena.text import count
from bot.cli_settings import load_settings
from bot.config import Settings
from bot.errors import DatabaseInUse, StoreError, UserError
from bot.terminal import print_line

WAIT_SECONDS = 1.0
ATTEMPTS = 60
"""How long a running bot is waited for. An attempt to lock its database takes a second more."""

privacy = typer.Typer(no_args_is_help=True, help="What the bot keeps about a member: export it or erase it.")

User = Annotated[str, typer.Argument(help="The member's Discord ID: 17 to 20 digits.")]


@privacy.command()
def export(user: User, target: Annotated[Path, typer.Argument(help="The file to write, JSON.")]) -> None:
    """Write everything that is kept about a member to a file; the bot may be running."""
    data = asyncio.run(_export(_user_id(user), load_settings()))
    try:
        with target.open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise StoreError(f"{target} is there already: choose another name.") from error
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror or error}.") from error
    print_line(f"wrote {target}: {count(len(data), 'byte')}")


@privacy.command()
def erase(
    user: User,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a member from the database, the disk and Discord; the bot may be running.

    A running bot does it at once. While it is stopped, messages in Discord are deleted at its next start.
    """
    user_id, settings = _user_id(user), load_settings()
    if not yes:
        typer.confirm(f"Erase everything about member {user_id}, for good?", abort=True)
    kept = asyncio.run(_erase(user_id, settings))
    listed = ", ".join(count(number, noun) for noun, number in kept.items())
    print_line(f"erased member {user_id}: {listed or 'nothing was kept'}")
    for backup in _backups(settings.database_path):
        print_line(
            f"{backup} is a backup from before, which still has what was erased: delete it when you can"
        )


async def _export(user_id: int, settings: Settings) -> bytes:
    from bot.privacy import export
    from bot.store.database import Database
    from bot.store.erasure import Erasure

    async with Database.view(settings.database_path) as database:
        return await export(Erasure(database), user_id, time.time())


async def _erase(user_id: int, settings: Settings) -> dict[str, int]:
    """Erase a member here, or have the running bot do it; return what was kept, by its name."""
    from bot.store.erasure import erasure_is_requested

    if not settings.database_path.is_file():
        raise StoreError(f"There is no database at {settings.database_path}.")
    requested: dict[str, int] | None = None
    for _ in range(ATTEMPTS):
        try:
            kept = await _erase_here(user_id, settings)
            return kept if requested is None else requested
        except DatabaseInUse:
            # Tried again as long as the request stands: the bot may be stopped before it came to it.
            if requested is None:
                requested = await _request(user_id, settings.database_path)
            elif not erasure_is_requested(settings.database_path, user_id):
                return requested
            await asyncio.sleep(WAIT_SECONDS)
    raise StoreError(
        f"The running bot has not erased member {user_id} yet. The request is stored: the bot carries it out "
        "as soon as it can, at the latest at its next start. Its log says what keeps it from doing so."
    )


async def _request(user_id: int, path: Path) -> dict[str, int]:
    """Ask the running bot for an erasure; return what is kept of the member before it."""
    from bot.store.database import Database
    from bot.store.erasure import Erasure, request_erasure

    async with Database.view(path) as database:
        kept = await Erasure(database).count(user_id)
    request_erasure(path, user_id, time.time())
    print_line("the bot is running and erases the member; this takes a few seconds")
    return kept


async def _erase_here(user_id: int, settings: Settings) -> dict[str, int]:
    from bot.jobs.janitor import Janitor
    from bot.jobs.melodies import Melodies
    from bot.store.clips import Clips
    from bot.store.database import Database
    from bot.store.erasure import Erasure

    async with Database.open(settings.database_path, time.time()) as database:
        erasure = Erasure(database)
        kept = await erasure.count(user_id)
        await erasure.erase_member(user_id, time.time())
        if settings.clip_dir.is_dir():
            await Janitor(Clips(database), Melodies(settings.clip_dir), settings).remove_unrecorded()
    return kept


def _backups(database: Path) -> list[Path]:
    return sorted(database.parent.glob(f"{database.name}.before-*"))


def _user_id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 2**63):
        raise UserError(
            f"“{text}” is not a Discord ID. In Discord, turn on Developer Mode, right-click the "
            "member and choose Copy User ID."
        )
    return int(text)
