"""What a duel is, and how a row of the database becomes one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bot.errors import StoreError
from bot.recipe import Mode, Recipe
from bot.store.database import Row
from bot.store.jobs import Request, State

Side = Literal["a", "b"]
SIDES: tuple[Side, Side] = ("a", "b")


class DuelState(StrEnum):
    """Where a duel is. rendering → ready → open → closed → revealed, or failed before it is open."""

    RENDERING = "rendering"
    READY = "ready"
    OPEN = "open"
    CLOSED = "closed"
    REVEALED = "revealed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDuel:
    """What is asked for. sides: what to render on each; every request is from the same member and place."""

    prompt: str
    seconds: float
    tags: tuple[str, ...]
    built_in: bool
    guild_id: int
    sides: Mapping[Side, Request]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """A duel. `posted_at` is Discord's time of its message; files are names inside the clips' folder."""

    id: int
    state: DuelState
    prompt: str
    seconds: float
    tags: tuple[str, ...]
    built_in: bool
    user_id: int
    guild_id: int
    channel_id: int
    application_id: int
    interaction_token: str | None
    interaction_id: int | None
    answer_id: int | None
    answer_ephemeral: bool
    answer_shown: str
    max_bytes: int
    created_at: float
    file_a: str
    file_b: str
    picture: str
    message_id: int | None
    posted_at: float | None
    closes_at: float | None
    error: str | None

    @property
    def can_post(self) -> bool:
        """Whether the bot may post in the channel: a duel starts nowhere else."""
        return True

    @property
    def link(self) -> str:
        """The address of its message in Discord."""
        return f"https://discord.com/channels/{self.guild_id}/{self.channel_id}/{self.message_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DuelSide:
    """What stands on one side, with the job that renders it and how far that is."""

    side: Side
    mode: Mode
    recipe: Recipe
    job_id: int
    job_state: State
    job_error: str | None
    tries: int


def duel_of(row: Row) -> Duel:
    """Return a row of the table as a duel."""
    return Duel(
        id=row["id"],
        state=DuelState(row["state"]),
        prompt=row["prompt"],
        seconds=row["seconds"],
        tags=tuple(json.loads(row["tags"])),
        built_in=bool(row["built_in"]),
        user_id=row["user_id"],
        guild_id=row["guild_id"],
        channel_id=row["channel_id"],
        application_id=row["application_id"],
        interaction_token=row["interaction_token"],
        interaction_id=row["interaction_id"],
        answer_id=row["answer_id"],
        answer_ephemeral=bool(row["answer_ephemeral"]),
        answer_shown=row["answer_shown"],
        max_bytes=row["max_bytes"],
        created_at=row["created_at"],
        file_a=row["file_a"],
        file_b=row["file_b"],
        picture=row["picture"],
        message_id=row["message_id"],
        posted_at=row["posted_at"],
        closes_at=row["closes_at"],
        error=row["error"],
    )


def side_of(row: Row) -> DuelSide:
    """Return a side joined with its job. Raises StoreError where it is neither a nor b."""
    side: Side = row["side"]
    if side not in SIDES:
        raise StoreError(f"A duel has no side {side}.")
    return DuelSide(
        side=side,
        mode=Mode(row["mode"]),
        recipe=Recipe.from_json(row["recipe"]),
        job_id=row["job_id"],
        job_state=State(row["state"]),
        job_error=row["error"],
        tries=row["tries"],
    )
