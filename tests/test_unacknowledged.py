from __future__ import annotations

import asyncio

from bot.unacknowledged import Unacknowledged

LONG = 60.0


async def test_nobody_waits_where_all_are_acknowledged() -> None:
    await asyncio.wait_for(Unacknowledged().none_left(LONG), 1)


async def test_what_is_less_urgent_waits_for_the_last_one() -> None:
    left = Unacknowledged()
    left.add(1)
    left.add(2)
    waiting = asyncio.create_task(left.none_left(LONG))
    left.discard(1)
    left.discard(1)
    for _ in range(10):  # more turns of the loop than it takes to return
        await asyncio.sleep(0)
    assert not waiting.done()
    left.discard(2)
    await asyncio.wait_for(waiting, 1)


async def test_it_waits_no_longer_than_it_may() -> None:
    left = Unacknowledged()
    left.add(1)
    await asyncio.wait_for(left.none_left(0.01), 1)


async def test_a_command_that_ended_holds_nothing_up() -> None:
    left = Unacknowledged()

    async def broken() -> None:
        left.add(1)

    await asyncio.create_task(broken())
    await asyncio.wait_for(left.none_left(LONG), 1)
