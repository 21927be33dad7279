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

from bot.errors import LimitReached
from bot.recipe import Mode, ModelRef
from bot.store.clips import Clips
from bot.store.database import Database
from bot.store.job_model import Delivery, State
from bot.store.jobs import COUNTERS, Counter, Jobs
from tests.builders import new_clip, recipe, request

MANY = {"per_member": 1000, "in_all": 1000}
MAX_ATTEMPTS = 2
MAX_INTERRUPTIONS = 3


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database)


async def claim_all(jobs: Jobs) -> list[int]:
    """Return the ids in the order in which they are claimed."""
    claimed: list[int] = []
    for now in itertools.count(100):
        job = await jobs.claim(now)
        if job is None:
            return claimed
        claimed.append(job.id)
    raise AssertionError("unreachable")


async def test_members_take_turns(jobs: Jobs) -> None:
    greedy = [await jobs.add(request(user_id=1), 0, **MANY) for _ in range(3)]
    modest = await jobs.add(request(user_id=2), 1, **MANY)
    assert await claim_all(jobs) == [greedy[0].id, modest.id, greedy[1].id, greedy[2].id]


async def test_who_was_served_longest_ago_comes_first(jobs: Jobs) -> None:
    for user in (1, 2, 3):
        await jobs.add(request(user_id=user), 0, **MANY)
    await claim_all(jobs)
    later = {user: (await jobs.add(request(user_id=user), 500, **MANY)).id for user in (3, 2, 1)}
    assert await claim_all(jobs) == [later[1], later[2], later[3]]


async def test_two_claims_at_once_get_two_jobs(jobs: Jobs) -> None:
    for user in range(20):
        await jobs.add(request(user_id=user), 0, **MANY)
    claimed = await asyncio.gather(*(jobs.claim(1) for _ in range(30)))
    ids = [job.id for job in claimed if job]
    assert len(ids) == len(set(ids)) == 20


async def test_a_claim_for_a_model_takes_the_first_for_that_model(jobs: Jobs) -> None:
    one, other = ModelRef(Mode.AR, "one"), ModelRef(Mode.AR, "other")
    added = [
        await jobs.add(request(user_id=u, recipe=recipe(mode=m.mode, model=m.name)), 0, **MANY)
        for u, m in enumerate((one, other, other))
    ]
    assert [(head.id, head.model) for head in await jobs.heads()] == [
        (added[0].id, one),
        (added[1].id, other),
    ]
    claimed = [await jobs.claim(1, other), await jobs.claim(1), await jobs.claim(1, one)]
    assert [job and job.id for job in claimed] == [added[1].id, added[0].id, None]
    assert [head.id for head in await jobs.heads()] == [added[2].id]


async def test_isolation_is_within_a_worker_and_after_a_kill_of_the_bot_everywhere(jobs: Jobs) -> None:
    for user in (1, 2, 3, 4):
        await jobs.add(request(user_id=user), 0, **MANY)
    for worker in (0, 0, 1):
        assert await jobs.claim(1, worker=worker)
    requeued, failed = await jobs.requeue_running(2, "attempts", 1, "it died", worker=0)
    assert (len(requeued), failed) == (2, []), "both of the dead worker, none of the other"
    assert [head.isolated for head in await jobs.heads()] == [True]
    assert await jobs.claim(3, worker=1) is None, "an isolated job starts beside no other of its worker"
    assert await jobs.claim(3, worker=0)
    assert await jobs.claim(4, worker=0) is None, "nothing is added beside an isolated job"
    await jobs.requeue_running(5, "interruptions", 9, "killed")
    assert [(head.isolated, head.exclusive) for head in await jobs.heads()] == [(True, True)]
    assert await jobs.claim(6, worker=0)
    assert await jobs.claim(6, worker=1) is None, "an exclusive job runs while nothing else does"


async def test_limits_hold_when_everybody_asks_at_once(jobs: Jobs) -> None:
    limits = {"per_member": 2, "in_all": 5}
    asked = [jobs.add(request(user_id=user % 4), 0, **limits) for user in range(40)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    added = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(added) == 5
    assert all(isinstance(answer, LimitReached) for answer in answers if answer not in added)
    assert max(sum(job.user_id == user for job in added) for user in range(4)) == 2


async def test_the_refusal_says_which_limit(jobs: Jobs) -> None:
    await jobs.add(request(user_id=1), 0, per_member=1, in_all=1)
    with pytest.raises(LimitReached, match="You already have 1"):
        await jobs.add(request(user_id=1), 0, per_member=1, in_all=1)
    with pytest.raises(LimitReached, match="queue is full"):
        await jobs.add(request(user_id=2), 0, per_member=1, in_all=1)


async def test_a_member_has_only_so_many_where_everybody_has_room(jobs: Jobs) -> None:
    for _ in range(2):
        await jobs.add(request(user_id=1), 0, per_member=2, in_all=9)
    with pytest.raises(LimitReached, match="You already have 2"):
        await jobs.add(request(user_id=1), 0, per_member=2, in_all=9)
    await jobs.add(request(user_id=2), 0, per_member=2, in_all=9)
    assert len(await jobs.waiting()) == 3


async def test_a_token_is_forgotten_once_the_job_is_over(database: Database, jobs: Jobs) -> None:
    for end in ("deliver", "fail", "cancel"):
        job = await jobs.add(request(interaction_token="hush"), 0, **MANY)
        if end == "deliver":
            await jobs.claim(1)
            await jobs.rendered(job.id, new_clip(end), 2)
            await jobs.delivered(job.id, Delivery(5, 20, 10), 3)
        else:
            await (jobs.fail(job.id, "why", 1) if end == "fail" else jobs.cancel(job.id, 1))
            await jobs.notified(job.id)
    rows = await database.read("SELECT state, interaction_token FROM jobs", {})
    assert [tuple(row) for row in rows] == [("delivered", None), ("failed", None), ("cancelled", None)]


async def test_a_cancelled_job_keeps_no_clip(database: Database, jobs: Jobs) -> None:
    job = await jobs.add(request(), 0, **MANY)
    await jobs.claim(1)
    await jobs.cancel(job.id, 2)
    assert await jobs.rendered(job.id, new_clip(), 3) is None
    assert await Clips(database).of_member(1, before=None, limit=9) == []


async def test_the_first_posting_is_what_counts(jobs: Jobs) -> None:
    job = await jobs.add(request(), 0, **MANY)
    await jobs.claim(1)
    await jobs.rendered(job.id, new_clip(), 2)
    assert [await jobs.posting(job.id, now) for now in (10.0, 99.0, 100.0)] == [None, 10.0, 10.0]


async def test_recent_prompts_come_newest_first_and_once(jobs: Jobs) -> None:
    for prompt in ("Rain", "sun", "RAIN again", "Rain"):
        await jobs.add(request(recipe=recipe(prompt=prompt)), 0, **MANY)
    await jobs.add(request(user_id=2, recipe=recipe(prompt="rain of another")), 0, **MANY)
    assert await jobs.recent_prompts(1, "rain", 25) == ["Rain", "RAIN again"]
    assert await jobs.recent_prompts(1, "%", 25) == []


async def test_only_a_job_that_ran_alone_is_counted(jobs: Jobs) -> None:
    first, second = [await jobs.add(request(user_id=user), 0, **MANY) for user in (1, 2)]
    for _ in (first, second):
        await jobs.claim(1)
    await jobs.requeue_running(2, "attempts", 1, "it died")
    assert [job.attempts for job in (await jobs.get(first.id), await jobs.get(second.id))] == [0, 0]
    alone = await jobs.claim(3)
    assert alone is not None
    assert await jobs.claim(3) is None, "nothing runs beside an isolated job"
    back, [failed] = await jobs.requeue_running(4, "attempts", 1, "it died")
    assert (back, failed.id, failed.error) == ([], alone.id, "it died")
    assert await jobs.claim(5) is not None


async def test_a_stop_is_nobodys_fault(jobs: Jobs) -> None:
    first, second = [await jobs.add(request(user_id=user), 0, **MANY) for user in (1, 2)]
    for now in (1, 2):
        await jobs.claim(now)
    await jobs.release_running()
    assert {await claimed_id(jobs), await claimed_id(jobs)} == {first.id, second.id}


async def claimed_id(jobs: Jobs) -> int | None:
    job = await jobs.claim(10)
    return job.id if job else None


class QueueMachine(RuleBasedStateMachine):
    """The queue against a model of it: nothing is lost, states only go forward, turns are taken."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.opened = Database.open(Path(self.folder.name, "antiphon.db"), now=0)
        self.jobs = Jobs(self.runner.run(self.opened.__aenter__()))
        self.states: dict[int, State] = {}
        self.users: dict[int, int] = {}
        self.counted: dict[tuple[Counter, int], int] = {}
        self.isolated: set[int] = set()
        self.exclusive: set[int] = set()
        self.workers: dict[int, int] = {}
        self.claims: dict[int, float] = {}
        self.clock = itertools.count(1)

    def teardown(self) -> None:
        self.runner.run(self.opened.__aexit__(None, None, None))
        self.runner.close()
        self.folder.cleanup()

    def having(self, *states: State) -> list[int]:
        return [job for job, state in self.states.items() if state in states]

    def running_on(self, worker: int | None) -> set[int]:
        return {job for job in self.having(State.RUNNING) if worker in (None, self.workers[job])}

    def expected_claim(self, worker: int) -> int | None:
        """Return the next job, unless isolation keeps it from what runs."""
        job, running, beside = self.expected_next(), self.running_on(None), self.running_on(worker)
        forbidden = (running and self.exclusive & {job, *running}) or (
            beside and self.isolated & {job, *beside}
        )
        return None if forbidden else job

    def expected_next(self) -> int | None:
        """Whose turn it is by the rule in words: longest unserved member, their oldest job."""
        queued = self.having(State.QUEUED)
        if not queued:
            return None
        served = {
            user: max((at for job, at in self.claims.items() if self.users[job] == user), default=0)
            for user in self.users.values()
        }
        oldest = {
            user: min(job for job in queued if self.users[job] == user)
            for user in {self.users[j] for j in queued}
        }
        user = min(oldest, key=lambda user: (served[user], oldest[user]))
        return oldest[user]

    @rule(user=st.integers(1, 4))
    def add(self, user: int) -> None:
        job = self.runner.run(self.jobs.add(request(user_id=user), next(self.clock), **MANY))
        self.states[job.id], self.users[job.id] = State.QUEUED, user

    @rule(worker=st.integers(0, 2))
    def claim(self, worker: int) -> None:
        expected = self.expected_claim(worker)
        now = next(self.clock)
        job = self.runner.run(self.jobs.claim(now, worker=worker))
        assert (job.id if job else None) == expected
        if job:
            self.states[job.id] = State.RUNNING
            self.claims[job.id] = now
            self.workers[job.id] = worker

    @precondition(lambda self: self.states)
    @rule(data=st.data(), end=st.sampled_from(["rendered", "fail", "cancel", "delivered"]))
    def end(self, data: st.DataObject, end: str) -> None:
        job = data.draw(st.sampled_from(sorted(self.states)))
        now = next(self.clock)
        origins, target = {
            "rendered": ({State.RUNNING}, State.RENDERED),
            "fail": ({State.QUEUED, State.RUNNING}, State.FAILED),
            "cancel": ({State.QUEUED, State.RUNNING}, State.CANCELLED),
            "delivered": ({State.RENDERED}, State.DELIVERED),
        }[end]
        calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "rendered": lambda: self.jobs.rendered(job, new_clip(str(job)), now),
            "fail": lambda: self.jobs.fail(job, "why", now),
            "cancel": lambda: self.jobs.cancel(job, now),
            "delivered": lambda: self.jobs.delivered(job, Delivery(1, 20, 10), now),
        }
        happened = self.runner.run(calls[end]()) is not None
        assert happened == (self.states[job] in origins)
        if happened:
            self.states[job] = target

    @rule(counter=st.sampled_from(COUNTERS), worker=st.none() | st.integers(0, 2))
    def killed(self, counter: Counter, worker: int | None) -> None:
        most = {"attempts": MAX_ATTEMPTS, "interruptions": MAX_INTERRUPTIONS}[counter]
        back, failed = self.runner.run(
            self.jobs.requeue_running(next(self.clock), counter, most, "it died", worker)
        )
        running = self.running_on(worker)
        spent = set()
        if len(running) == 1:
            [lone] = running
            self.counted[counter, lone] = self.counted.get((counter, lone), 0) + 1
            if self.counted[counter, lone] >= most:
                spent = {lone}
        assert {job.id for job in failed} == spent
        assert {job.id for job in back} == running - spent
        self.isolated |= running - spent
        self.exclusive |= running - spent if worker is None else set()
        for job in running:
            self.states[job] = State.FAILED if job in spent else State.QUEUED
            if job not in spent:
                del self.claims[job]

    @rule()
    def stopped(self) -> None:
        self.runner.run(self.jobs.release_running())
        for job in self.having(State.RUNNING):
            self.states[job] = State.QUEUED
            del self.claims[job]

    @invariant()
    def nothing_is_lost(self) -> None:
        assert {job: self.runner.run(self.jobs.get(job)).state for job in self.states} == self.states

    @invariant()
    def places_are_a_permutation(self) -> None:
        waiting = self.runner.run(self.jobs.waiting())
        assert sorted(w.id for w in waiting) == sorted(self.having(State.QUEUED))
        assert [w.queue_position for w in waiting] == list(range(1, len(waiting) + 1))
        assert (waiting[0].id if waiting else None) == self.expected_next()


QueueMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestQueue = QueueMachine.TestCase
