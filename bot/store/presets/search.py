"""Search for presets: autocomplete, and browsing page by page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from bot.recipe import Mode
from bot.store.database import Database
from bot.store.presets.model import BOT, Preset, Scope, Viewer
from bot.store.presets.rows import NEWEST, VISIBLE, preset_of, seen_by

MIN_QUERY = 3
"""Characters from which the full-text indexes are searched: a shorter text has no trigram, and is the start
of too many words."""
MAX_CANDIDATES = 400
"""Matches of each index, and best-used presets, that are ranked for one autocomplete."""
_LAST = "\U0010ffff"


class Sort(StrEnum):
    """The order in which presets are browsed."""

    RATING = "rating"
    USE = "use"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class Filter:
    """The filter of a browsing; a blank text, no tag and no mode match all presets.

    starters: the mode in which the bot's own presets are shown, which exist in every mode; None for all.
    """

    text: str = ""
    tag: str | None = None
    mode: Mode | None = None
    sort: Sort = Sort.RATING
    starters: Mode | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An autocomplete choice."""

    id: int
    name: str
    owner_id: int
    scope: Scope
    mode: Mode


class Search:
    """Queries on the two full-text indexes, which triggers keep up to date."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def suggest(self, viewer: Viewer, text: str, key: str, limit: int = 25) -> list[Suggestion]:
        """Return the presets that match an unfinished text: own, this server's, then public, by use, rating.

        key: the text's normalized form, by which names are compared. Below MIN_QUERY characters it matches
        the start of names, from there on all words and any part of them, in every field.
        """
        asked = seen_by(viewer) | {"limit": limit, "key": key, "end": key + _LAST}
        if len(key) < MIN_QUERY:
            rows = await self._db.read(_SUGGEST_BY_START if key else _SUGGEST_ANY, asked)
        else:
            rows = await self._db.read(
                _SUGGEST_BY_ID, asked | {"ids": json.dumps(await self._candidates(text, asked))}
            )
        return [
            Suggestion(r["id"], r["name"], r["owner_id"], Scope(r["scope"]), Mode(r["mode"])) for r in rows
        ]

    async def _candidates(self, text: str, asked: dict[str, object]) -> list[int]:
        """Return the ids that match: all, or MAX_CANDIDATES of each index plus the best-used ones."""
        queries = {"preset_words": words_query(text), "preset_grams": grams_query(text)}
        found: set[int] = set()
        many = False
        for table, query in queries.items():
            if query is not None:
                match = {"query": query, "limit": MAX_CANDIDATES}
                rows = await self._db.read(_MATCH_INDEX.format(table=table), match)
                many = many or len(rows) == MAX_CANDIDATES
                found.update(row["id"] for row in rows)
        if many:
            parts = json.dumps([part.lower() for part in _words(text)])
            rows = await self._db.read(_MATCH_AMONG_BEST, asked | {"parts": parts})
            found.update(row["id"] for row in rows)
        return sorted(found)

    async def browse(
        self, viewer: Viewer, wanted: Filter, key: str, *, limit: int, offset: int = 0
    ) -> list[Preset]:
        """Return a page of presets that the viewer may see. key: the filter's text, normalized like names."""
        asked = seen_by(viewer) | {
            "tag": wanted.tag,
            "tag_words": f"tags : {_quoted(wanted.tag)}" if wanted.tag else None,
            "mode": wanted.mode,
            "starters": wanted.starters,
            "limit": limit,
            "offset": offset,
            "key": key,
            "end": key + _LAST,
        }
        # Without a text the page is read from an index of its order, with a short one from that of the names.
        text = ""
        if 0 < len(key) < MIN_QUERY:
            text = "AND p.name_key >= :key AND p.name_key < :end"
        elif key:
            queries = {"words": words_query(wanted.text), "grams": grams_query(wanted.text)}
            asked |= queries
            text = f"AND p.id IN ({_matches(queries)})"
        tag = _TAGGED if wanted.tag else ""
        mode = "AND json_extract(v.body, '$.mode') = :mode" if wanted.mode else ""
        if wanted.starters:
            mode += f" AND (p.owner_id <> {BOT} OR json_extract(v.body, '$.mode') = :starters)"
        order = _ORDERS[wanted.sort]
        # The page's ids first: the subqueries of COLUMNS, such as the number of forks, run for these alone.
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
    words = [_quoted(word) for word in _words(text) if any(c.isalnum() for c in word)]
    return " AND ".join(words) + "*" if words else None


def grams_query(text: str) -> str | None:
    """Return an FTS5 query for all parts of a text that have three characters or more; None without any."""
    parts = [_quoted(word) for word in _words(text) if len(word) >= MIN_QUERY]
    return " AND ".join(parts) if parts else None


def _words(text: str) -> list[str]:
    return text.replace("\0", " ").encode("utf-8", "ignore").decode().split()


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'


def _matches(queries: dict[str, str | None]) -> str:
    """Return SQL for the ids that match in either index; one without rows where both queries are empty."""
    found = [
        f"SELECT rowid FROM {table} WHERE {table} MATCH :{name}"
        for table, name in (("preset_words", "words"), ("preset_grams", "grams"))
        if queries[name]
    ]
    return " UNION ".join(found) or "SELECT NULL WHERE 0"


_SUGGESTION_ORDER = """
    p.owner_id = :user_id DESC, p.scope = 'server' DESC, p.uses DESC, p.rating DESC, p.name_key, p.id
"""
_SELECT_SUGGESTION = """
SELECT p.id, p.name, p.owner_id, p.scope, json_extract(v.body, '$.mode') AS mode
FROM presets AS p JOIN preset_versions AS v ON v.preset_id = p.id AND v.number = p.version
"""
_NEAREST_TEMPLATE = """
    SELECT * FROM (SELECT id FROM presets WHERE owner_id = :user_id AND deleted_at IS NULL {only}
                   ORDER BY uses DESC, rating DESC LIMIT {limit})
    UNION SELECT * FROM (SELECT id FROM presets
                         WHERE guild_id = :guild_id AND scope = 'server' AND deleted_at IS NULL {only}
                         ORDER BY uses DESC, rating DESC LIMIT {limit})
    UNION SELECT * FROM (SELECT id FROM presets INDEXED BY {index}
                         WHERE scope = 'public' AND deleted_at IS NULL {only}
                         ORDER BY {order} LIMIT {limit})
"""
_BY_USE = "uses DESC, rating DESC, id"
_STARTS_WITH = "AND name_key >= :key AND name_key < :end"
_NEAREST = _NEAREST_TEMPLATE.format(only="", limit=MAX_CANDIDATES, index="presets_by_use", order=_BY_USE)
_NEAREST_BY_NAME = _NEAREST_TEMPLATE.format(
    only=_STARTS_WITH, limit=MAX_CANDIDATES, index="presets_by_name", order="name_key"
)
_SUGGEST_ANY = f"""
{_SELECT_SUGGESTION} WHERE p.id IN ({_NEAREST})
    AND {VISIBLE} ORDER BY {_SUGGESTION_ORDER} LIMIT :limit
"""
_SUGGEST_BY_START = f"""
{_SELECT_SUGGESTION}
WHERE p.id IN ({_NEAREST_BY_NAME}
    UNION SELECT id FROM ({_NEAREST}))
    AND p.name_key >= :key AND p.name_key < :end AND {VISIBLE}
ORDER BY {_SUGGESTION_ORDER} LIMIT :limit
"""
_SUGGEST_BY_ID = f"""
{_SELECT_SUGGESTION} WHERE p.id IN (SELECT value FROM json_each(:ids)) AND {VISIBLE}
ORDER BY {_SUGGESTION_ORDER} LIMIT :limit
"""
_MATCH_INDEX = "SELECT rowid AS id FROM {table} WHERE {table} MATCH :query LIMIT :limit"
_MATCH_AMONG_BEST = f"""
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
