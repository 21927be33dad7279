"""`antiphon votes export`: the votes whose voters agreed, as a file for researchers (docs/votes.md)."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from bot.arena.export import KEY_BYTES, export
from bot.errors import StoreError
from bot.leaderboard.vote_reader import VoteReader
from bot.redact import redact


def export_votes(database: Path, target: Path) -> int:
    """Write the consented votes on closed duels to a new file; return their number.

    The key of the pseudonyms is `export.key` beside the database, created at the first export.
    Raises StoreError where there is no database, the target exists, or a file cannot be read or written.
    """
    if not database.is_file():
        raise StoreError(f"There are no votes: no database at {database}. The bot makes one when it starts.")
    key = _key(database.with_name("export.key"))
    written = 0
    with VoteReader(database) as reader:
        try:
            with target.open("x", encoding="utf-8", newline="\n") as file:
                for duel in reader.closed_duels():
                    for line in export(reader.votes_on(duel), key):
                        file.write(redact(line) + "\n")
                        written += 1
        except FileExistsError as error:
            raise StoreError(f"{target} already exists. Choose another name.") from error
        except (OSError, StoreError) as error:
            target.unlink(missing_ok=True)
            raise StoreError(f"{target} can't be written: {error}.") from error
    return written


def _key(path: Path) -> bytes:
    """Return the secret key of the pseudonyms, created with mode 0600 where there is none."""
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
        raise StoreError(f"The export key {path} can't be used: {error}.") from error
    if len(key) < KEY_BYTES:
        raise StoreError(f"The export key {path} is damaged: it has to hold {2 * KEY_BYTES} hex digits.")
    return key
