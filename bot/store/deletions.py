"""Deletions of clips: recorded in one transaction, executed in Discord and on the disk, then removed here.

Discord and this database share no transaction, so a deletion is recorded before it is executed. One that a
kill interrupts is still in the table at the next start, and each step is idempotent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.store.database import Database, Row, Transaction, one
from bot.store.personal_rules import NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """The message whose delete button was pressed. interaction_token: permits its deletion."""

    guild_id: int | None
    channel_id: int
    message_id: int
    application_id: int
    interaction_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A message to delete, and the files of its clip. message_id: None where there is no message.

    clip_id: None where the message carries no clip, such as a failed job's answer.
    """

    id: int
    clip_id: int | None
    guild_id: int | None
    channel_id: int
    message_id: int | None
    application_id: int
    interaction_token: str | None
    requested_at: float
    file: str
    picture: str


class Deletions:
    """The table clip_deletions: recorded deletions that are not finished."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def begin(self, clip_id: int, now: float, press: Press | None = None) -> bool:
        """Record the deletion of a clip, which counts as deleted from here on. False where it was already.

        press: where a button under the clip's own message asked for it; None for any other place. The
        message of a duel carries a second clip and the votes, so it stays when one of its clips goes.
        """
        async with self._db.write() as tx:
            if await one(tx, _SET_CLIP_DELETED, {"id": clip_id, "now": now}) is None:
                return False
            pressed = press.message_id if press else None
            if press is not None:
                await tx.execute(
                    _INSERT_PRESSED_DELETION,
                    {
                        "id": clip_id,
                        "guild_id": press.guild_id,
                        "channel_id": press.channel_id,
                        "message_id": press.message_id,
                        "application_id": press.application_id,
                        "interaction_token": press.interaction_token,
                        "now": now,
                    },
                )
            await tx.execute(_INSERT_RECORDED_DELETION, {"id": clip_id, "pressed": pressed, "now": now})
        return True

    async def pending(self) -> list[Deletion]:
        """Return the unfinished deletions, oldest first."""
        return [_deletion(row) for row in await self._db.read(_SELECT_PENDING_DELETIONS, {})]

    async def finished(self, deletion: Deletion) -> None:
        """Remove a finished deletion: its message and files no longer exist."""
        async with self._db.write() as tx:
            about = {"id": deletion.id, "clip_id": deletion.clip_id}
            await tx.execute("DELETE FROM clip_deletions WHERE id = :id", about)
            await tx.execute("UPDATE clips SET file = '', picture = '' WHERE id = :clip_id", about)


def delete_late_message(tx: Transaction, delivered: Mapping[str, object]) -> None:
    """Record the deletion of a clip's message that was sent while its member was erased.

    delivered: the columns of a Delivery, the job as `id`, and `now`.
    """
    tx.execute(_INSERT_LATE_DELETION, delivered)


_INSERT_LATE_DELETION = f"""
INSERT INTO clip_deletions (clip_id, guild_id, channel_id, message_id, application_id, requested_at)
SELECT clips.id, :guild_id, :channel_id, :message_id, application_id, :now
FROM clips JOIN jobs ON jobs.id = job_id
WHERE job_id = :id AND NOT :ephemeral AND jobs.user_id = {NOBODY} AND deleted_at IS NOT NULL
"""
_SET_CLIP_DELETED = "UPDATE clips SET deleted_at = :now WHERE id = :id AND deleted_at IS NULL RETURNING id"
_INSERT_PRESSED_DELETION = """
INSERT INTO clip_deletions (clip_id, guild_id, channel_id, message_id, application_id, interaction_token,
                            requested_at)
VALUES (:id, :guild_id, :channel_id, :message_id, :application_id, :interaction_token,
        :now)
"""
_INSERT_RECORDED_DELETION = """
INSERT INTO clip_deletions (clip_id, guild_id, channel_id, message_id, application_id, requested_at)
SELECT clips.id, clips.guild_id, clips.channel_id, iif(in_duel, NULL, clips.message_id), application_id, :now
FROM clips JOIN jobs ON jobs.id = job_id
WHERE clips.id = :id AND (:pressed IS NULL OR (in_duel = 0 AND clips.message_id <> :pressed))
"""
_SELECT_PENDING_DELETIONS = """
SELECT clip_deletions.*, coalesce(file, '') AS file, coalesce(picture, '') AS picture
FROM clip_deletions LEFT JOIN clips ON clips.id = clip_id
ORDER BY clip_deletions.id
"""


def _deletion(row: Row) -> Deletion:
    return Deletion(
        id=row["id"],
        clip_id=row["clip_id"],
        guild_id=row["guild_id"],
        channel_id=row["channel_id"],
        message_id=row["message_id"],
        application_id=row["application_id"],
        interaction_token=row["interaction_token"],
        requested_at=row["requested_at"],
        file=row["file"],
        picture=row["picture"],
    )
