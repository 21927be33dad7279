from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from sandbox.faults import Fault, never_struck, recorded
from sandbox.server import Sandbox
from tests.sandbox.raw import Raw


async def test_a_lost_answer_leaves_its_effect(discord: Sandbox, raw: Raw) -> None:
    fault = discord.faults.lose_answer(operation="create_message")
    with pytest.raises(aiohttp.ClientError):
        await raw.post(content="done in silence", nonce="job", enforce_nonce=True)
    assert fault.struck == 1
    (message,) = raw.music.messages
    again = await raw.post(content="done in silence", nonce="job", enforce_nonce=True)
    assert again.body["id"] == str(message.id)


async def test_a_lost_acknowledgement_took_effect(discord: Sandbox, raw: Raw) -> None:
    interaction = await raw.slash()
    discord.faults.lose_answer(operation="create_interaction_response", channel_id=raw.music.id)
    with pytest.raises(aiohttp.ClientError):
        await raw.respond(interaction, 5)
    assert (await raw.respond(interaction, 5)).code == 40060
    edit = await raw.call("PATCH", raw.webhook(interaction, "@original"), {"content": "on it"}, token="")
    assert edit.ok


async def test_a_refusal_is_lost_too(discord: Sandbox, raw: Raw) -> None:
    discord.faults.lose_answer(operation="create_message")
    with pytest.raises(aiohttp.ClientError):
        await raw.post(content="x" * 2001)
    assert raw.music.messages == []


async def test_a_cut_comes_before_the_effect(discord: Sandbox, raw: Raw) -> None:
    fault = discord.faults.cut(operation="create_message")
    with pytest.raises(aiohttp.ClientError):
        await raw.post(content="lost")
    assert (fault.struck, raw.music.messages) == (1, [])


async def test_delays_follow_the_clock(discord: Sandbox, raw: Raw) -> None:
    fault = discord.faults.delay(10, times=2)
    waiting = [asyncio.create_task(raw.post(content=word)) for word in ("one", "two")]
    await fault.until_struck(2)
    discord.clock.advance(9.9)
    # Another request goes there and back meanwhile.
    assert (await raw.call("GET", "/users/@me")).ok
    assert raw.music.messages == []
    discord.clock.advance(0.1)
    assert [(await one).status for one in waiting] == [200, 200]


async def test_only_the_answer_is_late(discord: Sandbox, raw: Raw) -> None:
    fault = discord.faults.delay(10, operation="create_message", after_effect=True)
    waiting = asyncio.create_task(raw.post(content="there at once"))
    await fault.until_struck()
    await discord.until(lambda: raw.music.messages or None, 30, "the message")
    assert not waiting.done()
    discord.clock.advance(10)
    assert (await waiting).ok


async def test_a_held_request_goes_on_when_the_fault_is_cleared(discord: Sandbox, raw: Raw) -> None:
    fault = discord.faults.hold(operation="create_message", times=None)
    waiting = asyncio.create_task(raw.post(content="held"))
    await fault.until_struck()
    discord.clock.advance(3600)
    assert (await raw.call("GET", "/users/@me")).ok
    assert raw.music.messages == []
    fault.clear()
    assert (await waiting).ok
    assert (await raw.post(content="holds no more")).ok


@pytest.mark.parametrize("let_go", [Fault.clear, Fault.take_back])
async def test_a_held_request_is_dropped_when_its_client_has_left(
    discord: Sandbox, raw: Raw, let_go: Callable[[Fault], None]
) -> None:
    fault = discord.faults.hold(operation="create_message")
    async with Raw(discord) as leaving:
        waiting = asyncio.create_task(leaving.post(content="nobody waits for it"))
        await fault.until_struck()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    let_go(fault)
    assert (await raw.post(content="after it")).ok
    assert [message.content for message in raw.music.messages] == ["after it"]


async def test_slow_uploads_take_their_size_in_time(discord: Sandbox, raw: Raw) -> None:
    fault = discord.faults.slow_uploads(100, operation="create_message")
    assert (await raw.post(content="no file, no wait")).ok
    waiting = asyncio.create_task(raw.post({"a.mp3": bytes(1000)}))
    await fault.until_struck()
    discord.clock.advance(9.9)
    assert (await raw.call("GET", "/users/@me")).ok
    assert not waiting.done()
    discord.clock.advance(0.1)
    assert (await waiting).ok


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ({"code": 50083}, 400, {"code": 50083, "message": "Thread is archived"}),
        ({"status": 403, "code": 50083}, 403, {"code": 50083, "message": "Thread is archived"}),
        ({"code": 200000, "message": "Blocked"}, 400, {"code": 200000, "message": "Blocked"}),
        ({"status": 418, "code": 777, "message": "new"}, 418, {"code": 777, "message": "new"}),
        ({}, 500, {"code": 0, "message": "500: a fault that was asked for"}),
        ({"code": 20016}, 429, None),
        ({"status": 503}, 503, None),
    ],
)
async def test_a_failure_carries_its_code(
    discord: Sandbox, raw: Raw, asked: dict[str, Any], status: int, body: Any
) -> None:
    discord.faults.fail(**asked, operation="create_message")
    answer = await raw.post(content="x")
    assert answer.status == status
    if body is not None:
        assert answer.body == body
    elif status == 429:
        assert (answer.code, answer.body["retry_after"], answer.headers["Via"]) == (20016, 1.0, "1.1 sandbox")
    else:
        assert answer.body.startswith("upstream connect error")
    assert raw.music.messages == []


async def test_an_effect_and_then_a_bad_gateway(discord: Sandbox, raw: Raw) -> None:
    discord.faults.fail(502, after_effect=True, operation="create_message")
    answer = await raw.post(content="it is there")
    assert (answer.status, "502 Bad Gateway" in answer.body) == (502, True)
    assert [message.content for message in raw.music.messages] == ["it is there"]


async def test_a_fault_is_aimed_at_one_message(discord: Sandbox, raw: Raw) -> None:
    first, second = [(await raw.post(content=word)).body["id"] for word in ("one", "two")]
    fault = discord.faults.fail(code=10008, message_id=int(second), times=None)
    assert (await raw.edit(first, content="1")).ok
    assert (await raw.edit(second, content="2")).code == 10008
    assert fault.struck == 1


async def test_a_fault_is_aimed_at_the_response_to_one_interaction(discord: Sandbox, raw: Raw) -> None:
    interactions = [await raw.slash(), await raw.slash()]
    for interaction in interactions:
        assert (await raw.respond(interaction, 4, {"content": "hello"})).ok
    aimed = interactions[1].response_message_id
    assert aimed is not None
    discord.faults.fail(code=50027, message_id=aimed)
    edits = [
        await raw.call("PATCH", raw.webhook(interaction, "@original"), {"content": "edited"}, token="")
        for interaction in interactions
    ]
    assert [answer.code for answer in edits] == [None, 50027]


async def test_a_fault_is_aimed_by_what_is_sent(discord: Sandbox, raw: Raw) -> None:
    def with_files(target: Any) -> bool:
        return bool(target.uploads)

    discord.faults.fail(code=40005, operation="create_message", where=with_files)
    assert (await raw.post(content="words")).ok
    assert (await raw.post({"a.mp3": b"sound"})).status == 413


async def test_a_fault_elsewhere_strikes_nothing_here(discord: Sandbox, raw: Raw) -> None:
    lobby = discord.dm("alice")
    fault = discord.faults.fail(code=50013, channel_id=lobby.id)
    assert (await raw.post(content="x")).ok
    assert fault.struck == 0
    fault.take_back()


async def test_faults_can_be_taken_back(discord: Sandbox, raw: Raw) -> None:
    discord.faults.fail(500, times=9).take_back()
    assert (await raw.post(content="x")).ok


@pytest.mark.parametrize("operation", ["create_massage", "create_stage_instance"])
def test_an_operation_that_is_not_there_is_refused(discord: Sandbox, operation: str) -> None:
    with pytest.raises(ValueError, match=operation):
        discord.faults.fail(500, operation=operation)


def test_a_code_without_a_known_status_is_refused(discord: Sandbox) -> None:
    with pytest.raises(ValueError, match="777"):
        discord.faults.fail(code=777)


async def test_a_fault_that_never_struck_is_named(discord: Sandbox, raw: Raw) -> None:
    with recorded() as faults:
        discord.faults.fail(503, operation="create_message")
        missed = discord.faults.lose_answer(operation="update_message")
        discord.faults.hold(operation="delete_message", optional=True)
        sockets = discord.faults.drop_sockets()
        assert not (await raw.post(content="x")).ok
        discord.faults.clear()
    assert never_struck(faults) == ["lose_answer(operation='update_message')", "drop_sockets()"]
    missed.take_back()
    sockets.take_back()


async def test_a_global_limit_says_so(discord: Sandbox, raw: Raw) -> None:
    discord.faults.rate_limit(1.5, scope_global=True)
    answer = await raw.call("GET", "/users/@me")
    assert (answer.body["global"], answer.headers["X-RateLimit-Global"]) == (True, "true")
    assert answer.headers["Via"]


async def test_a_ban_by_cloudflare_has_no_via(discord: Sandbox, raw: Raw) -> None:
    discord.faults.rate_limit(90, cloudflare=True)
    answer = await raw.call("GET", "/users/@me")
    assert (answer.status, answer.body, answer.headers["Retry-After"]) == (429, "error code: 1015", "90")
    assert "Via" not in answer.headers
