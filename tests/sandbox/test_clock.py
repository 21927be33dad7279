from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.clock import Clock


@given(delays=st.lists(st.integers(0, 100), max_size=20), steps=st.lists(st.integers(0, 30), max_size=20))
def test_timers_ring_once_in_order_when_their_time_has_come(delays: list[int], steps: list[int]) -> None:
    clock, rung = Clock(paused_at=0.0), []
    for delay in delays:
        clock.call_later(delay, lambda due=delay: rung.append((due, clock.now())))  # type: ignore[misc]
    for step in [0, *steps]:
        clock.advance(step)
    passed = clock.now()
    assert passed == sum(steps)
    assert [due for due, _ in rung] == sorted(delay for delay in delays if delay <= passed)
    assert all(now == due for due, now in rung)


def test_a_timer_may_set_another_on_the_way() -> None:
    clock, rung = Clock(paused_at=0.0), []

    def ring() -> None:
        rung.append(clock.now())
        clock.call_later(2, ring)

    clock.call_later(2, ring)
    clock.advance(7)
    assert rung == [2, 4, 6]


async def test_a_running_clock_wakes_sleepers_when_turned() -> None:
    clock = Clock()
    sleeper = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)
    clock.advance(3600)
    await asyncio.wait_for(sleeper, 30)


async def test_a_running_clock_rings_by_itself() -> None:
    clock, rung = Clock(), asyncio.Event()
    clock.call_later(0.001, rung.set)
    await asyncio.wait_for(rung.wait(), 30)


def test_cancelled_timers_and_backward_turns() -> None:
    clock = Clock(paused_at=0.0)
    timer = clock.call_later(1, lambda: pytest.fail("It was cancelled."))
    timer.cancel()
    clock.advance(2)
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)
