"""The end of a duel: its record, its other clip and its files go together."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.config import Settings
from bot.duels.neutral import NeutralFiles
from bot.duels.service import DuelService
from bot.engines.configured import InstalledModels
from bot.executor.local import local_workers
from bot.jobs.service import JobService, Moved
from bot.store.clips import Clips
from bot.store.database import Database
from bot.store.duels.model import Duel, DuelState
from bot.store.duels.repository import Duels
from bot.store.job_model import State
from bot.store.jobs import Jobs
from tests.builders import new_clip, new_duel

MANY = {"max_open": 99, "per_member": 99, "in_all": 99}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(clip_dir=tmp_path)


def duel_service(database: Database, settings: Settings, clock: Callable[[], float]) -> DuelService:
    workers = local_workers(settings, "tests.tone", warm=())
    jobs = JobService(Jobs(database), Clips(database), workers, InstalledModels(()), settings, clock)
    return DuelService(Duels(database), jobs, settings, clock)


@pytest.fixture
def service(database: Database, settings: Settings) -> DuelService:
    return duel_service(database, settings, lambda: 5.0)


async def closed(database: Database, folder: Path) -> Duel:
    """Return a duel that is closed and not yet shown, its neutral files in the folder."""
    duels, jobs = Duels(database), Jobs(database)
    duel, _ = await duels.start(new_duel(), 0, **MANY)
    while job := await jobs.claim(1):
        await jobs.rendered(job.id, new_clip(f"{job.id:08}"), 2)
    names = NeutralFiles.of(duel.id)
    for name in names:
        (folder / name).touch()
    await duels.ready(duel.id, file_a=names.a, file_b=names.b, picture=names.picture)
    await duels.opened(duel.id, 77, 100.0, 200.0)
    await duels.close(duel.id, 150.0)
    return await duels.get(duel.id)


async def refuse(database: Database, table: str) -> None:
    """Let every update of a table fail, as a full disk would."""
    async with database.write() as tx:
        await tx.execute(
            f"CREATE TRIGGER refuse BEFORE UPDATE ON {table} BEGIN SELECT raise(ABORT, 'full'); END"
        )


@pytest.mark.parametrize("other", [State.QUEUED, State.RUNNING, State.RENDERED])
async def test_a_failed_duel_ends_its_other_clip(
    database: Database, service: DuelService, other: State
) -> None:
    jobs = Jobs(database)
    duel, _ = await Duels(database).start(new_duel(), 0, **MANY)
    first = await jobs.claim(1)
    assert first is not None
    await jobs.fail(first.id, "broken", 2)
    [second] = list(await jobs.open_of(1))
    if other is not State.QUEUED:
        await jobs.claim(3)
    if other is State.RENDERED:
        await jobs.rendered(second.id, new_clip("00000002"), 4)
    heard: list[object] = []
    service._jobs.subscribe(heard.append)
    await service.fail(duel, "It broke.")
    ended = await jobs.get(second.id)
    rendered = other is State.RENDERED
    assert ended.state is (State.FAILED if rendered else State.CANCELLED)
    assert ended.interaction_token is None
    assert heard == ([] if rendered else [Moved(second.id, State.CANCELLED)])
    # The rendered one is still to be found, with the reason.
    shown = await Clips(database).of_member(1, before=None, limit=9)
    assert [clip.job_id for clip in shown] == ([second.id] if rendered else [])


async def test_a_clip_rendered_while_its_duel_fails_is_never_left_over(
    database: Database, service: DuelService
) -> None:
    jobs = Jobs(database)
    for number in range(20):
        duel, started = await Duels(database).start(new_duel(), 0, **MANY)
        for _ in started:
            await jobs.claim(1)
        await jobs.fail(started[0].id, "broken", 2)
        clip = new_clip(f"{started[1].id:08}")
        both = [service.fail(duel, "It broke."), jobs.rendered(started[1].id, clip, 3)]
        await asyncio.gather(*(both if number % 2 else reversed(both)))
        state = (await jobs.get(started[1].id)).state
        assert state in (State.FAILED, State.CANCELLED)
    assert await Duels(database).due(9) != []


async def test_a_duel_and_its_clips_fail_together_or_not_at_all(
    database: Database, service: DuelService
) -> None:
    duel, _ = await Duels(database).start(new_duel(), 0, **MANY)
    await refuse(database, "jobs")
    with pytest.raises(sqlite3.IntegrityError, match="full"):
        await service.fail(duel, "It broke.")
    assert (await service.get(duel.id)).state is DuelState.RENDERING


async def test_neutral_files_stay_until_their_removal_is_recorded(
    database: Database, service: DuelService, tmp_path: Path
) -> None:
    duel = await closed(database, tmp_path)
    await refuse(database, "duels")
    with pytest.raises(sqlite3.IntegrityError, match="full"):
        await service.revealed(duel)
    assert {path.name for path in tmp_path.glob("duel-*")} == set(NeutralFiles.of(duel.id))


async def test_a_duel_that_fails_on_a_second_try_leaves_no_files(
    database: Database, service: DuelService, tmp_path: Path
) -> None:
    duel, _ = await Duels(database).start(new_duel(), 0, **MANY)
    # Made before a kill, so that the duel has no record of them.
    for name in NeutralFiles.of(duel.id):
        (tmp_path / name).touch()
    await service.fail(duel, "It broke.")
    assert list(tmp_path.glob("duel-*")) == []
