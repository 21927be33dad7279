"""The second job of a hybrid of words, queued in the transaction that stores the clip it is made from."""

from __future__ import annotations

from bot.recipe import Recipe
from bot.recipe.tasks import REQUIRED_SOURCE
from bot.store.clips import Clip
from bot.store.database import Database, Row, Transaction
from bot.store.job_model import Job, job_of

ERROR_OF_FIRST = "it is what a hybrid was made of"
"""Why the clip of the first job has no message, as /history says it."""


class Followups:
    """Reads of the jobs that were queued with a clip just rendered."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def of(self, clip: Clip) -> Job | None:
        """Return the job that is to be made of a clip; None where the clip is posted."""
        row = await self._db.read_one(_SELECT_FOLLOWUP, {"clip": clip.id})
        return job_of(row) if row else None

    async def has_next(self, job_id: int) -> bool:
        """Tell whether a job's clip is not posted, because another one is made of it."""
        return await self._db.read_one(_SELECT_HAS_NEXT, {"id": job_id}) is not None


def queue_followup(tx: Transaction, first: Row, clip: Clip, now: float) -> None:
    """Queue what a rendered job's row says is to be made of its clip, where it says anything.

    The new job takes over the answer with its token, and the first one is over.
    """
    if first["then_recipe"] is None:
        return
    recipe = Recipe.from_json(first["then_recipe"])
    recipe = recipe.with_source(REQUIRED_SOURCE[recipe.task], clip.id)
    values = {"id": first["id"], "recipe": recipe.to_json(), "mode": recipe.mode, "clip": clip.id, "now": now}
    tx.execute(_INSERT_FOLLOWUP, values)
    tx.execute(_END_FIRST, {"id": first["id"], "now": now, "error": ERROR_OF_FIRST})


_SELECT_HAS_NEXT = "SELECT 1 FROM jobs WHERE id = :id AND then_recipe IS NOT NULL"
_SELECT_FOLLOWUP = "SELECT * FROM jobs WHERE parent_clip = :clip ORDER BY id LIMIT 1"
_INSERT_FOLLOWUP = """
INSERT INTO jobs (recipe, mode, user_id, guild_id, channel_id, application_id, interaction_token,
                  interaction_id, answer_id, answer_ephemeral, can_post, max_bytes, created_at, priority,
                  newcomer, parent_clip, locale)
SELECT :recipe, :mode, user_id, guild_id, channel_id, application_id, interaction_token,
       interaction_id, answer_id, answer_ephemeral, can_post, max_bytes, :now, priority, newcomer, :clip,
       locale
FROM jobs WHERE id = :id
"""
_END_FIRST = """
UPDATE jobs SET state = 'delivered', error = :error, finished_at = :now, interaction_token = NULL,
                then_recipe = NULL
WHERE id = :id
"""
