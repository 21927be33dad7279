"""The discord.py bot: builds the services, loads the cogs, and closes them in reverse order."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import cast

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.ext import commands

from bot.config import DISCORD, Settings
from bot.duels.boards import Boards
from bot.duels.service import DuelService
from bot.engines.base import Capabilities, Engines
from bot.errors import AntiphonError, ConfigError, ModelMissing, SetupError
from bot.executor.child import ChildExecutor
from bot.jobs.janitor import Janitor
from bot.jobs.service import JobService
from bot.presets.starters import starter_presets
from bot.prompts.names import name_key
from bot.recipe import Mode
from bot.removals import DeletionService, RemovalService
from bot.store.clips import Clips
from bot.store.coached import CoachStore
from bot.store.database import Database
from bot.store.deletions import Deletions
from bot.store.duels import Duels
from bot.store.jobs import Jobs
from bot.store.preset_reports import Reports
from bot.store.preset_search import Search
from bot.store.preset_votes import Votes as PresetVotes
from bot.store.presets import Presets
from bot.store.removals import Removals
from bot.store.votes import Votes

log = logging.getLogger(__name__)

ENGINES = "bot.engines.registry"
COGS = (
    "cogs.errors",
    "cogs.music",
    "cogs.presets.cog",
    "cogs.coach",
    "cogs.queue",
    "cogs.history",
    "cogs.deletions",
    "cogs.removals",
    "cogs.about",
    "cogs.delivery.cog",
    "cogs.duels",
    "cogs.delivery.duel_delivery",
    "cogs.leaderboard",
    "cogs.privacy",
)
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
)
"""What the bot needs where it posts on its own; reading history is how it avoids posting a clip twice."""
INTENTS = discord.Intents(guilds=True, guild_messages=True)
"""Servers with their channels and threads, and deletions of messages; neither intent is privileged."""
_TOKEN_REFUSED = (
    "Discord refused DISCORD_TOKEN: make a new one in the developer portal (Bot → Reset Token), put it into "
    ".env and start again."
)
_AUTHENTICATION_FAILED = 4004


class Antiphon(commands.AutoShardedBot):
    """The bot. `engines` names the module that describes and loads models; `clock` gives Unix time.

    Cogs ask `clock()` for the time, never the machine, so that a test can turn it.
    """

    service: JobService
    janitor: Janitor
    clips: Clips
    jobs: Jobs
    presets: Presets
    preset_search: Search
    preset_votes: PresetVotes
    preset_reports: Reports
    coached: CoachStore
    duels: DuelService
    removals: RemovalService
    deletions: DeletionService
    boards: Boards

    def __init__(
        self, settings: Settings, engines: str = ENGINES, clock: Callable[[], float] = time.time
    ) -> None:
        follow_address(settings.discord_api_url)
        # Nothing here speaks in voice channels, so nobody needs to hear that it could not.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=INTENTS,
            allowed_mentions=discord.AllowedMentions.none(),
            allowed_contexts=app_commands.AppCommandContext(
                guild=True, dm_channel=True, private_channel=True
            ),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
        )
        self.settings = settings
        self.clock = clock
        self.capabilities = installed(engines, settings)
        self.failure: AntiphonError | None = None
        self._engines = engines
        self._services = AsyncExitStack()
        self._closing = asyncio.Lock()
        self._stopping: asyncio.Task[None] | None = None

    async def setup_hook(self) -> None:
        """Open the database, start the worker, load the cogs, and tell Discord the commands."""
        settings = self.settings
        database = await self._services.enter_async_context(
            Database.open(settings.database_path, self.clock())
        )
        try:
            settings.clip_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SetupError(f"The clips' folder {settings.clip_dir} cannot be made: {error}.") from error
        self.jobs, self.clips = Jobs(database), Clips(database)
        self.presets, self.preset_search = Presets(database, name_key), Search(database)
        self.preset_votes, self.preset_reports = PresetVotes(database), Reports(database)
        self.coached = CoachStore(database)
        await self.presets.keep_own(starter_presets(), self.clock())
        warm = settings.default_mode if settings.default_mode in self.capabilities else None
        executor = ChildExecutor.configured(settings, self._engines, warm=warm)
        self.service = JobService(self.jobs, self.clips, executor, self.capabilities, settings, self.clock)
        self.duels = DuelService(Duels(database), Votes(database), self.service, settings, self.clock)
        self.removals = RemovalService(Removals(database), self.service, self.duels, self.clock)
        self.deletions = DeletionService(Deletions(database), self.clock)
        self.boards = Boards(settings.database_path)
        self._services.push_async_callback(self.boards.close)
        self.janitor = Janitor(self.clips, self.service.melodies, settings)
        self.janitor.attach(self.service)
        self._services.push_async_callback(self.janitor.close)
        for cog in COGS:
            await self.load_extension(cog)
        await self.tree.sync()
        self._supervise(asyncio.create_task(self.service.run(), name="queue"))
        self._services.push_async_callback(self.service.close)

    async def on_message(self, message: discord.Message) -> None:
        """Do nothing: there are no commands in messages, and most messages are other people's."""

    def wrote(self, message: discord.Message) -> bool:
        """Tell whether a message is the bot's own. An old application's id is not its bot's."""
        return message.author == self.user

    async def on_ready(self) -> None:
        """Say that the bot is there, and how to invite it where it is in no server yet."""
        log.info("ready as %s in %d servers, %d shards", self.user, len(self.guilds), self.shard_count or 1)
        if not self.guilds and self.settings.discord_api_url == DISCORD and self.application_id:
            print(f"Invite the bot to your server:\n{invite_link(self.application_id)}", flush=True)

    async def close(self) -> None:
        """Leave Discord, end the worker, close the database; what was running is rendered after a restart."""
        async with self._closing:
            await super().close()
            await self._services.aclose()

    def stop(self, failure: AntiphonError) -> None:
        """Begin to close because of `failure`, which the process then ends with."""
        if self._stopping is None:
            self.failure = failure
            self._stopping = asyncio.get_running_loop().create_task(self.close(), name="stop")

    def _supervise(self, task: asyncio.Task[None]) -> None:
        """Let the queue's task end with the bot, and the bot with the queue's task."""

        async def cancel() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.critical("the queue broke", exc_info=error)
                self.stop(AntiphonError("The queue broke; the log says how. Start the bot again."))

        task.add_done_callback(ended)
        self._services.push_async_callback(cancel)


def installed(engines: str, settings: Settings) -> Mapping[Mode, Capabilities]:
    """Return what each mode's model takes, without the modes whose model is not there; those are logged."""
    module = cast(Engines, importlib.import_module(engines))
    found: dict[Mode, Capabilities] = {}
    for mode, model in settings.models.items():
        try:
            found[mode] = module.describe(mode, model)
        except ModelMissing as error:
            log.warning("mode %s is not available: %s", mode, error)
    if not found:
        log.warning("no model is installed, so /music can only say so")
    return found


def follow_address(api_url: str) -> None:
    """Point discord.py's REST, gateway and assets at `api_url`; it has no setting of its own for that."""
    if api_url == DISCORD:
        return
    address = yarl.URL(api_url)
    discord.http.Route.BASE = api_url
    gateway = address.origin().with_scheme("wss" if address.scheme == "https" else "ws") / "gateway"
    # Dialled after an invalid session, in place of what GET /gateway/bot said.
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = gateway
    discord.asset.Asset.BASE = str(address.origin())


def invite_link(application_id: int) -> str:
    """Return the address that adds the bot to a server with exactly what it needs."""
    return discord.utils.oauth_url(
        application_id, permissions=PERMISSIONS, scopes=("bot", "applications.commands")
    )


async def run(settings: Settings, engines: str = ENGINES, clock: Callable[[], float] = time.time) -> None:
    """Run the bot until it is cancelled. Raises SetupError with one sentence where that cannot work."""
    token = settings.required_token().get_secret_value()
    bot = Antiphon(settings, engines, clock)
    try:
        async with bot:
            await bot.start(token)
    except discord.LoginFailure as error:
        raise ConfigError(_TOKEN_REFUSED) from error
    except discord.ConnectionClosed as error:
        if error.code == _AUTHENTICATION_FAILED:
            raise ConfigError(_TOKEN_REFUSED) from error
        raise
    except aiohttp.ClientConnectionError as error:
        raise SetupError(
            f"Could not connect to {settings.discord_api_url}. Is the network up, is DISCORD_API_URL right?"
        ) from error
    if bot.failure is not None:
        raise bot.failure
