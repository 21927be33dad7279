from __future__ import annotations

import asyncio

import aiohttp
import pytest

from sandbox.server import Sandbox
from tests.sandbox.raw import Raw


async def struck(sandbox: Sandbox) -> None:
    """Return once every fault has met its request."""
    async with asyncio.timeout(30):
        while sandbox.faults.waiting:
            await asyncio.sleep(0.001)


async def test_a_lost_answer_leaves_its_effect(discord: Sandbox, raw: Raw) -> None:
    discord.faults.lose_answer(operation="create_message")
    with pytest.raises(aiohttp.ClientError):
        await raw.post(content="done in silence", nonce="job", enforce_nonce=True)
    (message,) = raw.music.messages
    again = await raw.post(content="done in silence", nonce="job", enforce_nonce=True)
    assert again.body["id"] == str(message.id)


async def test_delays_follow_the_clock(discord: Sandbox, raw: Raw) -> None:
    discord.faults.delay(10, times=2)
    waiting = [asyncio.create_task(raw.post(content=word)) for word in ("one", "two")]
    await struck(discord)
    discord.clock.advance(9.9)
    await asyncio.sleep(0.05)
    assert raw.music.messages == []
    discord.clock.advance(0.1)
    assert [(await one).status for one in waiting] == [200, 200]


async def test_slow_uploads_take_their_size_in_time(discord: Sandbox, raw: Raw) -> None:
    discord.faults.slow_uploads(100, operation="create_message")
    assert (await raw.post(content="no file, no wait")).ok
    waiting = asyncio.create_task(raw.post({"a.mp3": bytes(1000)}))
    await struck(discord)
    # The body is read after the fault was drawn; turn the clock until the wait is over.
    passed = 0
    async with asyncio.timeout(30):
        while not waiting.done():
            discord.clock.advance(1)
            passed += 1
            await asyncio.sleep(0.005)
    assert passed >= 10
    assert (await waiting).ok


async def test_faults_can_be_taken_back(discord: Sandbox, raw: Raw) -> None:
    discord.faults.fail(500, times=9)
    discord.faults.clear()
    assert (await raw.post(content="x")).ok


async def test_a_global_limit_says_so(discord: Sandbox, raw: Raw) -> None:
    discord.faults.rate_limit(1.5, scope_global=True)
    answer = await raw.call("GET", "/users/@me")
    assert (answer.body["global"], answer.headers["X-RateLimit-Global"]) == (True, "true")
