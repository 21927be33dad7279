"""Faults on demand: requests that are held up, refused, cut or never answered, and sockets that break.

    fault = discord.faults.lose_answer(operation="create_message")
    ...
    assert fault.struck == 1

Every method returns the fault as a handle that counts the requests it struck.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

from sandbox.clock import Clock
from sandbox.error_codes import CLOUDFLARE_BAN, EDGE_ERRORS, ERROR_CODES
from sandbox.files import Upload
from sandbox.gateway import Gateway
from sandbox.limits import RateLimitedError
from sandbox.model import Json


@dataclass(frozen=True)
class Target:
    """A request as a fault sees it.

    `channel_id` and `message_id` are what it acts on, also where its path names an interaction's token only:
    then the interaction's channel and its original response (None while there is none).
    """

    operation: str
    body: Json | list[Json] | None = None
    uploads: tuple[Upload, ...] = ()
    channel_id: int | None = None
    message_id: int | None = None


class Aim(TypedDict, total=False):
    """Which requests a fault strikes; without any of these, the next one."""

    operation: str
    """The operation's name in Discord's OpenAPI description ("create_message")."""
    channel_id: int
    message_id: int
    where: Callable[[Target], bool]
    times: int | None
    """How many requests; None: all until it is cleared. Default 1."""
    optional: bool
    """Whether the test passes though the fault never struck. Default False."""


class ConnectionCutError(Exception):
    """The connection is to be cut in place of an answer."""


class FaultAnswer(Exception):
    """The answer that a fault gives in place of the API's."""

    def __init__(
        self, status: int, body: Json | str, headers: dict[str, str] | None = None, content_type: str = ""
    ) -> None:
        super().__init__(f"{status}, a fault that was asked for")
        self.status = status
        self.body = body
        self.headers = headers or {}
        self.content_type = content_type or "application/json"


@dataclass
class Fault:
    """A fault that was asked for, and the handle on it."""

    name: str
    aim: Aim = field(default_factory=Aim)
    after_effect: bool = False
    """Whether the request takes effect before the fault strikes."""
    seconds: float = 0.0
    bytes_per_second: float | None = None
    holds: bool = False
    raises: Callable[[], Exception] | None = None
    struck: int = 0
    """Requests (or sockets) struck so far."""

    def __post_init__(self) -> None:
        self.left: int | None = self.aim.get("times", 1)
        self.optional: bool = self.aim.get("optional", False)
        self._held: set[asyncio.Future[None]] = set()
        self._waiting: set[asyncio.Future[None]] = set()

    def __str__(self) -> str:
        aim = ", ".join(f"{name}={value!r}" for name, value in self.aim.items())
        return f"{self.name}({aim})"

    def takes(self, target: Target) -> bool:
        """Whether this request is one of those it strikes; counts it if so."""
        aim = self.aim
        if (
            self.left == 0
            or aim.get("operation", target.operation) != target.operation
            or aim.get("channel_id", target.channel_id) != target.channel_id
            or aim.get("message_id", target.message_id) != target.message_id
            or (self.bytes_per_second is not None and not target.uploads)
            or ("where" in aim and not aim["where"](target))
        ):
            return False
        if self.left is not None:
            self.left -= 1
        self.struck += 1
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        return True

    async def strike(self, clock: Clock, uploads: tuple[Upload, ...]) -> None:
        """Let the request suffer it. Raises FaultAnswer, RateLimitedError or ConnectionCutError."""
        if self.seconds:
            await clock.sleep(self.seconds)
        if self.bytes_per_second:
            await clock.sleep(sum(len(one.body) for one in uploads) / self.bytes_per_second)
        if self.holds:
            held: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._held.add(held)
            try:
                await held
            finally:
                self._held.discard(held)
        if self.raises is not None:
            raise self.raises()

    async def until_struck(self, times: int = 1, timeout: float = 90.0) -> None:
        """Return once it struck so often; TimeoutError after `timeout` real seconds."""
        async with asyncio.timeout(timeout):
            while self.struck < times:
                waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting.add(waiting)
                try:
                    await waiting
                finally:
                    self._waiting.discard(waiting)

    def clear(self) -> None:
        """Strike no more requests, and let go on what it holds, unless the client has left meanwhile."""
        self.left = 0
        for held in self._held:
            if not held.done():
                held.set_result(None)

    def take_back(self) -> None:
        """Clear it, and do not miss it if it never struck."""
        self.optional = True
        self.clear()


_recordings: list[list[Fault]] = []


@contextlib.contextmanager
def recorded() -> Iterator[list[Fault]]:
    """Gather every fault that any sandbox is asked for meanwhile."""
    faults: list[Fault] = []
    _recordings.append(faults)
    try:
        yield faults
    finally:
        _recordings.remove(faults)


def never_struck(faults: list[Fault]) -> list[str]:
    """Those that should have struck and did not, in words."""
    return [str(fault) for fault in faults if not fault.struck and not fault.optional]


@dataclass
class Faults:
    """The faults of one sandbox.

    `aim` narrows each to some requests, see Aim; a `ValueError` names an operation that the sandbox does not
    have. Delays and slow uploads take their time on the sandbox's clock. A request that is held up is dropped
    if its client has left when it would go on, as one that never reached Discord.
    operations: the names of the REST operations that the sandbox has.
    """

    operations: Collection[str]
    waiting: list[Fault] = field(default_factory=list)
    gateway: Gateway | None = None

    def delay(self, seconds: float, *, after_effect: bool = False, **aim: Unpack[Aim]) -> Fault:
        """Hold requests up, or only their answers, for so long."""
        return self._add(Fault("delay", aim, after_effect, seconds=seconds))

    def hold(self, *, after_effect: bool = False, **aim: Unpack[Aim]) -> Fault:
        """Hold requests up, or only their answers, until the fault is cleared."""
        return self._add(Fault("hold", aim, after_effect, holds=True))

    def fail(
        self,
        status: int | None = None,
        *,
        code: int | None = None,
        message: str | None = None,
        after_effect: bool = False,
        **aim: Unpack[Aim],
    ) -> Fault:
        """Answer with an error: an HTTP status, one of Discord's error codes, or both.

        Without `status` the one that usually goes with the code (500 without a code); without `message` the
        code's own. 502, 503 and 504 without a code come from a proxy, so they carry no JSON.
        `after_effect`: what was asked is done all the same.
        """
        answer = _error(status, code, message)
        return self._add(Fault(f"fail {answer[0]}", aim, after_effect, raises=lambda: FaultAnswer(*answer)))

    def rate_limit(
        self,
        retry_after: float,
        *,
        scope_global: bool = False,
        cloudflare: bool = False,
        **aim: Unpack[Aim],
    ) -> Fault:
        """Answer with 429; `cloudflare`: as for a banned address, without `Via` and without JSON."""

        def refusal() -> Exception:
            if cloudflare:
                content_type, text = CLOUDFLARE_BAN
                return FaultAnswer(429, text, {"Retry-After": f"{retry_after:.0f}"}, content_type)
            return RateLimitedError(retry_after, everything=scope_global)

        return self._add(Fault("rate_limit", aim, raises=refusal))

    def cut(self, **aim: Unpack[Aim]) -> Fault:
        """Cut the connection before anything is done."""
        return self._add(Fault("cut", aim, raises=ConnectionCutError))

    def lose_answer(self, **aim: Unpack[Aim]) -> Fault:
        """Do what is asked, then cut the connection in place of the answer."""
        return self._add(Fault("lose_answer", aim, after_effect=True, raises=ConnectionCutError))

    def slow_uploads(self, bytes_per_second: float, **aim: Unpack[Aim]) -> Fault:
        """Let requests with files take as long as a slow line would."""
        return self._add(Fault("slow_uploads", aim, bytes_per_second=bytes_per_second))

    def drop_sockets(self) -> Fault:
        """Break every gateway connection without a close frame."""
        return self._at_once("drop_sockets", lambda gateway: gateway.drop())

    def reconnect(self) -> Fault:
        """Ask every gateway client to reconnect and resume."""
        return self._at_once("reconnect", lambda gateway: gateway.reconnect())

    def invalidate_sessions(self, *, resumable: bool = False) -> Fault:
        """Declare every gateway session invalid."""
        return self._at_once("invalidate_sessions", lambda gateway: gateway.invalidate(resumable=resumable))

    def clear(self) -> None:
        """Clear every fault; one that never struck still fails its test, unlike after Fault.take_back."""
        for fault in self.waiting:
            fault.clear()
        self.waiting.clear()

    def take(self, target: Target) -> list[Fault]:
        """The faults that strike a request."""
        return [fault for fault in self.waiting if fault.takes(target)]

    def _add(self, fault: Fault) -> Fault:
        operation = fault.aim.get("operation")
        if operation is not None and operation not in self.operations:
            raise ValueError(f"The sandbox has no operation {operation!r}.")
        self.waiting.append(fault)
        return _record(fault)

    def _at_once(self, name: str, strike: Callable[[Gateway], int]) -> Fault:
        fault = Fault(name)
        fault.struck = strike(self.gateway) if self.gateway is not None else 0
        return _record(fault)


def _record(fault: Fault) -> Fault:
    for recording in _recordings:
        recording.append(fault)
    return fault


def _error(
    status: int | None, code: int | None, message: str | None
) -> tuple[int, Json | str, dict[str, str], str]:
    """Status, body, headers and content type of an error answer."""
    usual, words = ERROR_CODES.get(code or 0, (500, ""))
    if status is None:
        if code is not None and code not in ERROR_CODES:
            raise ValueError(f"Which status goes with the code {code}? Give both.")
        status = usual
    if code is None and message is None and status in EDGE_ERRORS:
        content_type, text = EDGE_ERRORS[status]
        return status, text, {}, content_type
    body: Json = {"message": message or words or f"{status}: a fault that was asked for", "code": code or 0}
    headers: dict[str, str] = {}
    if status == 429:
        # Clients wait as long as a 429 says, and without `Via` they take it for a ban.
        body |= {"retry_after": 1.0, "global": False}
        headers = {"Via": "1.1 sandbox", "Retry-After": "1"}
    return status, body, headers, ""
