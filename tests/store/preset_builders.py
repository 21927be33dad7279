"""Presets, and clips made with them, for the store's tests."""

from __future__ import annotations

from typing import Any

from bot.presets.names import name_key
from bot.recipe import Mode
from bot.store.database import Database
from bot.store.jobs import Jobs
from bot.store.presets.model import Body, Draft, Preset, Scope, Viewer
from bot.store.presets.repository import Presets
from tests.builders import new_clip, request

ALICE, BOB, CAROL = 101, 102, 103
GUILD, ELSEWHERE = 10, 11
MANY = 10_000
NOBODY = Viewer(999, None)


def body(template: str = "{prompt} on a tin roof", **changes: Any) -> Body:
    return Body.from_dict({"template": template, "mode": Mode.AR} | changes)


def presets_of(database: Database) -> Presets:
    return Presets(database, name_key)


async def kept(database: Database, owner: int = ALICE, name: str = "Rain", **changes: Any) -> Preset:
    return await presets_of(database).save(owner, Draft(name, body(**changes)), 0, per_member=MANY)


async def shared(
    database: Database, owner: int = ALICE, name: str = "Rain", scope: Scope = Scope.PUBLIC, **changes: Any
) -> Preset:
    preset = await kept(database, owner, name, **changes)
    return await presets_of(database).share(owner, preset.id, scope, GUILD, 1, per_server=MANY)


async def rendered(database: Database, preset: Preset, user: int) -> int:
    """Make a clip with a preset and return its id."""
    jobs = Jobs(database)
    job = await jobs.add(
        request(user_id=user, preset_version=preset.version_id), 0, per_member=MANY, in_all=MANY
    )
    await jobs.claim(1)
    clip = await jobs.rendered(job.id, new_clip(str(job.id)), 2)
    assert clip is not None
    return clip.id
