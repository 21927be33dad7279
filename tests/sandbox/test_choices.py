"""What Discord's client sends for an option: the choice that was picked, and the text that was typed."""

from __future__ import annotations

import asyncio
from typing import Any

from sandbox.server import Sandbox
from tests.sandbox.raw import Raw
from tests.sandbox.requests import opt, taking

CHOICES = [
    {"name": "rain", "value": "1"},
    {"name": "rain", "value": "2"},
    {"name": "snow", "value": "3"},
]


async def picked(discord: Sandbox, raw: Raw, **how: Any) -> Any:
    """What is sent when a choice is picked, the bot having offered `CHOICES`."""
    await raw.register(taking(opt(autocomplete=True)))
    before = set(discord.world.interactions)
    picking = asyncio.create_task(discord.member("alice").pick("play", "o", "r", **how))
    await discord.until(lambda: set(discord.world.interactions) - before or None, 10, "the question")
    (key,) = set(discord.world.interactions) - before
    assert (await raw.respond(discord.world.interactions[key], 8, {"choices": CHOICES})).ok
    return await picking


async def test_of_choices_with_one_name_the_first_is_sent(discord: Sandbox, raw: Raw) -> None:
    assert await picked(discord, raw, choice=1) == "1"
    assert await picked(discord, raw, choice=2) == "3"
    assert await picked(discord, raw, choice="snow") == "3"


async def test_after_switching_channels_the_name_is_sent(discord: Sandbox, raw: Raw) -> None:
    assert await picked(discord, raw, choice=2, after_switching_channels=True) == "snow"


async def test_line_breaks_in_a_text_arrive_as_typed(raw: Raw) -> None:
    await raw.register(taking(opt(max_length=20)))
    interaction = await raw.slash(o=" [verse]\n\none\r\n two\n")
    assert interaction.data["options"][0]["value"] == " [verse]\n\none\r\n two\n"
