"""Kill windows: each brings the bot to one point of a delivery, asserts that it is there, and kills it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial

from sandbox.actors import text_of
from sandbox.faults import Fault
from tests.chaos.world import (
    EDIT,
    EDIT_POSTED,
    NONCE_FORGOTTEN,
    POST,
    TOKEN_OVER,
    Chaos,
    NotReachedError,
    Request,
    uploads_for,
)

Window = Callable[[Chaos], Awaitable[None]]


async def busy(chaos: Chaos) -> Request:
    """Have every worker render a clip half-way; return the last request, whose progress is shown."""
    requests = [await chaos.ask("held") for _ in range(chaos.workers)]

    def all_run() -> bool:
        return all(chaos.state_of(one) == "running" for one in requests)

    await chaos.until(all_run, "a clip running in each worker")
    request = requests[-1]

    def shows_progress() -> bool:
        message = request.reply.message
        return message is not None and "%" in text_of(message)

    await chaos.until(shows_progress, "the progress shown")
    return request


async def queued(chaos: Chaos) -> None:
    """Several clips wait behind one that renders."""
    requests = [await chaos.ask("held") for _ in range(chaos.workers + 2)]
    for request in requests:
        await chaos.until(partial(chaos.state_of, request), "the jobs in the queue")
    assert [chaos.state_of(r) for r in requests].count("queued") >= 2
    await chaos.kill("queued")


async def rendering(chaos: Chaos) -> None:
    """A clip is being rendered."""
    await busy(chaos)
    await chaos.kill("rendering")


async def rendered_unrecorded(chaos: Chaos) -> None:
    """The clip's file is published, and the database does not take the record."""
    request = await busy(chaos)
    clips = chaos.bot.folder / "clips"
    before = set(clips.glob("*.mp3"))
    with closing(sqlite3.connect(chaos.bot.folder / "antiphon.db", isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        chaos.bot.let_through(chaos.workers)
        await chaos.until(lambda: set(clips.glob("*.mp3")) - before, "the published file")
        await chaos.kill("rendered, unrecorded")
        lock.execute("ROLLBACK")
    assert chaos.state_of(request) == "running"


async def rendered_unsent(chaos: Chaos) -> None:
    """The clip is recorded, and the edit of the answer has no effect yet."""
    await _held_at(chaos, EDIT, after_effect=False, window="rendered, unsent")


async def sent_unrecorded(chaos: Chaos) -> None:
    """The edit took effect, and its answer never came."""
    await _held_at(chaos, EDIT, after_effect=True, window="sent, unrecorded")


async def sent_unrecorded_then_expired(chaos: Chaos) -> None:
    """As sent_unrecorded, and the token is dead when the bot starts again."""
    await _held_at(chaos, EDIT, after_effect=True, window="sent, unrecorded, token over")
    chaos.bot.advance(TOKEN_OVER)


async def late_unsent(chaos: Chaos) -> None:
    """The token is dead; the post has no effect yet."""
    await _held_at(chaos, POST, after_effect=False, window="late post, unsent", late=True)


async def late_unrecorded(chaos: Chaos) -> None:
    """The token is dead; the post took effect, and its answer never came."""
    await _held_at(chaos, POST, after_effect=True, window="late post, unrecorded", late=True)


async def late_unrecorded_nonce_forgotten(chaos: Chaos) -> None:
    """As late_unrecorded, and Discord has forgotten the nonce when the bot starts again."""
    await _held_at(chaos, POST, after_effect=True, window="late post, nonce forgotten", late=True)
    chaos.bot.advance(NONCE_FORGOTTEN)


async def failure_unrecorded(chaos: Chaos) -> None:
    """The notice of a failure took effect, and its answer never came."""
    _, request = await busy(chaos), await chaos.ask("broken")
    await chaos.until(lambda: chaos.state_of(request) == "queued", "the clip queued")
    fault = _notice_of(chaos, request)
    chaos.bot.let_through()
    await chaos.killed_when_struck("failure notice, unrecorded", fault)


async def late_failure_unrecorded(chaos: Chaos) -> None:
    """The same after the token's death."""
    _, request = await busy(chaos), await chaos.ask("broken")
    await chaos.until(lambda: chaos.state_of(request) == "queued", "the clip queued")
    chaos.bot.advance(TOKEN_OVER)
    fault = _notice_of(chaos, request)
    chaos.bot.let_through()
    await chaos.killed_when_struck("late failure notice, unrecorded", fault)


async def cancelled_late(chaos: Chaos) -> None:
    """A member cancels after the token's death, and the bot is killed before the message shows it."""
    request = await busy(chaos)
    chaos.bot.advance(TOKEN_OVER)
    fault = chaos.sandbox.faults.hold(
        after_effect=False,
        where=lambda t: t.operation in (POST, EDIT_POSTED, EDIT) and "Cancelled" in str(t.body),
    )
    message = request.reply.message
    if message is None:
        raise NotReachedError("the progress message")
    await request.author.click(message, "Cancel", wait=False)
    await chaos.killed_when_struck("cancelled late, untold", fault)


async def worker_killed(chaos: Chaos) -> None:
    """One or more workers die while all of them render; the bot lives."""
    await busy(chaos)
    chaos.kill_workers(chaos.rng.randint(1, chaos.workers))


async def worker_and_bot_killed(chaos: Chaos) -> None:
    """A worker dies while it renders, and the bot with it before the job is back in the queue."""
    await busy(chaos)
    chaos.kill_workers(1)
    await chaos.kill("bot, a worker just killed")


async def node_killed(chaos: Chaos) -> None:
    """A node of the cluster is lost with the worker that renders on it; the bot lives."""
    assert chaos.cluster is not None
    await busy(chaos)
    await chaos.cluster.kill_node(chaos.rng)
    chaos.kills["node, rendering"] += 1


async def node_and_bot_killed(chaos: Chaos) -> None:
    """A node is lost, and the bot is killed before it can know."""
    assert chaos.cluster is not None
    await busy(chaos)
    await asyncio.gather(chaos.cluster.kill_node(chaos.rng), chaos.kill("bot, a node just killed"))
    chaos.kills["node, rendering"] += 1


async def takes_sent_unrecorded(chaos: Chaos) -> None:
    """The message with several takes took effect, and its answer never came."""
    request = await chaos.ask("held", takes=2)
    fault = chaos.sandbox.faults.hold(operation=EDIT, after_effect=True, where=uploads_for(request))
    await chaos.until(lambda: chaos.state_of(request), "the takes in the queue")
    chaos.bot.let_through(2)
    await chaos.killed_when_struck("takes sent, unrecorded", fault)
    assert chaos.state_of(request) == "rendered"


async def duel_rendering(chaos: Chaos) -> None:
    """Both clips of a duel wait or render."""
    request = await chaos.duel()
    await chaos.until(lambda: chaos.duel_state(request) == "rendering", "the duel in the queue")
    await chaos.kill("duel, rendering")


async def duel_posted_unrecorded(chaos: Chaos) -> None:
    """The duel's message took effect, and its answer never came."""
    request = await chaos.duel()
    fault = chaos.sandbox.faults.hold(operation=POST, after_effect=True, where=uploads_for(request))
    await chaos.killed_when_struck("duel posted, unrecorded", fault)


async def duel_closed_unrecorded(chaos: Chaos) -> None:
    """The result of a duel is shown, and its answer never came."""
    request = await chaos.duel()
    await chaos.until(lambda: chaos.duel_state(request) == "open", "the duel open")
    [message] = [m for m in chaos.messages(request.word) if any(a.filename == "a.mp3" for a in m.attachments)]
    chaos.bot.advance(60)
    for name in ("alice", "carol"):
        reply = await chaos.sandbox.member(name).click(message, "A")
        await reply.finished()
    fault = chaos.sandbox.faults.hold(operation=EDIT_POSTED, after_effect=True, message_id=message.id)
    await request.author.click(message, "Close", wait=False)
    await chaos.killed_when_struck("duel closed, unrecorded", fault)
    votes = chaos.query(
        "SELECT count(*) FROM duel_votes JOIN duels ON duels.id = duel_id WHERE prompt = ?", request.word
    )
    assert votes == [(2,)], "two votes were confirmed to the members"


async def deleted_unrecorded(chaos: Chaos) -> None:
    """A clip is deleted in Discord, and the bot does not learn it."""
    request = await chaos.ask()
    await chaos.until(lambda: chaos.state_of(request) == "delivered", "the clip delivered")
    [message] = [m for m in chaos.messages(request.word) if m.attachments]
    fault = chaos.sandbox.faults.hold(
        after_effect=True, where=lambda t: t.operation.startswith("delete_") and t.message_id == message.id
    )
    menu = await (await request.author.click(message, "More")).followup()
    question = await (await request.author.click(menu, "Delete")).followup()
    await request.author.click(question, "Delete", wait=False)
    await chaos.killed_when_struck("deleted, unrecorded", fault)


def _notice_of(chaos: Chaos, request: Request) -> Fault:
    """Return a fault that holds the answer to the request's failure notice, wherever it is shown."""
    return chaos.sandbox.faults.hold(
        after_effect=True,
        where=lambda t: (
            t.operation in (POST, EDIT, EDIT_POSTED)
            and "did not work" in str(t.body)
            and request.word in str(t.body)
        ),
    )


async def _held_at(
    chaos: Chaos, operation: str, *, after_effect: bool, window: str, late: bool = False
) -> None:
    request = await busy(chaos)
    if late:
        chaos.bot.advance(TOKEN_OVER)
    fault = chaos.sandbox.faults.hold(
        operation=operation, after_effect=after_effect, where=uploads_for(request)
    )
    chaos.bot.let_through(chaos.workers)
    await chaos.killed_when_struck(window, fault)
    assert chaos.state_of(request) == "rendered"


WINDOWS: tuple[Window, ...] = (
    queued,
    rendering,
    rendered_unrecorded,
    rendered_unsent,
    sent_unrecorded,
    sent_unrecorded_then_expired,
    late_unsent,
    late_unrecorded,
    late_unrecorded_nonce_forgotten,
    failure_unrecorded,
    late_failure_unrecorded,
    cancelled_late,
    worker_killed,
    worker_and_bot_killed,
    takes_sent_unrecorded,
    duel_rendering,
    duel_posted_unrecorded,
    duel_closed_unrecorded,
    deleted_unrecorded,
)
CLUSTER_WINDOWS: tuple[Window, ...] = (node_killed, node_and_bot_killed)
"""Beside the others, with workers on the nodes of a cluster."""
