"""/privacy: a copy of everything that is kept of a member, and its erasure, whatever is killed in between."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from bot.store.personal import REGISTRY
from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.model import Message
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import clips_in, eventually, made, private, queued, rendering

BY_BOT = "delete_message"
VIOLIN = "wistful zanzibar violin"


@pytest.fixture
def bot(own_bot: BotProcess) -> BotProcess:
    return own_bot


def query(bot: BotProcess, sql: str) -> list[Any]:
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection:
        return connection.execute(sql).fetchall()


def members_in(bot: BotProcess) -> set[int]:
    """Return every member's id that the database holds."""
    columns = [(table, column) for table, what in REGISTRY.items() for column in what.members]
    return {row[0] for table, column in columns for row in query(bot, f"SELECT {column} FROM {table}")}


def files_of(bot: BotProcess) -> list[str]:
    return sorted(path.name for path in (bot.folder / "clips").rglob("*") if path.is_file())


def said_in(music: ChannelHandle) -> list[str]:
    """Return what the channel's messages that everybody sees say."""
    return [text_of(message) for message in music.messages if message.ephemeral_for is None]


async def exported(actor: Actor) -> dict[str, Any]:
    message = await private(await actor.slash("privacy export"))
    [file] = message.attachments
    data: dict[str, Any] = json.loads(actor.sandbox.bytes_of(file))
    return data


async def asked_to_erase(actor: Actor) -> Message:
    return await private(await actor.slash("privacy erase"))


async def full(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    """Let alice leave something everywhere, and bob a clip."""
    clip = await made(alice, VIOLIN)
    await made(bob, "bobs tune")
    form = await alice.message_menu("Save as preset", clip)
    await private(
        await alice.submit(form, {"name": "Zanzibar", "template": "{prompt} in zanzibar", "tags": "rain"})
    )
    await private(await alice.slash("coach", prompt="zanzibar drums"))
    await eventually(
        lambda: len(query(bot, "SELECT 1 FROM jobs WHERE state = 'delivered'")) == 2, "the records"
    )


async def test_an_export_holds_everything_and_no_secret(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    await full(bot, alice, bob)
    data = await exported(alice)
    assert data["user_id"] == str(alice.id)
    tables = data["tables"]
    assert {"jobs", "clips", "presets", "preset_versions", "coached"} <= tables.keys()
    assert tables["clips"][0]["recipe"]["prompt"] == VIOLIN
    assert tables["coached"][0]["prompt"] == "zanzibar drums"
    assert "bobs tune" not in json.dumps(data)
    assert "interaction_token" not in json.dumps(data)
    assert (await exported(bob))["tables"].keys() == {"jobs", "clips"}


async def test_an_erased_member_is_nowhere(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    await full(bot, alice, bob)
    await rendering(alice, "zanzibar in the works")
    await queued(alice, "zanzibar in line")
    asked = await asked_to_erase(alice)
    assert "This erases 1 clip, 3 requests, 1 preset and 1 coached prompt, for good." in text_of(asked)
    assert alice.id in members_in(bot), "nothing goes before the answer"
    assert "Erased" in text_of(await private(await alice.click(asked, "Erase everything")))

    assert members_in(bot) == {0, bob.id}
    await eventually(lambda: query(bot, "SELECT 1 FROM clip_deletions") == [], "the messages to go")
    assert files_of(bot) == ["00000002.mp3", "00000002.png"]
    assert len(clips_in(music)) == 1
    assert not [text for text in said_in(music) if "zanzibar" in text]
    assert {state for (state,) in query(bot, "SELECT state FROM jobs WHERE user_id = 0")} == {
        "delivered",
        "cancelled",
    }
    # The worker is free again, and asking anew begins from nothing.
    await made(alice, "a new start")
    assert len((await exported(alice))["tables"]["clips"]) == 1
    assert not [line for line in bot.lines if "Traceback" in line or "broke" in line]


async def test_an_erasure_that_was_killed_is_completed_at_the_start(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    await full(bot, alice, bob)
    asked = await asked_to_erase(alice)
    held = bot.sandbox.faults.hold(operation=BY_BOT, times=None)
    await alice.click(asked, "Erase everything")
    await held.until_struck()
    assert len(clips_in(music)) == 2
    await bot.kill()
    # As if it had been killed before the files were removed, too.
    (bot.folder / "clips" / "00000001.mp3").write_bytes(b"left")
    bot.sandbox.faults.clear()
    await bot.restart()
    await eventually(lambda: query(bot, "SELECT 1 FROM clip_deletions") == [], "the messages to go")
    await eventually(lambda: files_of(bot) == ["00000002.mp3", "00000002.png"], "the files to go")
    assert len(clips_in(music)) == 1
    assert members_in(bot) == {0, bob.id}


async def test_nobody_erases_somebody_else(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    await made(alice, "tune")
    asked = await asked_to_erase(alice)
    # A client shows the button to alice alone; its custom_id can be sent by anybody.
    asked.ephemeral_for = None
    refused = await private(await bob.click(asked, "Erase everything"))
    assert "somebody else's data" in text_of(refused)
    assert alice.id in members_in(bot)
