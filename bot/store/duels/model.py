"""The entities of duels, and their construction from rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bot.errors import StoreError
from bot.recipe import Mode, Recipe
from bot.store.database import Row
from bot.store.job_model import Request, State

DISCORD_EPOCH_MS = 1_420_070_400_000
"""2015-01-01 00:00 UTC; https://docs.discord.com/developers/reference#snowflakes"""

Side = Literal["a", "b"]
SIDES: tuple[Side, Side] = ("a", "b")
AnswerShown = Literal["", "rendering", "open"]
"""The state of the duel that the original response shows; empty before its first edit."""


class DuelState(StrEnum):
    """rendering → ready → open → closed → revealed; failed instead of open. See docs/duels.md."""

    RENDERING = "rendering"
    READY = "ready"
    OPEN = "open"
    CLOSED = "closed"
    REVEALED = "revealed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class InSeries:
    """A duel's part in a series. contenders: the number of each side's, from 0."""

    series_id: int
    contenders: Mapping[Side, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDuel:
    """A duel to store. sides: the request for each side, all from the same member and channel."""

    prompt: str
    seconds: float
    tags: tuple[str, ...]
    built_in: bool
    guild_id: int
    sides: Mapping[Side, Request]
    series: InSeries | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """A duel. Times are Unix seconds: `posted_at` by Discord's clock, all others by the bot's.

    file_a, file_b, picture: names inside the clips' folder.
    """

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
    answer_shown: AnswerShown
    max_bytes: int
    created_at: float
    file_a: str
    file_b: str
    picture: str
    message_id: int | None
    posted_at: float | None
    closes_at: float | None
    error: str | None
    series_id: int | None = None

    @property
    def can_post(self) -> bool:
        """Whether the bot may post in the channel: duels start only where it may."""
        return True

    def in_discord_time(self, bot_time: float) -> float:
        """Convert a Unix time by the bot's clock to Discord's clock, which clients show.

        The offset is measured at the request: the time in the interaction's id less `created_at`, so it is
        too small by the delay between both, at most 3 s, the limit for an acknowledgement.
        """
        if self.interaction_id is None:
            return bot_time
        return bot_time + snowflake_time(self.interaction_id) - self.created_at

    @property
    def link(self) -> str:
        """The URL of its message."""
        return f"https://discord.com/channels/{self.guild_id}/{self.channel_id}/{self.message_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DuelSide:
    """One side of a duel with the job that renders it. tries: attempts so far."""

    side: Side
    mode: Mode
    recipe: Recipe
    job_id: int
    job_state: State
    job_error: str | None
    tries: int


def snowflake_time(snowflake: int) -> float:
    """Return the Unix time in one of Discord's ids: milliseconds since 2015 in the bits above 22."""
    return ((snowflake >> 22) + DISCORD_EPOCH_MS) / 1000


def duel_of(row: Row) -> Duel:
    """Build a duel from a row of `duels`."""
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
        series_id=row["series_id"],
    )


def side_of(row: Row) -> DuelSide:
    """Build a side from a row joined with its job. Raises StoreError for a side other than a or b."""
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
