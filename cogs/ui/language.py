"""The language of a text: the reader's for what one member sees, the server's for what everybody sees.

The gate sets a member's language for the whole interaction; `think` changes to the server's where the answer
will be public. What is made without an interaction asks `language_of` (cogs/delivery/respondable.py), because
a task keeps the language of whoever started it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import discord
from discord import app_commands

from bot.app import Antiphon
from bot.locale import ENGLISH, installed, language_for, speaking, tr

_LOCALIZED = "localized"
"""The extra of a command's text that is put together: a function that returns it in the current language."""


def member_language(interaction: discord.Interaction[Any]) -> str:
    """Return the language of the member's Discord client, English where it is not installed."""
    return language_for(interaction.locale)


def server_language(bot: Antiphon, guild_id: int | None, guild_locale: object = None) -> str:
    """Return the language of a server's public messages: its setting, else that of its community in Discord.

    guild_locale: as an interaction gives it, for servers that the bot is not in.
    """
    chosen = bot.policy.server(guild_id).text("language")
    if chosen in installed():
        return chosen
    guild = bot.get_guild(guild_id) if guild_id is not None else None
    return language_for(guild.preferred_locale if guild is not None else guild_locale or ENGLISH)


def public_language(interaction: discord.Interaction[Antiphon]) -> str:
    """Return the language of a public answer; in direct messages nobody but the member reads it."""
    if interaction.guild_id is None:
        return member_language(interaction)
    return server_language(interaction.client, interaction.guild_id, interaction.guild_locale)


def localized(text: Callable[[], str]) -> app_commands.locale_str:
    """Return a command's text that is put together by a function, for every language."""
    return app_commands.locale_str(text(), **{_LOCALIZED: text})


class CommandTranslator(app_commands.Translator):
    """Descriptions, options and choices in the languages that are installed; names of commands are English.

    The names of context menus are translated: they are sentences in a menu, which nobody types.
    """

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Return a text in a locale's language; None leaves it in English."""
        where = app_commands.TranslationContextLocation
        language = language_for(locale)
        typed = context.location in (where.command_name, where.group_name, where.parameter_name)
        if language == ENGLISH or (typed and not isinstance(context.data, app_commands.ContextMenu)):
            return None
        with speaking(language):
            made = string.extras.get(_LOCALIZED)
            text = made() if made is not None else tr(string.message)
        return text if text != string.message else None
