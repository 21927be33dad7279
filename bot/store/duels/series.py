"""Series of duels: which contenders meet, how far a series is, and its votes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.errors import BLOCKED_WORDS, LimitReached, NotFound
from bot.recipe import Recipe
from bot.store.database import Database, Row, one
from bot.store.duels.model import DuelState


class SeriesState(StrEnum):
    """running → ended → posted; an ended one waits for its last duel, and for its result to be posted."""

    RUNNING = "running"
    ENDED = "ended"
    POSTED = "posted"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSeries:
    """A series to store.

    prompts: as they were typed.  recipes: a row a prompt, a recipe a contender.  duels: how many, 1 or more.
    skipped: the prompts that are left out, by their numbers from 0, with the reasons.
    """

    names: tuple[str, ...]
    prompts: tuple[str, ...]
    recipes: tuple[tuple[Recipe, ...], ...]
    duels: int
    user_id: int
    guild_id: int
    channel_id: int
    application_id: int
    max_bytes: int
    skipped: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series(NewSeries):
    """A stored series. why: the reason of an early end, else empty."""

    id: int
    state: SeriesState
    why: str

    def prompt_of(self, duel: int) -> int | None:
        """Return the number of the prompt of the duel with this number, both from 0; None where none is left.

        The prompts that are not left out take turns.
        """
        left = [number for number in range(len(self.prompts)) if number not in self.skipped]
        return left[duel % len(left)] if left else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a series is.

    over: duels that took votes and are closed.  unfinished: the id of the duel that is made or takes votes.
    failures: duels in a row, up to the last one, that could not be started.  error: of the last of these.
    blocked: the prompts that AutoMod refused; their duels are no failures.
    """

    over: int
    unfinished: int | None
    failures: int
    error: str
    blocked: frozenset[str] = frozenset()


class SeriesStore:
    """Queries and state transitions of series."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def start(self, new: NewSeries, now: float) -> Series:
        """Store a series. Raises LimitReached where the member has one running in that server."""
        values = {
            "names": json.dumps(new.names, ensure_ascii=False),
            "prompts": json.dumps(new.prompts, ensure_ascii=False),
            "skipped": json.dumps(new.skipped),
            "recipes": json.dumps([[r.to_json() for r in row] for row in new.recipes], ensure_ascii=False),
            "duels": new.duels,
            "user_id": new.user_id,
            "guild_id": new.guild_id,
            "channel_id": new.channel_id,
            "application_id": new.application_id,
            "max_bytes": new.max_bytes,
            "now": now,
        }
        row = await self._db.change_one(_INSERT, values)
        if row is None:
            raise _has_one()
        return _series_of(row)

    async def check_free(self, user_id: int, guild_id: int) -> None:
        """Raise LimitReached where the member has a series running in that server."""
        if await self._db.read_one(_SELECT_RUNNING_OF, {"user_id": user_id, "guild_id": guild_id}):
            raise _has_one()

    async def get(self, series_id: int, guild_id: int) -> Series:
        """Return a series of a server. Raises NotFound."""
        row = await self._db.read_one(
            "SELECT * FROM series WHERE id = :id AND guild_id = :guild_id",
            {"id": series_id, "guild_id": guild_id},
        )
        if row is None:
            raise NotFound("There is no series {series_id} in this server.", series_id=series_id)
        return _series_of(row)

    async def going(self) -> list[Series]:
        """Return the series that run, or whose result is to be posted, oldest first."""
        return [_series_of(row) for row in await self._db.read(_SELECT_GOING, {"posted": SeriesState.POSTED})]

    async def newest_in(self, guild_id: int, limit: int) -> list[Series]:
        """Return a server's series, newest first."""
        found = {"guild_id": guild_id, "limit": limit}
        return [_series_of(row) for row in await self._db.read(_SELECT_NEWEST, found)]

    async def progress(self, series_id: int) -> Progress:
        """Return how far a series is."""
        over, unfinished, failures, error = 0, None, 0, ""
        blocked = set()
        for row in await self._db.read(_SELECT_DUELS, {"id": series_id}):
            state = DuelState(row["state"])
            if state is DuelState.FAILED and row["error"] == BLOCKED_WORDS:
                blocked.add(row["prompt"])
                continue
            if state is DuelState.FAILED:
                failures, error = failures + 1, row["error"] or ""
                continue
            failures, error = 0, ""
            if state is DuelState.REVEALED:
                over += 1
            else:
                unfinished = row["id"]
        return Progress(
            over=over, unfinished=unfinished, failures=failures, error=error, blocked=frozenset(blocked)
        )

    async def skip(self, series: Series, numbers: Iterable[int], why: str) -> bool:
        """Leave out prompts of a running series, by their numbers from 0; False where it did not run."""
        skipped = dict(series.skipped) | dict.fromkeys(numbers, why)
        return bool(await self._db.change(_SET_SKIPPED, {"id": series.id, "skipped": json.dumps(skipped)}))

    async def wins(self, series_id: int, contenders: int) -> list[list[int]]:
        """Return the counted votes of each contender over each other one, in closed duels alone."""
        wins = [[0] * contenders for _ in range(contenders)]
        for row in await self._db.read(_SELECT_WINS, {"id": series_id}):
            wins[row["winner"]][row["loser"]] += row["n"]
        return wins

    async def end(self, series_id: int, why: str, now: float) -> bool:
        """End a running series; False where it did not run. why: empty where all duels are over."""
        return bool(await self._db.change(_SET_ENDED, {"id": series_id, "why": why, "now": now}))

    async def posting(self, series_id: int, now: float) -> float | None:
        """Record the time of a first attempt to post the result; return the one on record before."""
        async with self._db.write() as tx:
            row = await one(tx, "SELECT posting_at FROM series WHERE id = :id", {"id": series_id})
            await tx.execute(_SET_SERIES_POSTING, {"id": series_id, "now": now})
        first: float | None = row["posting_at"] if row else None
        return first

    async def posted(self, series_id: int) -> None:
        """Record that the result was posted, or cannot be."""
        async with self._db.write() as tx:
            await tx.execute(
                "UPDATE series SET state = 'posted' WHERE id = :id AND state = 'ended'", {"id": series_id}
            )


def _has_one() -> LimitReached:
    return LimitReached(
        "You already have a series running in this server. Stop it with `/duel stop`, or wait for its end."
    )


def _series_of(row: Row) -> Series:
    recipes = tuple(tuple(map(Recipe.from_json, one_row)) for one_row in json.loads(row["recipes"]))
    return Series(
        id=row["id"],
        state=SeriesState(row["state"]),
        names=tuple(json.loads(row["names"])),
        # A series of an older version has no prompts of its own.
        prompts=tuple(json.loads(row["prompts"])) or tuple(one_row[0].prompt for one_row in recipes),
        recipes=recipes,
        skipped={int(number): why for number, why in json.loads(row["skipped"]).items()},
        duels=row["duels"],
        user_id=row["user_id"],
        guild_id=row["guild_id"],
        channel_id=row["channel_id"],
        application_id=row["application_id"],
        max_bytes=row["max_bytes"],
        why=row["why"],
    )


_INSERT = """
INSERT INTO series (names, prompts, recipes, skipped, duels, user_id, guild_id, channel_id, application_id,
                    max_bytes, created_at)
SELECT :names, :prompts, :recipes, :skipped, :duels, :user_id, :guild_id, :channel_id, :application_id,
       :max_bytes, :now
WHERE NOT EXISTS (SELECT 1 FROM series
                  WHERE user_id = :user_id AND guild_id = :guild_id AND state = 'running')
RETURNING *
"""
_SELECT_RUNNING_OF = """
SELECT 1 FROM series WHERE user_id = :user_id AND guild_id = :guild_id AND state = 'running'
"""
_SELECT_GOING = "SELECT * FROM series WHERE state <> :posted ORDER BY id"
_SELECT_NEWEST = "SELECT * FROM series WHERE guild_id = :guild_id ORDER BY id DESC LIMIT :limit"
_SELECT_DUELS = "SELECT id, state, error, prompt FROM duels WHERE series_id = :id ORDER BY id"
_SELECT_WINS = """
SELECT won.contender AS winner, lost.contender AS loser, count(*) AS n
FROM duels
JOIN duel_votes ON duel_votes.duel_id = duels.id AND excluded_reason IS NULL
JOIN duel_sides AS won ON won.duel_id = duels.id AND won.side = choice
JOIN duel_sides AS lost ON lost.duel_id = duels.id AND lost.side <> choice
WHERE series_id = :id AND state IN ('closed', 'revealed')
GROUP BY winner, loser
"""
_SET_SKIPPED = "UPDATE series SET skipped = :skipped WHERE id = :id AND state = 'running' RETURNING id"
_SET_ENDED = """
UPDATE series SET state = 'ended', why = :why, ended_at = :now
WHERE id = :id AND state = 'running' RETURNING id
"""
_SET_SERIES_POSTING = "UPDATE series SET posting_at = :now WHERE id = :id AND posting_at IS NULL"
