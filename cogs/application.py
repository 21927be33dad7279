"""The application at Discord: the installations it supports, its install links, its registered commands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import PERMISSIONS, Antiphon
from bot.config import DISCORD
from bot.terminal import print_line
from cogs.ui.discord_errors import NETWORK_ERRORS
from cogs.ui.language import CommandTranslator

log = logging.getLogger(__name__)

GUILD_INSTALL, USER_INSTALL = 0, 1
"""Discord's “Application Integration Types”."""
PRIVATE_CHANNEL = 2
"""The interaction context of direct messages without the bot, which only a user installation reaches."""
CHAT_INPUT = 1
"""The command type of slash commands."""
ENTRY_POINT = 4
"""The command type that Discord makes itself for an application with an Activity. A bulk overwrite without it
is refused (50240)."""
PER_SERVER = "per server"
"""The extra of a command that its own cog registers, in some servers only."""
RETRY_SECONDS = (5.0, 30.0, 120.0, 600.0, 3600.0)
SLOW_SECONDS = 10.0
"""After so long an attempt is said to wait; discord.py sits out a rate limit within the request."""

_ENTRY_POINT_FIELDS = (
    *("id", "type", "name", "name_localizations", "description", "description_localizations"),
    *("handler", "contexts", "integration_types", "default_member_permissions", "nsfw"),
)


class Application(commands.Cog):
    """Registers the commands once at start, in the background, and prints the install links once."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot
        self._task: asyncio.Task[None] | None = None
        self._greeted = False

    async def cog_load(self) -> None:
        """Begin to register; the bot comes online meanwhile, with the commands of the last time."""
        self._task = asyncio.create_task(self._until_registered(), name="register commands")

    async def cog_unload(self) -> None:
        """Stop trying."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Print the install links; a sandbox has none."""
        if self._greeted or self.bot.settings.discord_api_url != DISCORD or self.bot.application is None:
            return
        self._greeted = True
        for line in installation_lines(self.bot.application):
            print_line(line)

    async def _until_registered(self) -> None:
        for attempt in range(10**6):
            try:
                await self._register()
                return
            except (discord.HTTPException, *NETWORK_ERRORS) as error:
                wait = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
                log.warning(
                    "Discord did not take the commands (%s). The bot runs on with those registered before, "
                    "and tries again in %g s.",
                    _reason(error),
                    wait,
                )
                await asyncio.sleep(wait)

    async def _register(self) -> None:
        """Send the commands unless Discord already has exactly these."""
        bot, application = self.bot, self.bot.application
        assert application is not None  # login comes before setup_hook
        payload = await command_payload(bot.tree, supported_installs(application))
        waits = asyncio.get_running_loop().call_later(SLOW_SECONDS, log.warning, _SLOW)
        try:
            there: Sequence[Any] = await bot.http.get_global_commands(application.id)
            bot.command_ids = _ids(there)
            if await bot.registrations.is_current(application.id, payload, there):
                log.debug("the commands are registered already")
                return
            made: Sequence[Any] = await bot.http.bulk_upsert_global_commands(
                application.id, payload=[*payload, *_entry_points(there)]
            )
        finally:
            waits.cancel()
        bot.command_ids = _ids(made)
        await bot.registrations.record(application.id, payload, made)
        log.info("registered %d commands", len(payload))


_SLOW = "Discord lets the registration of the commands wait; the bot runs on with those registered before."


def supported_installs(application: discord.AppInfo) -> set[int]:
    """Return the integration types that the Installation page allows; a new application's is the server."""
    configured = {
        GUILD_INSTALL: application.guild_integration_config,
        USER_INSTALL: application.user_integration_config,
    }
    return {kind for kind, config in configured.items() if config is not None} or {GUILD_INSTALL}


async def command_payload(
    tree: app_commands.CommandTree[Any], installs: Collection[int]
) -> list[dict[str, Any]]:
    """Return the body of a bulk overwrite in every language, narrowed to the given integration types.

    Discord takes only those that the application supports. A command for none of them is left out, as is one
    that is PER_SERVER.
    """
    payload, translator = [], CommandTranslator()
    for command in sorted(tree.get_commands(), key=lambda one: (type(one).__name__, one.name)):
        if PER_SERVER in command.extras:
            continue
        body: dict[str, Any] = await command.get_translated_payload(tree, translator)
        kinds = [kind for kind in body.get("integration_types") or [GUILD_INSTALL] if kind in installs]
        if not kinds:
            continue
        body["integration_types"] = kinds
        if body.get("contexts") and USER_INSTALL not in kinds:
            body["contexts"] = [one for one in body["contexts"] if one != PRIVATE_CHANNEL]
        payload.append(body)
    return payload


def installation_lines(application: discord.AppInfo) -> list[str]:
    """Return the installation links for the owner, one for each supported kind of installation."""
    installs, lines = supported_installs(application), []
    if GUILD_INSTALL in installs:
        link = discord.utils.oauth_url(
            application.id, permissions=PERMISSIONS, scopes=("bot", "applications.commands")
        )
        lines.append(f"Add the bot to a server: {link}&integration_type={GUILD_INSTALL}")
    if USER_INSTALL in installs:
        link = discord.utils.oauth_url(application.id, scopes=("applications.commands",))
        lines.append(f"Add the bot to your own account: {link}&integration_type={USER_INSTALL}")
    else:
        lines.append("It cannot be added to accounts: User Install is off on the portal's Installation page.")
    if application.bot_public:
        lines.append("The bot is public: whoever has a link can add it (README, “On your server”).")
    return lines


def _entry_points(there: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {name: command[name] for name in _ENTRY_POINT_FIELDS if command.get(name) is not None}
        for command in there
        if command["type"] == ENTRY_POINT
    ]


def _ids(there: Sequence[Any]) -> dict[str, int]:
    return {command["name"]: int(command["id"]) for command in there if command.get("type", 1) == CHAT_INPUT}


def _reason(error: Exception) -> str:
    """Return a refusal on one line; Discord reports the errors of a form on several."""
    if isinstance(error, discord.HTTPException):
        return f"{error.status}, code {error.code}: {' '.join(error.text.split())[:300]}".removesuffix(": ")
    return f"{type(error).__name__}: {error}".removesuffix(": ")


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Application(bot))
