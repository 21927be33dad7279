"""Small valid things, for tests to vary."""

from __future__ import annotations

from typing import Any

from bot.arena.votes import Choice
from bot.recipe import Mode, Recipe, Role
from bot.recipe.options import OPTIONS
from bot.store.clips import NewClip
from bot.store.database import Database
from bot.store.duels.model import DuelState, NewDuel, Side
from bot.store.duels.votes import Votes
from bot.store.job_model import Request

FACTS = {
    "title": "test tones",
    "licence": "MIT",
    "lufs": -14.0,
    "true_peak_db": -1.2,
    "bitrate_kbps": 320,
    "sample_rate": 32_000,
    "channels": 2,
    "render_seconds": 1.0,
    "real_time_factor": 0.1,
}


def recipe(**changes: Any) -> Recipe:
    """A recipe with fields, options and `melody`, a source, changed."""
    fields: dict[str, Any] = {
        "prompt": "slow piano",
        "mode": Mode.AR,
        "model": "test",
        "seconds": 10.0,
        "seed": 7,
    } | changes
    options = {name: fields.pop(name) for name in OPTIONS if name in fields}
    if melody := fields.pop("melody", None):
        fields["sources"] = {Role.MELODY: melody}
    return Recipe(**fields, options=options)


def request(**changes: Any) -> Request:
    known: dict[str, Any] = {
        "recipe": recipe(),
        "user_id": 1,
        "guild_id": 10,
        "channel_id": 20,
        "application_id": 30,
        "interaction_token": "token",
        "can_post": True,
        "max_bytes": 10_000_000,
    }
    return Request(**known | changes)


def new_clip(name: str = "1") -> NewClip:
    return NewClip(file=f"{name}.mp3", picture=f"{name}.png", facts=FACTS)


def new_duel(diffusion: str = "a", *, built_in: bool = False, **changes: Any) -> NewDuel:
    """A duel with diffusion on that side; `changes` go into both requests."""
    modes: dict[Side, Mode] = {
        "a": Mode.DIFFUSION if diffusion == "a" else Mode.AR,
        "b": Mode.AR if diffusion == "a" else Mode.DIFFUSION,
    }
    return NewDuel(
        prompt="slow piano",
        seconds=10.0,
        tags=("mood:slow",),
        built_in=built_in,
        guild_id=10,
        sides={side: request(recipe=recipe(mode=mode), **changes) for side, mode in modes.items()},
    )


async def store_vote(
    database: Database, duel: int, voter: int, choice: Choice = Choice.A, **changes: Any
) -> DuelState | None:
    """Store a vote that counts, with the facts of now, unless `changes` say otherwise."""
    known: dict[str, Any] = {"cast_at": 1_500.0, "excluded_reason": None, "full_at": 0, "now": 0.0} | changes
    if "counted_today" not in known:
        facts = await Votes(database).facts(duel, voter, known["cast_at"])
        known["counted_today"] = facts.counted_today if facts else 0
    return await Votes(database).insert(duel, voter, choice, **known)
