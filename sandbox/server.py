"""A whole sandbox: the world, the API, the gateway, the uploads and the page, on one loopback port.

async with Sandbox(Path("history.sqlite3")) as discord:
    run_a_bot(token=discord.bot_token, api=discord.api_url)
    print(discord.page_url)
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from aiohttp import web

from sandbox.actors import Actor
from sandbox.cdn import Cdn
from sandbox.changes import Change
from sandbox.client import Client
from sandbox.clock import Clock
from sandbox.defaults import GUILD, populate
from sandbox.dispatch import Dispatcher
from sandbox.faults import Faults
from sandbox.files import UPLOAD_LIMIT
from sandbox.gateway import Gateway
from sandbox.guard import HOST, own_names_only
from sandbox.interactions import Interactions
from sandbox.limits import Limits
from sandbox.links import Links
from sandbox.messages import Messages
from sandbox.model import AppSettings, Attachment
from sandbox.page_api import PageApi
from sandbox.payloads import Payloads
from sandbox.places import Places
from sandbox.rest.http import RestApi
from sandbox.rest.routing import Services
from sandbox.rooms import GuildHandle, Room, room_of
from sandbox.rules import Rulebook
from sandbox.spec import Spec
from sandbox.store import Store
from sandbox.world import World

API = "/api/v10"
T = TypeVar("T")


class Sandbox:
    """A Discord of your own.

    `path` is the history file (None: in memory, gone afterwards). `port` 0 takes a free one. `clock` may be
    turned. `limits` are the rate limits, `upload_limit` is bytes per attachment, `shards` how many the bot is
    told to use, `spec` Discord's description to check traffic against, `bot_name` the bot's display name in a
    new file.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        port: int = 0,
        clock: Clock | None = None,
        faults: Faults | None = None,
        limits: Limits | None = None,
        upload_limit: int = UPLOAD_LIMIT,
        shards: int = 1,
        spec: Spec | None = None,
        bot_name: str = "Antiphon",
    ) -> None:
        self.clock = clock or Clock()
        self.faults = faults or Faults()
        self.limits = limits or Limits()
        self.rules = Rulebook()
        self.spec = spec
        self._path, self._port, self._shards, self._bot_name = path, port, shards, bot_name
        self._upload_limit = upload_limit
        self._page_token = secrets.token_urlsafe(24)
        self._runner: web.AppRunner | None = None
        self.base = ""

    async def __aenter__(self) -> Self:
        self.store = Store(self._path)
        self.world = World(self.store, self.clock)
        populate(self.world, self._bot_name)
        self.links = Links(self.clock, self.world.secret)
        self.payloads = Payloads(self.world, self.links)
        self.places = Places(self.world)
        self.messages = Messages(self.world, self.places, self.rules, self._upload_limit)
        self.interactions = Interactions(self.world, self.messages, self.rules)
        dispatcher = Dispatcher(self.world, self.payloads, self.messages.promised_bytes)
        self.gateway = Gateway(self.world, self.payloads, dispatcher)
        self.faults.gateway = self.gateway
        services = Services(
            self.world,
            self.payloads,
            self.links,
            self.places,
            self.messages,
            self.interactions,
            self.rules,
            lambda: self.gateway.url,
            self._shards,
        )
        self.rest = RestApi(services, self.faults, self.limits, self.spec)
        self.client = Client(self.world, self.payloads, self.messages, self.interactions, self.rules)
        self.page = PageApi(self, self._page_token)
        try:
            await self._listen()
        except BaseException:
            self.store.close()
            raise
        return self

    async def _listen(self) -> None:
        # Multipart bodies are read part by part within the upload limit, so the whole needs only a loose one.
        app = web.Application(client_max_size=256 * 1024 * 1024, middlewares=[own_names_only()])
        app.router.add_route("*", API + "/{path:.*}", self.rest.handle)
        app.router.add_get("/gateway", self.gateway.handle)
        app.router.add_get("/gateway/", self.gateway.handle)
        cdn = Cdn(self.store, self.links)
        for room in ("attachments", "ephemeral-attachments"):
            app.router.add_get(f"/{room}/{{owner:[0-9]+}}/{{attachment_id:[0-9]+}}/{{filename}}", cdn.handle)
        self.page.add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handle_signals=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._port).start()
        self.port: int = self._runner.addresses[0][1]
        self.base = f"http://{HOST}:{self.port}"
        self.links.base = self.base
        self.gateway.url = f"ws://{HOST}:{self.port}/gateway"

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.gateway.close()
        await self.page.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self.clock.stop()
        self.store.close()

    # What a bot needs

    @property
    def api_url(self) -> str:
        """What stands for https://discord.com/api/v10."""
        return self.base + API

    @property
    def gateway_url(self) -> str:
        """What stands for wss://gateway.discord.gg/ ."""
        return self.gateway.url

    @property
    def bot_token(self) -> str:
        """The token to log in with; it stays the same for a history file."""
        return self.world.bot_token

    @property
    def application_id(self) -> int:
        """The application's id, which is the bot user's too."""
        return self.world.application_id

    # What a person or a test needs

    @property
    def page_url(self) -> str:
        """The page's address, with this run's token; nobody gets in without it."""
        return f"{self.base}/{self._page_token}/"

    def member(self, username: str) -> Actor:
        """Act as one of the people, by username: host, alice, bob, carol, or mina, who moderates."""
        for user in self.world.users.values():
            if user.username == username and not user.bot:
                return Actor(self, user)
        people = ", ".join(user.username for user in self.world.users.values() if not user.bot)
        raise KeyError(f"Nobody is called {username!r} here; there are {people}.")

    def channel(self, name: str, guild: str = GUILD) -> Room:
        """A text channel by its name."""
        for channel in self.world.channels.values():
            place = self.world.guilds.get(channel.guild_id or 0)
            if place is not None and (place.name, channel.name) == (guild, name):
                return room_of(self, channel)
        raise KeyError(f"{guild} has no channel {name!r}.")

    def guild(self, name: str = GUILD) -> GuildHandle:
        """A guild by its name."""
        for guild in self.world.guilds.values():
            if guild.name == name:
                return GuildHandle(self, guild)
        raise KeyError(f"There is no guild {name!r}.")

    def dm(self, *usernames: str) -> Room:
        """The private channel of these people; with one name, theirs with the bot."""
        ids = [self.member(name).user.id for name in usernames]
        return Room(self, self.world.dm(*ids, *([self.application_id] if len(ids) == 1 else [])))

    def install_contexts(
        self, *, guild: bool = True, user: bool = False, narrows: bool = False, entry_point: bool = False
    ) -> None:
        """Choose what the application supports, as on its Installation page; at first both.

        Commands for other contexts are refused with 50035, or with `narrows` kept without them. With
        `entry_point` the application has an entry point command; a bulk overwrite without it gets 50240.
        """
        kinds = {kind for kind, supported in ((0, guild), (1, user)) if supported}
        self.world.app = AppSettings(kinds, narrows, entry_point)

    def bytes_of(self, attachment: Attachment) -> bytes:
        """What was uploaded; KeyError when it is gone."""
        body = self.store.file(attachment.id)
        if body is None:
            raise KeyError(f"{attachment.filename} is gone.")
        return body

    async def ready(self, timeout: float = 90.0) -> None:
        """Return once all the bot's shards are online; TimeoutError after `timeout` real seconds."""
        world = self.world
        await self.until(lambda: world.shards_online == world.shards, timeout, "the bot to come online")

    async def settle(self) -> None:
        """Return once the bot has read the answers it was given.

        A person sees a button or a form well after the bot learned that it was sent; a test that acts at once
        would be faster than any person, and than a library that notes its form only after the answer.
        """
        await self.rest.quiet()
        await self.gateway.settle()

    async def until(
        self, ask: Callable[[], T | None], timeout: float, what: str, interaction_id: int | None = None
    ) -> T:
        """What `ask` answers once it is neither None nor False; TimeoutError after `timeout` real seconds.

        `ask` is asked at every change, or at those about one interaction.
        """
        answer = ask()
        if answer is not None and answer is not False:
            return answer
        found: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def look(change: Change) -> None:
            answer = ask()
            if answer is not None and answer is not False and not found.done():
                found.set_result(answer)

        stop = self.world.listen(look, interaction_id=interaction_id)
        try:
            return await asyncio.wait_for(found, timeout)
        except TimeoutError:
            raise TimeoutError(f"Waited {timeout:g} s for {what}.") from None
        finally:
            stop()
