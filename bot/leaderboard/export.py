"""`antiphon votes export`: the votes whose voters agreed, as a file for researchers (docs/votes.md)."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from bot.arena.export import KEY_BYTES, export
from bot.errors import StoreError
from bot.leaderboard.convert import entries
from bot.redact import redact
from bot.store.duels.votes import VoteReader


def export_votes(database: Path, target: Path) -> int:
    """Write the consented votes on closed duels and return how many there are. Never overwrites.

    The key of the pseudonyms lies beside the database as `export.key`, made at the first export.
    Raises StoreError where a file is in the way or cannot be read or written.
    """
    key = _key(database.with_name("export.key"))
    written = 0
    with VoteReader(database) as reader:
        try:
            with target.open("x", encoding="utf-8", newline="\n") as file:
                for duel in reader.closed_duels():
                    for line in export(entries(duel, reader.votes_on(duel.id)), key):
                        file.write(redact(line) + "\n")
                        written += 1
        except FileExistsError as error:
            raise StoreError(f"{target} is there already: choose another name.") from error
        except (OSError, StoreError) as error:
            target.unlink(missing_ok=True)
            raise StoreError(f"{target} cannot be written: {error}.") from error
    return written


def _key(path: Path) -> bytes:
    """Return the owner's secret key; it is made where there is none, for the owner's eyes only."""
    try:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        else:
            key = secrets.token_bytes(KEY_BYTES)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(key.hex() + "\n")
    except (OSError, ValueError) as error:
        raise StoreError(f"The export key {path} cannot be used: {error}.") from error
    if len(key) < KEY_BYTES:
        raise StoreError(f"The export key {path} is damaged: it has to hold {2 * KEY_BYTES} hex digits.")
    return key
