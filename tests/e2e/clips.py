"""Helpers for messages with clips in the channel, and waiting for them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.actors import Actor, ChannelHandle, Reply, text_of
from sandbox.backend import Backend
from sandbox.components import walk
from sandbox.model import Message

WAIT = 90.0
"""Seconds after which a wait has failed: far more than anything takes, on a busy machine too."""


async def ask(actor: Actor, prompt: str, at: ChannelHandle | None = None, **options: Any) -> Reply:
    """Use /music for a short clip."""
    return await actor.slash("music", {"prompt": prompt, "seconds": 2} | options, at=at)


async def clip_of(reply: Reply) -> Message:
    """Return the answer once it carries the clip."""
    return await carries_clip(await reply.finished(WAIT), reply.sandbox)


async def queued(actor: Actor, prompt: str, at: ChannelHandle | None = None, **options: Any) -> Message:
    """Use /music and return the answer once it shows that the clip is in the queue or further."""
    message = await (await ask(actor, prompt, at, **options)).finished(WAIT)
    await text_in(message, prompt, actor.sandbox)
    return message


async def rendering(actor: Actor, prompt: str, at: ChannelHandle | None = None, **options: Any) -> Message:
    """Use /music with a `held` prompt and return the answer once it shows that the worker is at it."""
    message = await queued(actor, f"held {prompt}", at, **options)
    await text_in(message, r"▱ \d+ %", actor.sandbox)
    return message


async def private(reply: Reply) -> Message:
    """Return the answer that only who acted sees, once it is no longer “thinking …”."""

    def answer() -> Message | None:
        there = [one for one in (reply.message, *reply.followups) if one is not None and not one.loading]
        return there[0] if there else None

    message: Message = await reply.sandbox.until(answer, WAIT, "an answer")
    assert message.ephemeral_for == reply.interaction.user_id
    return message


async def eventually(happened: Callable[[], object], what: str) -> None:
    """Return once `happened` says so: for what the sandbox does not see."""
    try:
        async with asyncio.timeout(WAIT):
            while not happened():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"Waited {WAIT:g} s for {what}.") from None


async def carries_clip(message: Message, sandbox: Backend) -> Message:
    """Return the message once it carries the clip."""
    await _shows(message, lambda: bool(message.attachments), "a clip", sandbox)
    return message


async def text_in(message: Message, pattern: str, sandbox: Backend) -> None:
    """Return once the message's text matches."""
    await _shows(message, lambda: bool(re.search(pattern, text_of(message))), f"“{pattern}”", sandbox)


async def _shows(message: Message, happened: Callable[[], bool], what: str, sandbox: Backend) -> None:
    try:
        await sandbox.until(lambda: happened() or None, WAIT, what)
    except TimeoutError:
        raise AssertionError(f"Waited {WAIT:g} s for {what}; there is: {text_of(message)}") from None


async def made(actor: Actor, prompt: str, at: ChannelHandle | None = None, **options: Any) -> Message:
    """Use /music and return the message with the clip."""
    return await clip_of(await ask(actor, prompt, at, **options))


def mp3_of(message: Message, sandbox: Backend, folder: Path) -> Path:
    """Fetch the message's MP3 into a file."""
    attachment = next(a for a in message.attachments if a.filename.endswith(".mp3"))
    path = folder / attachment.filename
    path.write_bytes(sandbox.bytes_of(attachment))
    return path


def button_ids(message: Message) -> list[str]:
    return [node["custom_id"] for _, node in walk(message.components) if "custom_id" in node]


async def more(actor: Actor, message: Message) -> Message:
    """Press More under a clip, and return what it opens."""
    opened = await (await actor.click(message, "More")).followup(0, WAIT)
    assert opened.ephemeral_for == actor.id
    return opened


async def pressed(actor: Actor, message: Message, button: str) -> Reply:
    """Press a button that stands behind More."""
    return await actor.click(await more(actor, message), button)


async def asked_to_delete(actor: Actor, message: Message) -> Message:
    """Press Delete behind More, and return the question that is asked back."""
    question = await (await pressed(actor, message, "Delete")).followup(0, WAIT)
    assert question.ephemeral_for == actor.id
    return question


async def delete(actor: Actor, message: Message) -> Reply:
    """Press Delete behind More, and again where that is asked back; return the second press."""
    return await actor.click(await asked_to_delete(actor, message), "Delete")


def with_earlier_buttons(message: Message, clip_id: int) -> None:
    """Put the buttons under a clip's message that clips had before there was More; the bot is not told."""
    kinds = ("again", "other", "duel", "details", "delete")
    row = [
        {"type": 2, "id": id, "style": 2, "label": kind.capitalize(), "custom_id": f"clip:{kind}:{clip_id}"}
        for id, kind in enumerate(kinds, start=2)
    ]
    message.components = [{"type": 1, "id": 1, "components": row}]


def id_of(message: Message) -> int:
    """Return the clip that a message carries, by its buttons."""
    [more] = [one for one in button_ids(message) if one.startswith("clip:more:")]
    return int(more.rpartition(":")[2])


def labels(message: Message) -> list[str]:
    """Return what stands on the message's buttons."""
    return [node["label"] for _, node in walk(message.components) if "label" in node]


def clips_in(room: ChannelHandle) -> list[Message]:
    """Return every message of the channel that carries a clip."""
    return [
        message for message in room.messages if any(a.filename.endswith(".mp3") for a in message.attachments)
    ]
