"""Discord's state and API without a server: the world, REST, the gateway, and the actions of its clients.

Everything else of the sandbox is built on it: the handles that tests act by, the page, and the HTTP server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict, TypeVar, Unpack

from sandbox.changes import Change
from sandbox.client import Client
from sandbox.clock import Clock
from sandbox.defaults import populate
from sandbox.dispatch import Dispatcher
from sandbox.faults import Faults
from sandbox.files import UPLOAD_LIMIT
from sandbox.gateway import Gateway
from sandbox.interactions import Interactions
from sandbox.limits import Limits
from sandbox.links import Links
from sandbox.messages import Messages
from sandbox.model import AppSettings, Attachment, Json
from sandbox.payloads import Payloads
from sandbox.places import Places
from sandbox.rest.http import RestApi
from sandbox.rest.implemented import OPERATIONS
from sandbox.rest.routing import Services
from sandbox.rules import Rulebook
from sandbox.spec import Spec
from sandbox.store import Store
from sandbox.world import World

T = TypeVar("T")


class Options(TypedDict, total=False):
    """How a sandbox differs from the usual one."""

    clock: Clock | None
    """May be turned; the machine's by default."""
    faults: Faults | None
    limits: Limits | None
    """Rate limits; Discord's by default."""
    upload_limit: int
    """Bytes per attachment."""
    shards: int
    """The number of shards that GET /gateway/bot recommends."""
    spec: Spec | None
    """Discord's OpenAPI description, to check traffic against."""
    welcome: Json | None
    """What the page shows above the messages: {"title", "text", "hint", "starters"}. `hint` stands in the
    empty message field; a starter is {"label", "command", "options"}, a button that fills in a command. With
    "start", a shell command, the page says how to start the bot again."""
    bot_name: str
    """The bot's display name in a new history file."""


class Backend:
    """The parts of a sandbox, and waiting for its changes.

    path: the history file; None keeps the history in memory, for as long as the object lives.
    """

    def __init__(self, path: Path | None = None, **options: Unpack[Options]) -> None:
        self.clock = options.get("clock") or Clock()
        self.faults = options.get("faults") or Faults(OPERATIONS)
        self.limits = options.get("limits") or Limits()
        self.rules = Rulebook()
        self.spec = options.get("spec")
        self._path = path
        self._shards = options.get("shards", 1)
        self.welcome = options.get("welcome")
        self._bot_name = options.get("bot_name", "Antiphon")
        self._upload_limit = options.get("upload_limit", UPLOAD_LIMIT)

    def open(self) -> None:
        """Read the history file and build what works on it."""
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

    @property
    def application_id(self) -> int:
        """The application's id, which is the bot user's too."""
        return self.world.application_id

    def install_contexts(
        self, *, guild: bool = True, user: bool = False, narrows: bool = False, entry_point: bool = False
    ) -> None:
        """Choose the installation types that the application supports; both by default.

        Commands for other contexts are refused with 50035, or with `narrows` kept without them. With
        `entry_point` the application has an entry point command; a bulk overwrite without it gets 50240.
        """
        kinds = {kind for kind, supported in ((0, guild), (1, user)) if supported}
        self.world.app = AppSettings(kinds, narrows, entry_point)

    def bytes_of(self, attachment: Attachment) -> bytes:
        """Return an upload's content; KeyError when it is gone."""
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
        self, condition: Callable[[], T | None], timeout: float, what: str, interaction_id: int | None = None
    ) -> T:
        """Return the value of `condition` once it is neither None nor False.

        It is evaluated at every change, or at those about one interaction. TimeoutError after `timeout`
        real seconds.
        """
        answer = condition()
        if answer is not None and answer is not False:
            return answer
        found: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def look(change: Change) -> None:
            answer = condition()
            if answer is not None and answer is not False and not found.done():
                found.set_result(answer)

        stop = self.world.listen(look, interaction_id=interaction_id)
        try:
            return await asyncio.wait_for(found, timeout)
        except TimeoutError:
            raise TimeoutError(f"Waited {timeout:g} s for {what}.") from None
        finally:
            stop()
