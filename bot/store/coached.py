"""What the coach remembers: prompts that its buttons refer to, and who wants no line under their clips."""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import NotFound, StoreError
from bot.recipe import Mode
from bot.store.database import Database, one

KEPT = 50
"""So many prompts of each member; older ones are forgotten."""


@dataclass(frozen=True, slots=True)
class Coached:
    """A prompt that was shown to a member, and what it was for. seconds: None where nobody said."""

    id: int
    user_id: int
    prompt: str
    mode: Mode
    seconds: float | None


class CoachStore:
    """The coach's two tables."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def remember(
        self, user_id: int, prompt: str, mode: Mode, seconds: float | None, now: float
    ) -> Coached:
        """Keep a prompt for the buttons under an answer, and forget the member's oldest beyond KEPT."""
        asked = {"user_id": user_id, "prompt": prompt, "mode": mode, "seconds": seconds, "now": now}
        async with self._db.write() as tx:
            row = await one(await tx.execute(_INSERT_COACHED, asked))
            await tx.execute(_DELETE_OLD_COACHED, {"user_id": user_id, "kept": KEPT})
        if row is None:
            raise StoreError("A prompt for the coach was not stored.")
        return Coached(row["id"], user_id, prompt, mode, seconds)

    async def get(self, coached_id: int, user_id: int) -> Coached:
        """Return a prompt that was shown to this member. Raises NotFound."""
        row = await self._db.read_one(
            "SELECT * FROM coached WHERE id = :id AND user_id = :user_id",
            {"id": coached_id, "user_id": user_id},
        )
        if row is None:
            raise NotFound("I no longer remember that prompt. Ask again with `/coach`.")
        return Coached(row["id"], row["user_id"], row["prompt"], Mode(row["mode"]), row["seconds"])

    async def speaks_to(self, user_id: int) -> bool:
        """Tell whether a member wants the line under their clips."""
        row = await self._db.read_one("SELECT 1 FROM coach_silenced WHERE user_id = :id", {"id": user_id})
        return row is None

    async def speak(self, user_id: int, wanted: bool) -> None:
        """Turn the line under a member's clips on or off."""
        sql = (
            "DELETE FROM coach_silenced WHERE user_id = :id"
            if wanted
            else "INSERT INTO coach_silenced (user_id) VALUES (:id) ON CONFLICT DO NOTHING"
        )
        async with self._db.write() as tx:
            await tx.execute(sql, {"id": user_id})


_INSERT_COACHED = """
INSERT INTO coached (user_id, prompt, mode, seconds, created_at)
VALUES (:user_id, :prompt, :mode, :seconds, :now) RETURNING id
"""
_DELETE_OLD_COACHED = """
DELETE FROM coached WHERE user_id = :user_id AND id <= (
    SELECT id FROM coached WHERE user_id = :user_id ORDER BY id DESC LIMIT 1 OFFSET :kept
)
"""
