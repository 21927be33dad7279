"""A whole sandbox: the world, the API, the gateway, the uploads and the page, on one loopback port.

async with Sandbox(Path("history.sqlite3")) as discord:
    run_a_bot(token=discord.bot_token, api=discord.api_url)
    print(discord.page_url)
"""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from aiohttp import web

from sandbox.actors import Actor
from sandbox.backend import Backend, Options
from sandbox.cdn import Cdn
from sandbox.defaults import GUILD
from sandbox.guard import HOST, own_names_only
from sandbox.handles import ChannelHandle, GuildHandle, channel_named
from sandbox.page_api import PageApi

API = "/api/v10"


class Sandbox(Backend):
    """A Discord of your own, served on loopback.

    port: 0 takes the one of the last time, or a free one. options: as for Backend.
    """

    def __init__(self, path: Path | None = None, *, port: int = 0, **options: Unpack[Options]) -> None:
        super().__init__(path, **options)
        self._port = port
        self._runner: web.AppRunner | None = None
        self.base = ""

    async def __aenter__(self) -> Self:
        self.open()
        # Kept with the history: a page that is open finds the sandbox again when it is started anew.
        self.page = PageApi(self, self.store.setting("page_token", secrets.token_urlsafe(24)))
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
        for folder in ("attachments", "ephemeral-attachments"):
            app.router.add_get(
                f"/{folder}/{{owner:[0-9]+}}/{{attachment_id:[0-9]+}}/{{filename}}", cdn.handle
            )
        self.page.add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handle_signals=False)
        await self._runner.setup()
        await self._bind(self._runner)
        self.port: int = self._runner.addresses[0][1]
        self.store.replace_setting("port", str(self.port))
        self.base = f"http://{HOST}:{self.port}"
        self.links.base = self.base
        self.gateway.url = f"ws://{HOST}:{self.port}/gateway"

    async def _bind(self, runner: web.AppRunner) -> None:
        """Take the port asked for, else the one of the last time if it is free, else any."""
        last = int(self.store.setting("port", "0"))
        if not self._port and last:
            with contextlib.suppress(OSError):
                await web.TCPSite(runner, HOST, last).start()
                return
        await web.TCPSite(runner, HOST, self._port).start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.gateway.close()
        await self.page.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self.clock.stop()
        self.store.close()

    # For the bot

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

    # For people and tests

    @property
    def page_url(self) -> str:
        """The page's address, with the token that access needs; it stays the same for a history file."""
        return f"{self.base}/{self.page.token}/"

    def bot_process(self, *, runs: bool) -> None:
        """Note whether the bot's process runs: the page says that it starts until it is online."""
        self.world.set_bot_process(runs)

    def member(self, username: str) -> Actor:
        """Act as one of the people, by username: host, alice, bob, carol, or mina, who moderates."""
        for user in self.world.users.values():
            if user.username == username and not user.bot:
                return Actor(self, user)
        people = ", ".join(user.username for user in self.world.users.values() if not user.bot)
        raise KeyError(f"Nobody is called {username!r} here; there are {people}.")

    def channel(self, name: str, guild: str = GUILD) -> ChannelHandle:
        """Return a text channel by its name."""
        return channel_named(self, name, guild)

    def guild(self, name: str = GUILD) -> GuildHandle:
        """A guild by its name."""
        for guild in self.world.guilds.values():
            if guild.name == name:
                return GuildHandle(self, guild)
        raise KeyError(f"There is no guild {name!r}.")

    def dm(self, *usernames: str) -> ChannelHandle:
        """The private channel of these people; with one name, theirs with the bot."""
        ids = [self.member(name).user.id for name in usernames]
        return ChannelHandle(self, self.world.dm(*ids, *([self.application_id] if len(ids) == 1 else [])))
