"""Which prompts a server's AutoMod refuses, found out before any clip of a series is made from them.

AutoMod reads the answers to commands; what a bot posts with its own token it lets pass, so the duels that
follow would show what it forbids. Source: Discord's AutoMod FAQ ("bots and webhooks").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import discord

from bot.app import Antiphon
from bot.errors import BLOCKED_WORDS, NotAllowed
from bot.locale import tr
from cogs.delivery.refusals import Refused, Remedy, refusals
from cogs.ui.text import quoted

CHARACTERS = 1_800
"""Of all prompts in one message, which takes 2,000."""


async def blocked_prompts(
    interaction: discord.Interaction[Antiphon], prompts: Sequence[str]
) -> dict[int, str]:
    """Show the prompts in the deferred answer; return those that AutoMod refuses, by number, with the reason.

    Raises NotAllowed where it refuses all of them, Refused where Discord fails.
    """
    if await lets_through(interaction, _listed(prompts)):
        return {}
    blocked = [
        number
        for number, prompt in enumerate(prompts)
        if not await lets_through(interaction, _listed([prompt]))
    ]
    if len(blocked) == len(prompts):
        raise NotAllowed(BLOCKED_WORDS)
    return dict.fromkeys(blocked, BLOCKED_WORDS)


async def lets_through(interaction: discord.Interaction[Antiphon], text: str) -> bool:
    """Edit the deferred answer; False where AutoMod refuses the text. Raises Refused."""
    try:
        with refusals(webhook=True):
            await interaction.edit_original_response(content=text)
    except Refused as refused:
        if refused.remedy is not Remedy.WITHOUT_WORDS:
            raise
        return False
    return True


def _listed(prompts: Iterable[str]) -> str:
    found = list(prompts)
    lines = (f"- {quoted(prompt, CHARACTERS // len(found))}" for prompt in found)
    return "\n".join([tr("Getting the series ready."), *lines])
