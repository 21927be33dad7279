"""Search for clips: a member's own, or those that were posted in a server, newest first.

Every term of the words has to be found, each in one of three ways: as the start of a word, without regard to
case and accents; as any three characters or more in a row; or, where it is shorter and not made of ASCII
letters and digits, as a part of the text, which finds 東京 and 🎹 wherever they stand.

The newest clips are looked at first, and so many more each time as long as a page is not full: a common word
fills it at once, though a hundred thousand clips hold it, and a rare one has few rows in the index.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import NotFound, StoreError
from bot.recipe import Mode
from bot.store.clips import Clip, clip_of
from bot.store.database import Database, one
from bot.store.personal_rules import NOBODY
from bot.text import sanitize

MAX_ID = 2**63 - 1
MAX_TERMS = 16
"""Terms that are searched for; further ones are ignored."""
MAX_SEARCHES = 30
"""Stored searches of each member; older ones are deleted."""
GRAM = 3
"""Characters of the shortest term that the index of character runs finds."""
NEWEST = 64
"""So many of the newest clips that are not ruled out by anything else are searched first."""
GROWTH = 8
"""How many times as many are searched next, where the page is not full."""
STEPS = 4
"""Of these the last one searches all that are left."""
BY_ROW_CHARACTERS = 3
"""Terms up to this length have an index of their own (`prefix` in the migration), so one is looked up for a
single clip in 0.1 ms. For longer ones the index of words gathers all clips that hold them each time."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A clip in /history. reason: why it has no message to link to; None where it has one."""

    clip: Clip
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFilter:
    """The filter of a search; blank words and None match all clips.

    in_server: whether the clips of everybody in a server are searched, not the member's own.
    """

    words: str = ""
    mode: Mode | None = None
    model: str | None = None
    preset_id: int | None = None
    in_server: bool = False


@dataclass(frozen=True, slots=True)
class VisibleChannels:
    """The channels of a server that a member can see."""

    guild_id: int
    channel_ids: Sequence[int]


class ClipSearch:
    """Queries on the clips and their full-text indexes, which triggers keep up to date; stored searches."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def own(
        self, user_id: int, wanted: ClipFilter, *, before: int | None, limit: int
    ) -> list[HistoryEntry]:
        """Return a member's clips, newest first, below the id `before` where one is given.

        Clips of a duel that is not over are left out: they would tell which side is which.
        """
        return await self._page(OWN, {"user_id": user_id}, wanted, before, limit)

    async def in_server(
        self, visible: VisibleChannels, wanted: ClipFilter, *, before: int | None, limit: int
    ) -> list[HistoryEntry]:
        """Return what was posted in the visible channels of a server and is still there, newest first.

        Left out are clips that were shown to one member alone, of a duel that is not over, and of nobody.
        """
        where = {"guild_id": visible.guild_id, "channels": json.dumps(list(visible.channel_ids))}
        return await self._page(IN_SERVER, where, wanted, before, limit)

    async def _page(
        self, scope: str, where: Mapping[str, Any], wanted: ClipFilter, before: int | None, limit: int
    ) -> list[HistoryEntry]:
        filters, values = _filters(wanted)
        scoped = " AND ".join((scope, *filters))
        lowest = _SELECT_LOWEST.format(where=scoped)
        entries: list[HistoryEntry] = []
        high = MAX_ID if before is None else before - 1
        for step in range(STEPS):
            terms, typed = _terms(wanted.words, by_row=step == 0)
            found = _SELECT_CLIPS_FOUND.format(where=" AND ".join((scoped, *terms)))
            low = 0
            # Without a term, or at the last step, nothing is gained by looking at a part.
            if terms and step < STEPS - 1:
                span = {"high": high, "newest": NEWEST * GROWTH**step - 1}
                row = await self._db.read_one(lowest, {**where, **values, **span})
                low = row["id"] if row else 0
            page = {"low": low, "high": high, "limit": limit - len(entries)}
            rows = await self._db.read(found, {**where, **values, **typed, **page})
            entries += [HistoryEntry(clip_of(row), row["reason"]) for row in rows]
            if len(entries) >= limit or low == 0:
                break
            high = low - 1
        return entries

    async def store(self, user_id: int, wanted: ClipFilter, now: float) -> int:
        """Store a search for the buttons under its pages, and return its id."""
        values = {
            "user_id": user_id,
            "words": wanted.words,
            "mode": wanted.mode,
            "model": wanted.model,
            "preset_id": wanted.preset_id,
            "in_server": int(wanted.in_server),
            "now": now,
        }
        async with self._db.write() as tx:
            row = await one(tx, _INSERT_SEARCH, values)
            await tx.execute(_DELETE_OLD_SEARCHES, {"user_id": user_id, "kept": MAX_SEARCHES})
        if row is None:
            raise StoreError("A search was not stored.")
        return int(row["id"])

    async def stored(self, user_id: int, search_id: int) -> ClipFilter:
        """Return a search of this member. Raises NotFound."""
        row = await self._db.read_one(
            "SELECT * FROM clip_searches WHERE id = :id AND user_id = :user_id",
            {"id": search_id, "user_id": user_id},
        )
        if row is None:
            raise NotFound("I no longer remember that search. Search again with `/history`.")
        return ClipFilter(
            words=row["words"],
            mode=Mode(row["mode"]) if row["mode"] else None,
            model=row["model"],
            preset_id=row["preset_id"],
            in_server=bool(row["in_server"]),
        )


def search_terms(words: str) -> list[str]:
    """Return the terms of typed words, at most MAX_TERMS, cleaned up as prompts are."""
    return list(dict.fromkeys(sanitize(words.replace("\0", " ")).split()))[:MAX_TERMS]


def _terms(words: str, *, by_row: bool) -> tuple[list[str], dict[str, Any]]:
    """Return a SQL condition on clips for each term of the words, and their parameters.

    by_row: look short terms up for each clip, which pays for few clips.
    """
    conditions: list[str] = []
    values: dict[str, Any] = {}
    for number, term in enumerate(search_terms(words)):
        condition, needed = _term(term, f"t{number}", by_row and len(term) <= BY_ROW_CHARACTERS)
        conditions.append(condition)
        values |= needed
    return conditions, values


def _filters(wanted: ClipFilter) -> tuple[list[str], dict[str, Any]]:
    """Return SQL conditions on clips for everything but the words, and their parameters."""
    conditions: list[str] = []
    values: dict[str, Any] = {}
    if wanted.mode is not None:
        conditions.append("json_extract(clips.recipe, '$.mode') = :mode")
        values["mode"] = wanted.mode
    if wanted.model is not None:
        conditions.append("json_extract(clips.recipe, '$.model') = :model")
        values["model"] = wanted.model
    if wanted.preset_id is not None:
        conditions.append(
            "clips.preset_version IN (SELECT id FROM preset_versions WHERE preset_id = :preset_id)"
        )
        values["preset_id"] = wanted.preset_id
    return conditions, values


def _term(term: str, name: str, by_row: bool) -> tuple[str, dict[str, str]]:
    """Return the condition that a clip's text holds a term, and its parameters, named after `name`."""
    quoted = '"' + term.replace('"', '""') + '"'
    ways: list[str] = []
    values: dict[str, str] = {}
    indexes: list[str] = []
    # A term with a sign, such as C#, is found as it stands: the index of words knows no signs.
    if term.isalnum():
        indexes.append("word")
        values[f"{name}_word"] = quoted + "*"
    if len(term) >= GRAM:
        indexes.append("gram")
        values[f"{name}_gram"] = quoted
    elif not (term.isascii() and term.isalnum()):
        ways.append(f"instr({_LOWER_TEXT}, lower(:{name})) > 0")
        values[name] = term
    rows = "rowid = clips.id" if by_row else "rowid BETWEEN :low AND :high"
    matches = [
        f"SELECT rowid FROM clip_{index}s WHERE clip_{index}s MATCH :{name}_{index} AND {rows}"
        for index in indexes
    ]
    if by_row:
        ways += [f"EXISTS ({match})" for match in matches]
    elif matches:
        ways.append(f"clips.id IN ({' UNION '.join(matches)})")
    return f"({' OR '.join(ways)})", values


_LOWER_TEXT = "lower((SELECT text FROM clip_words WHERE rowid = clips.id))"
OWN = "clips.user_id = :user_id AND NOT (in_duel = 1 AND state = 'rendered')"
IN_SERVER = f"""
clips.guild_id = :guild_id AND clips.channel_id IN (SELECT value FROM json_each(:channels))
  AND clips.message_id IS NOT NULL AND ephemeral = 0 AND state = 'delivered' AND clips.user_id <> {NOBODY}
"""
_SELECT_CLIPS_FOUND = """
SELECT clips.*, CASE
        WHEN ephemeral = 1 THEN 'shown to you alone, which Discord forgets when it restarts'
        WHEN opened = 1 THEN 'opened from a file'
        WHEN clips.message_id IS NOT NULL THEN NULL
        WHEN message_deleted_at IS NOT NULL THEN 'its message was deleted in Discord'
        WHEN state = 'rendered' THEN 'on its way'
        ELSE 'not delivered' || coalesce(': ' || error, '')
    END AS reason
FROM clips JOIN jobs ON jobs.id = job_id
WHERE deleted_at IS NULL AND clips.id BETWEEN :low AND :high AND {where}
ORDER BY clips.id DESC LIMIT :limit
"""
_SELECT_LOWEST = """
SELECT clips.id FROM clips JOIN jobs ON jobs.id = job_id
WHERE deleted_at IS NULL AND clips.id <= :high AND {where}
ORDER BY clips.id DESC LIMIT 1 OFFSET :newest
"""
_INSERT_SEARCH = """
INSERT INTO clip_searches (user_id, words, mode, model, preset_id, in_server, created_at)
VALUES (:user_id, :words, :mode, :model, :preset_id, :in_server, :now) RETURNING id
"""
_DELETE_OLD_SEARCHES = """
DELETE FROM clip_searches WHERE user_id = :user_id AND id <= (
    SELECT id FROM clip_searches WHERE user_id = :user_id ORDER BY id DESC LIMIT 1 OFFSET :kept
)
"""
