"""The discord.py bot: builds the services, loads the cogs, and closes them in reverse order."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import cast

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.ext import commands

from bot.config import DISCORD, Settings
from bot.duels.service import DuelService
from bot.duels.voting import VoteService
from bot.engines.base import Capabilities, Engines
from bot.errors import AntiphonError, ConfigError, ModelMissing, SetupError
from bot.executor.child import ChildExecutor
from bot.jobs.janitor import Janitor
from bot.jobs.service import JobService
from bot.leaderboard.process import Boards
from bot.presets.names import name_key
from bot.presets.starters import starter_presets
from bot.recipe import Mode
from bot.removals import DeletionService, RemovalService
from bot.store.clips import Clips
from bot.store.coached import CoachStore
from bot.store.database import Database
from bot.store.deletions import Deletions
from bot.store.duels.repository import Duels
from bot.store.duels.votes import Votes
from bot.store.jobs import Jobs
from bot.store.presets.reports import Reports
from bot.store.presets.repository import Presets
from bot.store.presets.search import Search
from bot.store.presets.votes import Votes as PresetVotes
from bot.store.registrations import Registrations
from bot.store.removals import Removals

log = logging.getLogger(__name__)

ENGINES = "bot.engines.registry"
COGS = (
    "cogs.errors",
    "cogs.music",
    "cogs.presets.cog",
    "cogs.coach",
    "cogs.clips.queue",
    "cogs.clips.history",
    "cogs.clips.deletions",
    "cogs.removals",
    "cogs.about",
    "cogs.clips.outbox",
    "cogs.duels.cog",
    "cogs.duels.delivery",
    "cogs.duels.leaderboard",
    "cogs.duels.privacy",
    "cogs.application",  # the last: it registers the commands of those before
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
START_WAITS = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds between the attempts to reach Discord at start; the last one is repeated."""


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
    registrations: Registrations
    duels: DuelService
    votes: VoteService
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
        self.set_up = False
        self._engines = engines
        self._services = AsyncExitStack()
        self._closing = asyncio.Lock()
        self._stopping: asyncio.Task[None] | None = None

    async def setup_hook(self) -> None:
        """Open the database, start the worker, and load the cogs."""
        self.set_up = True
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
        self.coached, self.registrations = CoachStore(database), Registrations(database)
        await self.presets.keep_own(starter_presets(), self.clock())
        warm = settings.default_mode if settings.default_mode in self.capabilities else None
        executor = ChildExecutor.configured(settings, self._engines, warm=warm)
        self.service = JobService(self.jobs, self.clips, executor, self.capabilities, settings, self.clock)
        self.duels = DuelService(Duels(database), self.service, settings, self.clock)
        self.votes = VoteService(Votes(database), settings, self.clock, on_closed=self.duels.changed)
        self.removals = RemovalService(Removals(database), self.service, self.duels, self.clock)
        self.deletions = DeletionService(Deletions(database), self.clock)
        self.boards = Boards(settings.database_path)
        self._services.push_async_callback(self.boards.close)
        self.janitor = Janitor(self.clips, self.service.melodies, settings)
        self.janitor.attach(self.service)
        self._services.push_async_callback(self.janitor.close)
        for cog in COGS:
            await self.load_extension(cog)
        self._supervise(asyncio.create_task(self.service.run(), name="queue"))
        self._services.push_async_callback(self.service.close)

    async def on_message(self, message: discord.Message) -> None:
        """Do nothing: there are no commands in messages, and most messages are other people's."""

    def wrote(self, message: discord.Message) -> bool:
        """Tell whether a message is the bot's own. An old application's id is not its bot's."""
        return message.author == self.user

    async def on_ready(self) -> None:
        """Say that the bot is there."""
        log.info("ready as %s in %d servers, %d shards", self.user, len(self.guilds), self.shard_count or 1)

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


async def run(settings: Settings, engines: str = ENGINES, clock: Callable[[], float] = time.time) -> None:
    """Run the bot until it is cancelled; Discord being out of reach is waited out, before and after login.

    Raises ConfigError for a refused token, SetupError with one sentence for whatever else has to be mended.
    """
    token = settings.required_token().get_secret_value()
    bot = Antiphon(settings, engines, clock)
    try:
        async with bot:
            await _repeat(bot, lambda: _login(bot, token))
            await _repeat(bot, bot.connect)
    except discord.LoginFailure as error:
        raise ConfigError(_TOKEN_REFUSED) from error
    except discord.GatewayNotFound as error:
        raise (ConfigError(_TOKEN_REFUSED) if _status(error) == 401 else _refused(settings, error)) from error
    except discord.PrivilegedIntentsRequired as error:
        raise SetupError("Discord refuses the bot's intents (gateway close code 4014).") from error
    except discord.ConnectionClosed as error:
        if error.code == _AUTHENTICATION_FAILED:
            raise ConfigError(_TOKEN_REFUSED) from error
        raise SetupError(
            f"Discord closed the connection for good (gateway close code {error.code})."
        ) from error
    except discord.HTTPException as error:
        raise _refused(settings, error) from error
    if bot.failure is not None:
        raise bot.failure


async def _login(bot: Antiphon, token: str) -> None:
    """Log in and set the bot up; after an attempt that failed, on a new HTTP session."""
    try:
        await bot.login(token)
    except (TypeError, KeyError) as error:
        if bot.set_up:
            raise
        # A 200 that is not Discord's, such as the sign-in page of a guest network.
        raise aiohttp.ClientConnectionError("the answer is not Discord's") from error
    finally:
        if not bot.set_up:
            await bot.http.close()
            bot.http.connector = discord.utils.MISSING


async def _repeat(bot: Antiphon, step: Callable[[], Awaitable[None]]) -> None:
    """Take a step of the start, again after a growing wait while Discord cannot be reached or answers 5xx."""
    for attempt in range(10**6):
        was_set_up = bot.set_up
        try:
            await step()
            return
        except Exception as error:
            # What fails within setup_hook, or ends a connection that stood, is no matter of waiting.
            if not _passes(error) or bot.set_up != was_set_up or bot.is_closed():
                raise
            wait = START_WAITS[min(attempt, len(START_WAITS) - 1)]
            log.warning(
                "Discord cannot be reached at %s (%s). Trying again in %g s; is the network up, is "
                "DISCORD_API_URL right?",
                bot.settings.discord_api_url,
                f"status {_status(error)}" if _status(error) else f"{type(error).__name__}: {error}",
                wait,
            )
        await asyncio.sleep(wait)


def _passes(error: Exception) -> bool:
    """Tell whether waiting may help: no connection, a server's error, or a limit on this address."""
    status = _status(error)
    if status is not None:
        return status >= 500 or status == 429
    return isinstance(error, (aiohttp.ClientError, OSError, TimeoutError, discord.GatewayNotFound))


def _status(error: BaseException | None) -> int | None:
    """Return the HTTP status that caused an error of discord.py's, or None."""
    if isinstance(error, discord.GatewayNotFound):
        error = error.__cause__
    return error.status if isinstance(error, discord.HTTPException) else None


def _refused(settings: Settings, error: Exception) -> SetupError:
    return SetupError(
        f"{settings.discord_api_url} refused the login (status {_status(error)}): is DISCORD_API_URL right?"
    )
