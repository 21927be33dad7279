"""Callers at the same time share a run, and none is told of a state from before its call."""

from __future__ import annotations

import asyncio

import pytest

from bot.jobs.shared_call import SharedCall


class Counted:
    """Counts what happened; a run reads the count as it begins, and ends when it is let go."""

    def __init__(self) -> None:
        self.count = self.runs = 0
        self.failing_run = 0
        self.free = asyncio.Event()

    async def read(self) -> int:
        self.runs += 1
        run = self.runs
        seen = self.count
        await self.free.wait()
        if run == self.failing_run:
            raise OSError("the disk is full")
        return seen


async def started(call: SharedCall[int]) -> asyncio.Task[int]:
    task = asyncio.ensure_future(call())
    await asyncio.sleep(0)
    return task


async def test_a_hundred_calls_at_once_take_two_runs() -> None:
    counted = Counted()
    call = SharedCall(counted.read)
    first = await started(call)
    counted.count = 1
    others = [await started(call) for _ in range(100)]
    counted.free.set()
    assert (await first, set(await asyncio.gather(*others)), counted.runs) == (0, {1}, 2)


async def test_a_call_during_a_run_is_told_of_what_came_before_it() -> None:
    counted = Counted()
    call = SharedCall(counted.read)
    tasks = []
    for count in range(5):
        counted.count = count
        tasks.append(await started(call))
        counted.free.set()
        await asyncio.sleep(0)
    assert all(seen >= count for count, seen in enumerate(await asyncio.gather(*tasks)))


async def test_a_cancelled_and_a_failed_caller_leave_the_others_their_answer() -> None:
    counted = Counted()
    call = SharedCall(counted.read)
    first, second, third = [await started(call) for _ in range(3)]
    first.cancel()
    counted.failing_run = 2
    counted.free.set()
    with pytest.raises(OSError, match="the disk is full"):
        await second
    assert await third == 0
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_calls_within_the_pause_after_a_run_share_the_next_one() -> None:
    counted = Counted()
    counted.free.set()
    call = SharedCall(counted.read, pause=3_600)
    await call()
    waiting = [await started(call) for _ in range(5)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert counted.runs == 1
    for task in waiting:
        task.cancel()


async def test_a_call_within_the_pause_is_told_of_what_came_before_it() -> None:
    counted = Counted()
    counted.free.set()
    call = SharedCall(counted.read, pause=0.01)
    for count in range(5):
        counted.count = count
        assert await call() == count
