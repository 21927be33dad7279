from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.errors import LimitReached, NotFound
from bot.recipe import Mode
from bot.store.clips import Clips
from bot.store.database import Database
from bot.store.duels.model import Duel, DuelState, NewDuel
from bot.store.duels.repository import Duels
from bot.store.job_model import State
from bot.store.jobs import Jobs
from tests.builders import new_clip, new_duel, request

MANY: dict[str, Any] = {"max_open": 1000, "per_member": 1000, "in_all": 1000}


@pytest.fixture
def duels(database: Database) -> Duels:
    return Duels(database)


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database)


async def rendered(duels: Duels, jobs: Jobs, new: NewDuel | None = None) -> Duel:
    """Start a duel and have both its clips rendered."""
    duel, _ = await duels.start(new or new_duel(), 0, **MANY)
    while job := await jobs.claim(1):
        await jobs.rendered(job.id, new_clip(str(job.id)), 2)
    return duel


async def opened(duels: Duels, jobs: Jobs) -> Duel:
    duel = await rendered(duels, jobs)
    await duels.ready(duel.id, file_a="a", file_b="b", picture="p")
    await duels.opened(duel.id, 77, 100.0, 200.0)
    return duel


async def test_both_clips_are_queued_or_neither(database: Database, duels: Duels, jobs: Jobs) -> None:
    limits = MANY | {"per_member": 3}
    await duels.start(new_duel(), 0, **limits)
    with pytest.raises(LimitReached, match="clips waiting"):
        await duels.start(new_duel(), 0, **limits)
    assert len(await jobs.waiting()) == 2
    assert len(await database.read("SELECT 1 FROM duels", {})) == 1


async def test_limits_hold_when_a_member_starts_many_at_once(duels: Duels, jobs: Jobs) -> None:
    started = [duels.start(new_duel(), 0, **MANY | {"max_open": 3}) for _ in range(12)]
    answers = await asyncio.gather(*started, return_exceptions=True)
    assert sum(isinstance(answer, LimitReached) for answer in answers) == 9
    assert len(await jobs.waiting()) == 6


async def test_the_queue_does_not_tell_the_sides(duels: Duels, jobs: Jobs) -> None:
    for diffusion in ("a", "b"):
        await duels.start(new_duel(diffusion=diffusion), 0, **MANY)
    assert [w.recipe.mode for w in await jobs.waiting()] == [Mode.AR, Mode.DIFFUSION] * 2


async def test_its_clips_are_for_the_duel_to_show(database: Database, duels: Duels, jobs: Jobs) -> None:
    duel = await rendered(duels, jobs)
    assert await jobs.outbox() == []
    clips = Clips(database)
    assert await clips.of_member(1, before=None, limit=9) == []
    await duels.ready(duel.id, file_a="a", file_b="b", picture="p")
    await duels.opened(duel.id, 77, 100.0, 200.0)
    await duels.close(duel.id, 150.0)
    await duels.revealed(duel.id, 151.0)
    shown = await clips.of_member(1, before=None, limit=9)
    assert [clip.message_id for clip in shown] == [77, 77]
    assert {(await jobs.get(clip.job_id)).state for clip in shown} == {State.DELIVERED}


async def test_a_side_is_tried_again_once_for_each_failure(duels: Duels, jobs: Jobs) -> None:
    duel, [first, _] = await duels.start(new_duel(), 0, **MANY)
    await jobs.fail(first.id, "broken", 1)
    [side] = [s for s in (await duels.sides(duel.id)).values() if s.job_id == first.id]
    again = request(recipe=side.recipe.reseeded())
    tried = await asyncio.gather(*(duels.retry(duel.id, side, again, 2) for _ in range(3)))
    [job] = [job for job in tried if job]
    assert (await duels.sides(duel.id))[side.side].job_id == job.id
    assert len(await jobs.waiting()) == 2
    assert await jobs.outbox() == []


async def test_the_outbox_holds_what_is_due(duels: Duels, jobs: Jobs) -> None:
    async def due(now: float) -> list[DuelState]:
        return [duel.state for duel in await duels.due(now)]

    duel, [first, second] = await duels.start(new_duel(), 0, **MANY)
    assert await due(0) == [DuelState.RENDERING], "the answer shows nothing yet"
    await duels.answer_shows(duel.id, "rendering")
    assert await due(0) == []
    for job in (first, second):
        await jobs.claim(1)
        await jobs.rendered(job.id, new_clip(str(job.id)), 2)
        assert await due(2) == ([] if job is first else [DuelState.RENDERING])
    await duels.ready(duel.id, file_a="a", file_b="b", picture="p")
    assert await due(2) == [DuelState.READY]
    await duels.opened(duel.id, 77, 100.0, 200.0)
    assert await due(199) == [DuelState.OPEN], "the answer does not show it yet"
    assert (await duels.get(duel.id)).interaction_token is not None
    await duels.answer_shows(duel.id, "open")
    assert (await duels.get(duel.id)).interaction_token is None
    assert (await due(199), await due(200)) == ([], [DuelState.OPEN])
    await duels.close(duel.id, 200)
    assert await due(201) == [DuelState.CLOSED]
    await duels.revealed(duel.id, 202)
    assert await due(1e9) == []


async def test_a_failure_waits_until_it_was_told(duels: Duels, jobs: Jobs) -> None:
    duel, [first, _] = await duels.start(new_duel(), 0, **MANY)
    await jobs.cancel(first.id, 1)
    assert [d.id for d in await duels.due(1)] == [duel.id]
    assert await duels.fail(duel.id, "taken back", 2) is not None
    assert await duels.fail(duel.id, "twice", 2) is None
    [failed] = await duels.due(3)
    assert (failed.state, failed.error) == (DuelState.FAILED, "taken back")
    await duels.notified(duel.id)
    assert await duels.due(4) == []
    assert (await duels.get(duel.id)).interaction_token is None


async def test_lists_are_of_one_server(duels: Duels, jobs: Jobs) -> None:
    duel = await opened(duels, jobs)
    assert [d.id for d in await duels.open_in(10)] == [duel.id]
    assert await duels.open_in(11) == []
    await duels.close(duel.id, 150)
    assert [d.id for d in await duels.finished_in(10, "PIANO", 5)] == [duel.id]
    assert await duels.finished_in(10, "%", 5) == []
    with pytest.raises(NotFound):
        await duels.get(99)


MOVES = {
    "ready": ({DuelState.RENDERING}, DuelState.READY),
    "opened": ({DuelState.READY}, DuelState.OPEN),
    "close": ({DuelState.OPEN}, DuelState.CLOSED),
    "revealed": ({DuelState.CLOSED}, DuelState.REVEALED),
    "fail": ({DuelState.RENDERING, DuelState.READY}, DuelState.FAILED),
}


class DuelMachine(RuleBasedStateMachine):
    """One duel after another against a model of its states: each call acts from its own state alone."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.opened = Database.open(Path(self.folder.name, "antiphon.db"), now=0)
        database = self.runner.run(self.opened.__aenter__())
        self.duels, self.jobs = Duels(database), Jobs(database)
        self.states: dict[int, DuelState] = {}
        self.clock = itertools.count(1)

    def teardown(self) -> None:
        self.runner.run(self.opened.__aexit__(None, None, None))
        self.runner.close()
        self.folder.cleanup()

    @rule()
    def start(self) -> None:
        duel = self.runner.run(rendered(self.duels, self.jobs))
        self.states[duel.id] = DuelState.RENDERING

    @precondition(lambda self: self.states)
    @rule(data=st.data(), move=st.sampled_from(sorted(MOVES)))
    def move(self, data: st.DataObject, move: str) -> None:
        duel = data.draw(st.sampled_from(sorted(self.states)))
        now = float(next(self.clock))
        calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "ready": lambda: self.duels.ready(duel, file_a="a", file_b="b", picture="p"),
            "opened": lambda: self.duels.opened(duel, 7, now, now + 5),
            "close": lambda: self.duels.close(duel, now),
            "revealed": lambda: self.duels.revealed(duel, now),
            "fail": lambda: self.duels.fail(duel, "why", now),
        }
        origins, target = MOVES[move]
        happened = self.runner.run(calls[move]()) is not None
        assert happened == (self.states[duel] in origins)
        if happened:
            self.states[duel] = target

    @invariant()
    def nothing_is_lost(self) -> None:
        assert {d: self.runner.run(self.duels.get(d)).state for d in self.states} == self.states

    @invariant()
    def what_is_not_over_is_in_the_outbox(self) -> None:
        over = {DuelState.REVEALED}
        found = {duel.id for duel in self.runner.run(self.duels.due(1e9))}
        assert found == {duel for duel, state in self.states.items() if state not in over}


DuelMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestDuels = DuelMachine.TestCase
