"""The requests of the last day, for the owner's picture of it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.store.database import Database
from bot.store.job_model import State


@dataclass(frozen=True, slots=True)
class DayRow:
    """A request. Times are Unix seconds.  real_time_factor: render seconds per second of audio, of a clip."""

    state: State
    created_at: float
    claimed_at: float | None
    model: str
    real_time_factor: float | None


class DayStore:
    """Reads of jobs by time."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def since(self, since: float) -> list[DayRow]:
        """Return the requests made after a time, oldest first."""
        rows = await self._db.read(_SELECT_DAY, {"since": since})
        return [
            DayRow(
                State(row["state"]),
                row["created_at"],
                row["claimed_at"],
                row["model"],
                row["real_time_factor"],
            )
            for row in rows
        ]


_SELECT_DAY = """
SELECT state, jobs.created_at, claimed_at, json_extract(jobs.recipe, '$.model') AS model,
       json_extract(facts, '$.real_time_factor') AS real_time_factor
FROM jobs LEFT JOIN clips ON clips.job_id = jobs.id
WHERE jobs.created_at > :since ORDER BY jobs.id
"""
