"""What the queue said about jobs at their request, and how long they took: the columns of the table jobs."""

from __future__ import annotations

from collections.abc import Mapping

from bot.store.database import Database, Transaction
from bot.store.personal_rules import NOBODY

MAX_OUTCOMES = 1_000
"""Of so many of the newest jobs those that were delivered are read."""


class Expectations:
    """Expected and real times of jobs."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def record(self, expected: Mapping[int, tuple[float, int]]) -> None:
        """Store by job (seconds until delivery by the queue alone, jobs of its member that wait before)."""

        def store(tx: Transaction) -> None:
            for job_id, (seconds, before) in expected.items():
                tx.execute(_SET_EXPECTED, {"id": job_id, "seconds": seconds, "before": before})

        await self._db.transact(store)

    async def outcomes(self) -> list[tuple[bool, int, float, float]]:
        """Return (newcomer, own jobs before it, seconds expected, seconds taken) of jobs delivered lately."""
        rows = await self._db.read(_SELECT_OUTCOMES, {"limit": MAX_OUTCOMES, "nobody": NOBODY})
        return [(bool(row["newcomer"]), row["own_before"], row["expected"], row["took"]) for row in rows]


_SET_EXPECTED = "UPDATE jobs SET expected_seconds = :seconds, own_before = :before WHERE id = :id"
# Takes and duels are shown together once the last of them is there.
_SELECT_OUTCOMES = """
SELECT newcomer, own_before, expected_seconds AS expected, finished_at - created_at AS took
FROM (SELECT * FROM jobs ORDER BY id DESC LIMIT :limit)
WHERE state = 'delivered' AND expected_seconds IS NOT NULL AND finished_at > created_at
  AND in_duel = 0 AND takes_of IS NULL AND user_id <> :nobody
"""
