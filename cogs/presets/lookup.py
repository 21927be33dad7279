"""A preset named in a command, and its autocomplete."""

from __future__ import annotations

import contextlib
import re

import discord
from discord import app_commands

from bot.app import Antiphon
from bot.discord_limits import MAX_CHOICE_CHARACTERS, MAX_CHOICES
from bot.errors import NotFound, UserError
from bot.policy.limits import ServerLimits
from bot.store.presets.model import BOT, Preset, Scope, Viewer
from bot.store.presets.search import Suggestion
from cogs.ui.text import one_line, plain

MAX_NAME_SHOWN = 50
"""Code points: with mode, scope and a number of up to 18 digits, a choice's name stays within 100."""
_CHOICE_NAME = re.compile(r"(?P<name>.+) · (?:ar|diffusion) · [a-z ]+ · #(?P<id>[0-9]{1,18})")


def viewer(interaction: discord.Interaction[Antiphon]) -> Viewer:
    """Return the acting member, and the server."""
    return Viewer(interaction.user.id, interaction.guild_id)


async def named(interaction: discord.Interaction[Antiphon], text: str) -> Preset:
    """Return the preset that was chosen or typed: a choice, its name, a code or a name. Raises NotFound."""
    presets, who = interaction.client.presets, viewer(interaction)
    if match := _CHOICE_NAME.fullmatch(text.strip()):
        # A client may send a choice's name in place of its value. A preset may also be called like one.
        with contextlib.suppress(NotFound):
            found = await presets.find(f"#{match['id']}", who)
            if match["name"] == _shown_name(found.name):
                return found
    return await presets.find(text, who)


async def channel_preset(interaction: discord.Interaction[Antiphon], limits: ServerLimits) -> Preset | None:
    """Return the preset of the channel; None where it has none, or that is gone, no fault of the member's."""
    if limits.preset is None:
        return None
    with contextlib.suppress(UserError):
        return await named(interaction, limits.preset)
    return None


async def suggest(interaction: discord.Interaction[Antiphon], current: str) -> list[app_commands.Choice[str]]:
    """Return choices for the typed text: own presets, then this server's, then public ones."""
    found = await _found(interaction, current)
    return [_choice(one, interaction.user.id) for one in found]


async def suggest_own(
    interaction: discord.Interaction[Antiphon], current: str
) -> list[app_commands.Choice[str]]:
    """Return choices among the member's own presets."""
    found = await _found(interaction, current)
    own = [one for one in found if one.owner_id == interaction.user.id]
    return [_choice(one, interaction.user.id) for one in own]


async def _found(interaction: discord.Interaction[Antiphon], current: str) -> list[Suggestion]:
    typed = one_line(current)[:MAX_CHOICE_CHARACTERS]
    return await interaction.client.presets.suggest(viewer(interaction), typed, MAX_CHOICES)


def _choice(one: Suggestion, user_id: int) -> app_commands.Choice[str]:
    if one.owner_id == user_id:
        whose = "yours"
    elif one.owner_id == BOT:
        whose = "starter"
    else:
        whose = "this server" if one.scope is Scope.SERVER else "public"
    # Two members may share presets of one name: the number makes each choice's name its own.
    name = f"{_shown_name(one.name)} · {one.mode} · {whose} · #{one.id}"
    return app_commands.Choice(name=name, value=f"#{one.id}")


def _shown_name(name: str) -> str:
    return plain(name, MAX_NAME_SHOWN)
