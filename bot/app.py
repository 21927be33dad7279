"""The discord.py bot: builds the services, loads the cogs, and closes them in reverse order."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import cast

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands

from bot import translations
from bot.coaching import CoachService
from bot.comparison.service import ComparisonService
from bot.config import Settings
from bot.duels.series import SeriesService
from bot.duels.service import DuelService
from bot.duels.voting import VoteService
from bot.engines.base import Engines
from bot.engines.configured import InstalledModels, described
from bot.errors import AntiphonError, ModelMissing, SetupError
from bot.executor.configured import configured_workers
from bot.jobs.history import History
from bot.jobs.janitor import Janitor
from bot.jobs.opened import OpenedService
from bot.jobs.outbox import JobOutbox
from bot.jobs.score_files import ScoreFiles
from bot.jobs.service import JobService
from bot.leaderboard.auto import AutoService
from bot.leaderboard.process import LeaderboardProcess
from bot.policy.reports import ClipModeration
from bot.policy.service import PAUSED, PolicyService
from bot.presets.service import PresetModeration, PresetService
from bot.presets.starters import starter_presets
from bot.privacy import PrivacyService, Retention
from bot.recipe import Mode
from bot.recipe.capabilities import Capabilities
from bot.registration import RegistrationService
from bot.removals import DeletionService, RemovalService
from bot.store.clip_search import ClipSearch
from bot.store.clips import Clips
from bot.store.coached import CoachStore
from bot.store.comparisons import Comparisons
from bot.store.database import Database
from bot.store.deletions import Deletions
from bot.store.duels.repository import Duels
from bot.store.duels.series import SeriesStore
from bot.store.duels.votes import Votes
from bot.store.erasure import Erasure
from bot.store.jobs import Jobs
from bot.store.opened import OpenedClips
from bot.store.registrations import Registrations
from bot.store.removals import Removals
from bot.unacknowledged import Unacknowledged

log = logging.getLogger(__name__)

ENGINES = "bot.engines.registry"
COGS = (  # by name: discord.py loads and reloads its extensions by their modules' names
    "cogs.gate",
    "cogs.errors",
    "cogs.clips.music",
    "cogs.clips.source_menu",
    "cogs.clips.open",
    "cogs.presets.cog",
    "cogs.coach",
    "cogs.clips.queue",
    "cogs.clips.history",
    "cogs.clips.deletions",
    "cogs.moderation.cog",
    "cogs.settings.cog",
    "cogs.removals",
    "cogs.guilds",
    "cogs.admin.console",
    "cogs.admin.check",
    "cogs.about",
    "cogs.clips.outbox",
    "cogs.clips.plain_words",
    "cogs.duels.cog",
    "cogs.duels.delivery",
    "cogs.duels.leaderboard",
    "cogs.duels.series_runner",
    "cogs.comparison",
    "cogs.privacy",
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
"""Permissions for posts by the bot's own token; it reads the history to avoid posting a clip twice."""
INTENTS = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
"""Servers with their channels and threads, messages that mention the bot, direct messages, and deletions of
messages. None is privileged: of other messages Discord delivers no content."""


Gate = Callable[[discord.Interaction["Antiphon"]], Awaitable[bool]]


async def _closed(interaction: discord.Interaction[Antiphon]) -> bool:
    return False


class GatedTree(app_commands.CommandTree["Antiphon"]):
    """The commands, each behind the gate: commands, menus and autocomplete. It is closed until it is set."""

    gate: Gate = staticmethod(_closed)

    async def interaction_check(self, interaction: discord.Interaction[Antiphon], /) -> bool:
        """Tell whether the gate lets an interaction through; it has answered where it does not."""
        return await self.gate(interaction)


class Antiphon(commands.AutoShardedBot):
    """The bot. `engines` names the module that describes and loads models; `clock` gives Unix time.

    Cogs ask `clock()` for the time, never the machine, so that a test can turn it.
    """

    policy: PolicyService
    clip_moderation: ClipModeration
    jobs: JobService
    opened: OpenedService
    score_files: ScoreFiles
    janitor: Janitor
    history: History
    outbox: JobOutbox
    presets: PresetService
    preset_moderation: PresetModeration
    coach: CoachService
    registrations: RegistrationService
    duels: DuelService
    votes: VoteService
    removals: RemovalService
    deletions: DeletionService
    privacy: PrivacyService
    retention: Retention
    leaderboards: LeaderboardProcess
    auto: AutoService
    series: SeriesService
    comparisons: ComparisonService

    def __init__(
        self, settings: Settings, engines: str = ENGINES, clock: Callable[[], float] = time.time
    ) -> None:
        self._responded: Callable[[str, int], None] = lambda method, status: None
        self._refused: Callable[[bytes], None] = lambda body: None
        # The bot joins no voice channels, so discord.py need not warn about missing voice libraries.
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
            tree_cls=GatedTree,
            http_trace=self._response_trace(),
        )
        self.settings = settings
        self.clock = clock
        self.models = installed(engines, settings)
        self.command_ids: Mapping[str, int] = {}
        self.failure: AntiphonError | None = None
        self.set_up = False
        self.unacknowledged = Unacknowledged()
        self._engines = engines
        self._services = AsyncExitStack()
        self._closing = asyncio.Lock()
        self._stopping: asyncio.Task[None] | None = None

    @property
    def capabilities(self) -> Mapping[Mode, Capabilities]:
        """What the default model of each mode takes."""
        return self.models.defaults

    async def setup_hook(self) -> None:
        """Read the translations, open the database, start the worker, and load the cogs."""
        self.set_up = True
        settings = self.settings
        translations.load()
        database = await self._services.enter_async_context(
            Database.open(settings.database_path, self.clock())
        )
        try:
            settings.clip_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SetupError(f"The clips' folder {settings.clip_dir} cannot be made: {error}.") from error
        jobs, clips = Jobs(database), Clips(database)
        self.history = History(jobs, clips, ClipSearch(database), self.clock)
        self.outbox = JobOutbox(jobs, self.clock)
        self.policy = PolicyService(database, settings, self.clock)
        await self.policy.open()
        self.clip_moderation = ClipModeration(database, self.clock)
        self.presets = PresetService(database, settings, self.clock)
        self.preset_moderation = PresetModeration(database, self.clock)
        self.coach = CoachService(CoachStore(database), self.capabilities, settings.fallback_mode, self.clock)
        self.registrations = RegistrationService(Registrations(database), self.clock)
        await self.presets.install_starters(starter_presets())
        # The default mode's first: with one worker it is the only one.
        warm = sorted(self.models, key=lambda model: model.mode is not settings.fallback_mode)
        workers = await configured_workers(settings, self._engines, warm=warm)
        self.jobs = JobService(
            jobs, clips, workers, self.models, settings, self.clock, self.policy.has_previews
        )
        self.duels = DuelService(Duels(database), self.jobs, settings, self.clock)
        self.votes = VoteService(Votes(database), settings, self.clock, on_closed=self.duels.changed)
        self.jobs.paused = PAUSED in self.policy.switches
        self.removals = RemovalService(Removals(database), self.jobs, self.duels, self.clock)
        self.deletions = DeletionService(Deletions(database), self.clock)
        self.leaderboards = LeaderboardProcess(settings.database_path)
        self.auto = AutoService(self.leaderboards)
        self.series = SeriesService(SeriesStore(database), self.duels, self.leaderboards.pair, self.clock)
        self.comparisons = ComparisonService(Comparisons(database), self.jobs, settings, self.clock)
        self._services.push_async_callback(self.leaderboards.close)
        self.score_files = ScoreFiles()
        self.opened = OpenedService(OpenedClips(database), self.models, settings)
        self.janitor = Janitor(clips, self.jobs.melodies, settings)
        self.janitor.attach(self.jobs)
        self._services.push_async_callback(self.janitor.close)
        erasure = Erasure(database)
        self.privacy = PrivacyService(
            erasure, self.jobs, self.duels, self.deletions, self.janitor, self.clock
        )
        self.retention = Retention(erasure, self.janitor, settings.retention_days, self.clock)
        self._services.push_async_callback(self.retention.close)
        for cog in COGS:
            await self.load_extension(cog)
        if settings.metrics_port:
            # Off by default, and their libraries cost a start 27 ms and 3 MB.
            from bot.metrics.collector import Metrics
            from bot.metrics.server import metrics_server

            metrics = Metrics(jobs, clips, workers, clock=self.clock, latency=lambda: self.latency)
            metrics.attach(self.jobs)
            self._responded, self._refused = metrics.responded, metrics.refused
            server = metrics_server(metrics, settings.metrics_host, settings.metrics_port, self._not_ready)
            await self._services.enter_async_context(server)
        # Modules, commands and catalogues live as long as the process. To traverse them in a full garbage
        # collection stops every answer for 50 ms.
        gc.collect()
        gc.freeze()
        self.retention.start()
        self._supervise(asyncio.create_task(self.jobs.run(), name="queue"))
        self._services.push_async_callback(self.jobs.close)
        self.privacy.start()
        self._services.push_async_callback(self.privacy.close)

    def _response_trace(self) -> aiohttp.TraceConfig:
        """Return the hook that counts Discord's responses, and the codes of its errors."""

        async def ended(
            _session: aiohttp.ClientSession, context: SimpleNamespace, request: aiohttp.TraceRequestEndParams
        ) -> None:
            context.status = request.response.status
            self._responded(request.method, request.response.status)

        async def read(
            _session: aiohttp.ClientSession,
            context: SimpleNamespace,
            body: aiohttp.TraceResponseChunkReceivedParams,
        ) -> None:
            if context.status >= 400:
                self._refused(body.chunk)

        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(ended)
        trace.on_response_chunk_received.append(read)
        return trace

    def _not_ready(self) -> str | None:
        """Return why no clip can be asked for now, or None."""
        if not self.is_ready():
            return "not connected to Discord"
        return None if self.jobs.has_worker else "no worker has started"

    async def on_message(self, message: discord.Message) -> None:
        """Look for no command in it; what mentions the bot is answered by cogs/clips/plain_words.py."""

    @property
    def default_mode(self) -> Mode:
        """The mode of a clip where nobody names one: the owner's, or the one that is installed."""
        default = self.settings.fallback_mode
        return default if default in self.capabilities else next(iter(self.capabilities), default)

    def wrote(self, message: discord.Message) -> bool:
        """Tell whether a message is the bot's own. An old application's id is not its bot's."""
        return message.author == self.user

    async def on_ready(self) -> None:
        """Log that the bot is online."""
        servers = "1 server" if len(self.guilds) == 1 else f"{len(self.guilds)} servers"
        shards = f" ({self.shard_count} shards)" if (self.shard_count or 1) > 1 else ""
        log.info("%s is online in %s%s", self.user, servers, shards)

    async def close(self) -> None:
        """Leave Discord, end the worker, close the database; running jobs are rendered after a restart."""
        async with self._closing:
            await super().close()
            await self._services.aclose()

    def stop(self, failure: AntiphonError) -> None:
        """Begin to close because of `failure`, which the process then ends with."""
        if self._stopping is None:
            self.failure = failure
            self._stopping = asyncio.get_running_loop().create_task(self.close(), name="stop")

    def _supervise(self, task: asyncio.Task[None]) -> None:
        """End the queue's task with the bot, and the bot with the queue's task."""

        async def cancel() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.critical("the queue broke", exc_info=error)
                self.stop(AntiphonError("The queue stopped: the log has the error. Start the bot again."))

        task.add_done_callback(ended)
        self._services.push_async_callback(cancel)


def installed(engines: str, settings: Settings) -> InstalledModels:
    """Return the capabilities of the installed models of the settings; missing models are logged."""
    for name in settings.superseded:
        log.warning("%s has no effect beside MODELS: add its model to MODELS and remove it", name)
    found: list[Capabilities] = []
    for name, result in described(settings, cast(Engines, importlib.import_module(engines))):
        if isinstance(result, ModelMissing):
            log.warning("model %s is not available: %s", name, result)
        else:
            found.append(result)
    if not found:
        log.warning("no model is installed, so /music can't make clips: run `antiphon doctor`")
    return InstalledModels(found)
