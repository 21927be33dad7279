"""The family of a clip: the one it was requested under, others that were, and those requested under it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.store.clip_search import IN_SERVER, OWN, VisibleChannels
from bot.store.clips import Clip, clip_of
from bot.store.database import Database

MAX_RELATIVES = 12
"""Siblings, and children, that are listed; the newest ones are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A clip with its relatives, as far as one member may see them.

    has_parent: whether the clip was requested under another one.  parent: that one; None where it is deleted,
    or not for this member.  deleted: whether it is deleted.
    siblings: of the same parent, by age, the clip itself among them where the member sees it.
    children: requested under the clip, by age.
    """

    clip: Clip
    has_parent: bool
    parent: Clip | None
    deleted: bool
    siblings: tuple[Clip, ...]
    children: tuple[Clip, ...]


class Families:
    """Reads of the clips that were requested under others."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def of(self, clip: Clip, user_id: int, visible: VisibleChannels | None) -> Family:
        """Return a clip's family. visible: the channels that the member can see; None outside of a server."""
        member = {
            "user_id": user_id,
            "guild_id": visible.guild_id if visible else None,
            "channels": json.dumps(list(visible.channel_ids) if visible else []),
            "limit": MAX_RELATIVES,
        }
        row = await self._db.read_one(_SELECT_PARENT, {"job_id": clip.job_id})
        parent_id = row["id"] if row else None
        return Family(
            clip=clip,
            has_parent=row is not None,
            parent=await self._visible(parent_id, member),
            deleted=row is not None and row["deleted_at"] is not None,
            siblings=await self._children(parent_id, member),
            children=await self._children(clip.id, member),
        )

    async def _visible(self, clip_id: int | None, member: Mapping[str, Any]) -> Clip | None:
        row = await self._db.read_one(_SELECT_VISIBLE, {"id": clip_id, **member})
        return clip_of(row) if row else None

    async def _children(self, clip_id: int | None, member: Mapping[str, Any]) -> tuple[Clip, ...]:
        rows = await self._db.read(_SELECT_CHILDREN, {"id": clip_id, **member})
        return tuple(clip_of(row) for row in rows)


_VISIBLE = f"deleted_at IS NULL AND (({OWN}) OR ({IN_SERVER}))"
_SELECT_PARENT = """
SELECT clips.id, clips.deleted_at FROM clips
WHERE clips.id = (SELECT parent_clip FROM jobs WHERE jobs.id = :job_id)
"""
_SELECT_VISIBLE = f"""
SELECT clips.* FROM clips JOIN jobs ON jobs.id = job_id WHERE clips.id = :id AND {_VISIBLE}
"""
_SELECT_CHILDREN = f"""
SELECT clips.* FROM clips JOIN jobs ON jobs.id = job_id WHERE jobs.parent_clip = :id AND {_VISIBLE}
ORDER BY clips.id LIMIT :limit
"""
