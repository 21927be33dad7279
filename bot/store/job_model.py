"""Jobs as the rest of the program sees them: a request, its state, and where its clip was delivered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.recipe import ModelRef, Recipe
from bot.store.database import Row


class State(StrEnum):
    """Where a job is. queued → running → rendered → delivered, or failed, or cancelled."""

    QUEUED = "queued"
    RUNNING = "running"
    RENDERED = "rendered"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """What a server lets its members request. None is no limit.

    member_seconds, server_seconds: of audio within 24 hours.  queue_share: 0 to 1, of the queue.
    cooldown_seconds: between two requests of a member.
    """

    member_seconds: float | None = None
    server_seconds: float | None = None
    queue_share: float = 1.0
    cooldown_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who asked for a recipe, and how the answer gets back to them.

    chosen: why the bot chose the model, where the member left that to it.
    parent_clip: the id of the clip that it was requested under.
    then: what is made of its clip, which is the source of this recipe and is not posted.
    locale: of the member's Discord client.
    priority: whether the server's settings let the member come before others there.
    """

    recipe: Recipe
    user_id: int
    guild_id: int | None
    channel_id: int
    application_id: int
    interaction_token: str
    can_post: bool
    max_bytes: int
    preset_version: int | None = None
    interaction_id: int | None = None
    answer_id: int | None = None
    answer_ephemeral: bool = False
    daily: Daily = Daily()
    chosen: str = ""
    parent_clip: int | None = None
    priority: bool = False
    then: Recipe | None = None
    locale: str = ""

    def columns(self) -> dict[str, object]:
        """Return the columns of its job by name."""
        return {
            "recipe": self.recipe.to_json(),
            "mode": self.recipe.mode,
            "user_id": self.user_id,
            "guild_id": self.guild_id,
            "channel_id": self.channel_id,
            "application_id": self.application_id,
            "interaction_token": self.interaction_token,
            "interaction_id": self.interaction_id,
            "answer_id": self.answer_id,
            "answer_ephemeral": self.answer_ephemeral,
            "can_post": self.can_post,
            "max_bytes": self.max_bytes,
            "preset_version": self.preset_version,
            "chosen": self.chosen,
            "priority": self.priority,
            "parent_clip": self.parent_clip,
            "then_recipe": self.then.to_json() if self.then else None,
            "locale": self.locale,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A row of the queue. worker: the number of the worker that it was given to last, 0 before.

    in_duel: its clip is shown by a duel or a comparison, never by the outbox.

    takes_of: the first of the takes that it is one of.  take: its number among them from 1 on, else 0.
    locale: of the member's Discord client at the request.
    """

    id: int
    state: State
    recipe: Recipe
    user_id: int
    guild_id: int | None
    channel_id: int
    application_id: int
    interaction_token: str | None
    can_post: bool
    max_bytes: int
    attempts: int
    worker: int
    created_at: float
    claimed_at: float | None
    error: str | None
    message_id: int | None
    interaction_id: int | None
    answer_id: int | None
    answer_ephemeral: bool
    preset_version: int | None
    in_duel: bool
    takes_of: int | None
    take: int
    locale: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The message that carries a clip. ephemeral: only the member sees it, until Discord restarts."""

    message_id: int
    channel_id: int
    guild_id: int | None
    ephemeral: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued job with its position, 1 for the next. newcomer: whether it shares the newcomers' turn."""

    id: int
    user_id: int
    recipe: Recipe
    queue_position: int
    newcomer: bool


@dataclass(frozen=True, slots=True)
class Depth:
    """How many jobs are in a state, and when the oldest of them was created."""

    state: State
    count: int
    oldest: float


@dataclass(frozen=True, slots=True)
class Head:
    """The first queued job for its model.

    isolated: it shares its worker with no other running job; exclusive: it is rendered while nothing else is.
    """

    id: int
    model: ModelRef
    isolated: bool
    exclusive: bool


def job_of(row: Row) -> Job:
    """Return the job that a row of the table holds."""
    return Job(
        id=row["id"],
        state=State(row["state"]),
        recipe=Recipe.from_json(row["recipe"]),
        user_id=row["user_id"],
        guild_id=row["guild_id"],
        channel_id=row["channel_id"],
        application_id=row["application_id"],
        interaction_token=row["interaction_token"],
        interaction_id=row["interaction_id"],
        answer_ephemeral=bool(row["answer_ephemeral"]),
        can_post=bool(row["can_post"]),
        max_bytes=row["max_bytes"],
        attempts=row["attempts"],
        worker=row["worker"],
        created_at=row["created_at"],
        claimed_at=row["claimed_at"],
        error=row["error"],
        message_id=row["message_id"],
        answer_id=row["answer_id"],
        preset_version=row["preset_version"],
        in_duel=bool(row["in_duel"]),
        takes_of=row["takes_of"],
        take=row["take"],
        locale=row["locale"],
    )
