"""The coach's tables: prompts that its buttons refer to, and members without hints under their clips."""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import NotFound, StoreError
from bot.recipe import Mode
from bot.store.database import Database, one

MAX_PROMPTS = 50
"""Stored prompts of each member; older ones are deleted."""


@dataclass(frozen=True, slots=True)
class CoachedPrompt:
    """A prompt that was shown to a member, and what it was written for. seconds: None where nobody said."""

    id: int
    user_id: int
    prompt: str
    mode: Mode
    seconds: float | None


class CoachStore:
    """The tables coached and coach_silenced."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(
        self, user_id: int, prompt: str, mode: Mode, seconds: float | None, now: float
    ) -> CoachedPrompt:
        """Store a prompt for the buttons under an answer; the member keeps the newest MAX_PROMPTS."""
        values = {"user_id": user_id, "prompt": prompt, "mode": mode, "seconds": seconds, "now": now}
        async with self._db.write() as tx:
            row = await one(tx, _INSERT_COACHED, values)
            await tx.execute(_DELETE_OLD_COACHED, {"user_id": user_id, "kept": MAX_PROMPTS})
        if row is None:
            raise StoreError("A prompt for the coach was not stored.")
        return CoachedPrompt(row["id"], user_id, prompt, mode, seconds)

    async def get(self, coached_id: int, user_id: int) -> CoachedPrompt:
        """Return a prompt that was shown to this member. Raises NotFound."""
        row = await self._db.read_one(
            "SELECT * FROM coached WHERE id = :id AND user_id = :user_id",
            {"id": coached_id, "user_id": user_id},
        )
        if row is None:
            raise NotFound("I no longer remember that prompt. Ask again with `/coach`.")
        return CoachedPrompt(row["id"], row["user_id"], row["prompt"], Mode(row["mode"]), row["seconds"])

    async def wants_hints(self, user_id: int) -> bool:
        """Tell whether a member has hints under their clips; they are on at first."""
        row = await self._db.read_one("SELECT 1 FROM coach_silenced WHERE user_id = :id", {"id": user_id})
        return row is None

    async def set_hints(self, user_id: int, *, wanted: bool) -> None:
        """Switch the hints under a member's clips on or off."""
        sql = (
            "DELETE FROM coach_silenced WHERE user_id = :id"
            if wanted
            else "INSERT INTO coach_silenced (user_id) VALUES (:id) ON CONFLICT DO NOTHING"
        )
        await self._db.change(sql, {"id": user_id})


_INSERT_COACHED = """
INSERT INTO coached (user_id, prompt, mode, seconds, created_at)
VALUES (:user_id, :prompt, :mode, :seconds, :now) RETURNING id
"""
_DELETE_OLD_COACHED = """
DELETE FROM coached WHERE user_id = :user_id AND id <= (
    SELECT id FROM coached WHERE user_id = :user_id ORDER BY id DESC LIMIT 1 OFFSET :kept
)
"""
