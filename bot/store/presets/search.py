"""Finding presets: while somebody types, and page by page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from bot.recipe import Mode
from bot.store.database import Database
from bot.store.presets.model import Preset, Scope, Viewer
from bot.store.presets.rows import NEWEST, VISIBLE, preset_of, seen_by

SHORT = 3
"""Below so many characters there is no trigram, and a word could be the start of too many."""
CANDIDATES = 400
"""So many matches in each index are ranked while somebody types; of the best-used ones, so many are read."""
_LAST = "\U0010ffff"


class Sort(StrEnum):
    """In which order presets are browsed."""

    RATING = "rating"
    USE = "use"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class Filter:
    """What to browse; a blank text, no tag and no mode mean all."""

    text: str = ""
    tag: str | None = None
    mode: Mode | None = None
    sort: Sort = Sort.RATING


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A preset while somebody types."""

    id: int
    name: str
    owner_id: int
    scope: Scope
    mode: Mode


class Search:
    """Reads the two indexes; what they hold is kept up to date by triggers."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def suggest(self, viewer: Viewer, text: str, key: str, limit: int = 25) -> list[Suggestion]:
        """Return presets for what was typed so far: own, then this server's, then public, by use and rating.

        key: the text as names are compared. Under three characters names that begin with it are found,
        from there on all words and any part of them, in every field.
        """
        asked = seen_by(viewer) | {"limit": limit, "key": key, "end": key + _LAST}
        if len(key) < SHORT:
            rows = await self._db.read(_STARTING if key else _ALL, asked)
        else:
            rows = await self._db.read(
                _RANKED, asked | {"ids": json.dumps(await self._candidates(text, asked))}
            )
        return [
            Suggestion(r["id"], r["name"], r["owner_id"], Scope(r["scope"]), Mode(r["mode"])) for r in rows
        ]

    async def _candidates(self, text: str, asked: dict[str, object]) -> list[int]:
        """Return what matches: everything where that is not much, else the nearest and best-used besides."""
        queries = {"preset_words": words_query(text), "preset_grams": grams_query(text)}
        found: set[int] = set()
        many = False
        for table, query in queries.items():
            if query is not None:
                match = {"query": query, "most": CANDIDATES}
                rows = await self._db.read(_FOUND.format(table=table), match)
                many = many or len(rows) == CANDIDATES
                found.update(row["id"] for row in rows)
        if many:
            parts = json.dumps([part.lower() for part in _plain(text)])
            rows = await self._db.read(_FOUND_AMONG_BEST, asked | {"parts": parts})
            found.update(row["id"] for row in rows)
        return sorted(found)

    async def browse(
        self, viewer: Viewer, wanted: Filter, key: str, *, limit: int, offset: int = 0
    ) -> list[Preset]:
        """Return what the viewer may see of what is wanted. key: its text as names are compared."""
        asked = seen_by(viewer) | {
            "tag": wanted.tag,
            "tag_words": f"tags : {_quoted(wanted.tag)}" if wanted.tag else None,
            "mode": wanted.mode,
            "limit": limit,
            "offset": offset,
            "key": key,
            "end": key + _LAST,
        }
        text = ""
        if 0 < len(key) < SHORT:
            text = "AND p.name_key >= :key AND p.name_key < :end"
        elif key:
            queries = {"words": words_query(wanted.text), "grams": grams_query(wanted.text)}
            asked |= queries
            text = f"AND p.id IN ({_matches(queries)})"
        tag = _TAGGED if wanted.tag else ""
        mode = "AND json_extract(v.body, '$.mode') = :mode" if wanted.mode else ""
        order = _ORDERS[wanted.sort]
        # The page's ids first: what a card counts is worked out for the page alone.
        sql = f"""
            {NEWEST} AND p.id IN (
                SELECT p.id FROM presets AS p JOIN preset_versions AS v ON v.preset_id = p.id
                WHERE v.number = p.version AND {VISIBLE} {text} {tag} {mode}
                ORDER BY {order} LIMIT :limit OFFSET :offset
            ) ORDER BY {order}
        """
        return [preset_of(row) for row in await self._db.read(sql, asked)]


def words_query(text: str) -> str | None:
    """Return an FTS5 query for all the words of a text, the last one perhaps unfinished; None without any.

    Words are quoted, so nothing in them is syntax; words without a letter or digit would match nothing.
    """
    words = [_quoted(word) for word in _plain(text) if any(c.isalnum() for c in word)]
    return " AND ".join(words) + "*" if words else None


def grams_query(text: str) -> str | None:
    """Return an FTS5 query for all parts of a text that have three characters or more; None without any."""
    parts = [_quoted(word) for word in _plain(text) if len(word) >= SHORT]
    return " AND ".join(parts) if parts else None


def _plain(text: str) -> list[str]:
    return text.replace("\0", " ").encode("utf-8", "ignore").decode().split()


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'


def _matches(queries: dict[str, str | None]) -> str:
    """Return a query for the ids that any of the indexes finds; none where there is nothing to look for."""
    found = [
        f"SELECT rowid FROM {table} WHERE {table} MATCH :{name}"
        for table, name in (("preset_words", "words"), ("preset_grams", "grams"))
        if queries[name]
    ]
    return " UNION ".join(found) or "SELECT NULL WHERE 0"


_TIERS = """
    p.owner_id = :user_id DESC, p.scope = 'server' DESC, p.uses DESC, p.rating DESC, p.name_key, p.id
"""
_SUGGESTED = """
SELECT p.id, p.name, p.owner_id, p.scope, json_extract(v.body, '$.mode') AS mode
FROM presets AS p JOIN preset_versions AS v ON v.preset_id = p.id AND v.number = p.version
"""
_NEAR = """
    SELECT * FROM (SELECT id FROM presets WHERE owner_id = :user_id AND deleted_at IS NULL {only}
                   ORDER BY uses DESC, rating DESC LIMIT {most})
    UNION SELECT * FROM (SELECT id FROM presets
                         WHERE guild_id = :guild_id AND scope = 'server' AND deleted_at IS NULL {only}
                         ORDER BY uses DESC, rating DESC LIMIT {most})
    UNION SELECT * FROM (SELECT id FROM presets INDEXED BY {index}
                         WHERE scope = 'public' AND deleted_at IS NULL {only}
                         ORDER BY {order} LIMIT {most})
"""
_BEST_USED = "uses DESC, rating DESC, id"
_BEGINS = "AND name_key >= :key AND name_key < :end"
_NEAREST = _NEAR.format(only="", most=CANDIDATES, index="presets_by_use", order=_BEST_USED)
_ALL = f"""
{_SUGGESTED} WHERE p.id IN ({_NEAREST})
    AND {VISIBLE} ORDER BY {_TIERS} LIMIT :limit
"""
_STARTING = f"""
{_SUGGESTED}
WHERE p.id IN ({_NEAR.format(only=_BEGINS, most=CANDIDATES, index="presets_by_name", order="name_key")}
    UNION SELECT id FROM ({_NEAREST}))
    AND p.name_key >= :key AND p.name_key < :end AND {VISIBLE}
ORDER BY {_TIERS} LIMIT :limit
"""
_RANKED = f"""
{_SUGGESTED} WHERE p.id IN (SELECT value FROM json_each(:ids)) AND {VISIBLE} ORDER BY {_TIERS} LIMIT :limit
"""
_FOUND = "SELECT rowid AS id FROM {table} WHERE {table} MATCH :query LIMIT :most"
_FOUND_AMONG_BEST = f"""
SELECT w.rowid AS id FROM preset_words AS w
WHERE w.rowid IN ({_NEAREST}) AND NOT EXISTS (
    SELECT 1 FROM json_each(:parts)
    WHERE instr(lower(w.name || ' ' || w.tags || ' ' || w.description || ' ' || w.template), value) = 0
)
"""
_TAGGED = """
AND p.id IN (SELECT rowid FROM preset_words WHERE preset_words MATCH :tag_words)
AND EXISTS (SELECT 1 FROM json_each(v.body, '$.tags') WHERE value = :tag)
"""
_ORDERS = {
    Sort.RATING: "p.rating DESC, p.uses DESC, p.id DESC",
    Sort.USE: "p.uses DESC, p.rating DESC, p.id DESC",
    Sort.NEWEST: "p.created_at DESC, p.id DESC",
}
