"""The gateway: sessions that outlive their sockets, numbered events, and replay.

Speaks version 10 in JSON, plain or as a `zlib-stream` or `zstd-stream`. Source of opcodes, close codes and
intents: Discord's "Gateway" pages.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections import deque
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.compression import Stream, stream
from sandbox.dispatch import Dispatcher
from sandbox.events import Intent, Outgoing
from sandbox.model import Json
from sandbox.opcodes import Close, Op
from sandbox.payloads import Payloads
from sandbox.store import dumps
from sandbox.world import World

log = logging.getLogger(__name__)

HEARTBEAT_INTERVAL = 41.25
"""Seconds, as Discord usually says."""
PATIENCE = 0.5
"""Seconds a ping, or a request for a heartbeat, may go unanswered."""
ROUND_TRIPS = 5
REPLAY = 2000
"""Events a session keeps for its next socket."""


class Session:
    """One shard's stream of events, which a new socket may take up again."""

    def __init__(self, shard: tuple[int, int], intents: int) -> None:
        self.id = secrets.token_hex(16)
        self.shard = shard
        self.intents = intents
        self.seq = 0
        self.sent: deque[tuple[int, str]] = deque(maxlen=REPLAY)
        self.socket: Socket | None = None

    def dispatch(self, name: str, data: Any) -> None:
        """Number an event, keep it for replay, and send it if a socket is there."""
        self.seq += 1
        text = dumps({"op": int(Op.DISPATCH), "t": name, "s": self.seq, "d": data})
        self.sent.append((self.seq, text))
        if self.socket is not None:
            self.socket.push(text)

    def missed(self, seq: int) -> list[str] | None:
        """The events after `seq`, or None when they are not all kept."""
        if seq > self.seq or (self.sent and seq < self.sent[0][0] - 1):
            return None
        return [text for number, text in self.sent if number > seq]


class Socket:
    """One websocket of a bot, with its compression, and a queue so that a slow reader delays no other."""

    def __init__(
        self, ws: web.WebSocketResponse, transport: asyncio.Transport | None, packer: Stream | None
    ) -> None:
        self.ws = ws
        self.session: Session | None = None
        self._transport = transport
        self._packer = packer
        self._queue: asyncio.Queue[str | int | None] = asyncio.Queue()
        self._pings: dict[bytes, asyncio.Future[bool]] = {}
        self._heartbeats = 0
        self._acknowledging: asyncio.TimerHandle | None = None

    def heartbeat(self) -> None:
        """Answer a heartbeat with a request for another one (opcode 1), and that with an ACK for both.

        A library may note the time of sending in another thread than the one that sends and receives, as
        discord.py's KeepAliveHandler does. On loopback the ACK overtakes that note, and the latency is
        counted from the heartbeat before: "Can't keep up, shard ID 0 websocket is 41.3s behind". A requested
        heartbeat is noted where it is sent, so it has been noted when it arrives here. A client that leaves
        the request unanswered has its ACK after PATIENCE.
        """
        self._heartbeats += 1
        if self._acknowledging is not None:
            self.acknowledge()
            return
        self.push({"op": int(Op.HEARTBEAT), "d": None, "s": None, "t": None})
        self._acknowledging = asyncio.get_running_loop().call_later(PATIENCE, self.acknowledge)

    def acknowledge(self) -> None:
        """Acknowledge all received heartbeats."""
        if self._acknowledging is not None:
            self._acknowledging.cancel()
            self._acknowledging = None
        for _ in range(self._heartbeats):
            self.push({"op": int(Op.HEARTBEAT_ACK), "d": None, "s": None, "t": None})
        self._heartbeats = 0

    def push(self, message: str | Json) -> None:
        """Queue a message."""
        self._queue.put_nowait(message if isinstance(message, str) else dumps(message))

    def close(self, code: int) -> None:
        """Close once everything queued is sent."""
        self._queue.put_nowait(code)

    def drop(self) -> None:
        """Cut the connection as a broken network would: no close frame."""
        self._queue.put_nowait(None)

    async def write(self) -> None:
        """Send queued messages until the socket ends."""
        with contextlib.suppress(ConnectionError):
            while True:
                message = await self._queue.get()
                if isinstance(message, int):
                    await self.ws.close(code=message)
                    return
                if message is None:
                    if self._transport is not None:
                        self._transport.abort()
                    return
                if self._packer is None:
                    await self.ws.send_str(message)
                else:
                    await self.ws.send_bytes(self._packer(message.encode()))

    async def round_trip(self) -> bool:
        """Whether the client answers a ping within a moment."""
        mark = secrets.token_bytes(8)
        self._pings[mark] = asyncio.get_running_loop().create_future()
        try:
            await self.ws.ping(mark)
            return await asyncio.wait_for(self._pings[mark], PATIENCE)
        except (ConnectionError, TimeoutError):
            return False
        finally:
            del self._pings[mark]

    def ponged(self, mark: bytes) -> None:
        """The client has answered a ping."""
        ping = self._pings.get(mark)
        if ping is not None and not ping.done():
            ping.set_result(True)


class Gateway:
    """Accepts the bot's sockets and dispatches to each session the events of its shard."""

    def __init__(self, world: World, payloads: Payloads, dispatcher: Dispatcher) -> None:
        self.world = world
        self.payloads = payloads
        self.dispatcher = dispatcher
        self.url = ""
        self.sessions: dict[str, Session] = {}
        self._sockets: set[Socket] = set()
        self._stop_listening = world.listen(lambda change: self.broadcast(dispatcher.events(change)))

    # Faults and control

    def drop(self) -> int:
        """Cut every socket without a close frame; the sessions stay and may be resumed. Returns how many."""
        for socket in list(self._sockets):
            socket.drop()
        return len(self._sockets)

    def reconnect(self) -> int:
        """Ask every client to reconnect and resume. Returns how many there were."""
        for socket in list(self._sockets):
            socket.push({"op": int(Op.RECONNECT), "d": None, "s": None, "t": None})
        return len(self._sockets)

    def invalidate(self, *, resumable: bool = False) -> int:
        """Tell every client that its session is invalid; unless `resumable`, the sessions are forgotten.

        Returns how many clients there were.
        """
        for socket in list(self._sockets):
            if not resumable and socket.session is not None:
                self._forget(socket.session)
            socket.push({"op": int(Op.INVALID_SESSION), "d": resumable, "s": None, "t": None})
        return len(self._sockets)

    def broadcast(self, events: list[Outgoing]) -> None:
        """Send events to the sessions that are to have them."""
        for event in events:
            for session in list(self.sessions.values()):
                if event.reaches(session.shard, session.intents):
                    session.dispatch(event.name, event.data(session.intents))

    async def settle(self) -> None:
        """Return once every connected client has been through its event loop a few times.

        What it was sent on other connections before has then been dealt with.
        """
        for socket in list(self._sockets):
            for _ in range(ROUND_TRIPS):
                if not await socket.round_trip():
                    break

    async def close(self) -> None:
        """Close every socket."""
        self._stop_listening()
        for socket in list(self._sockets):
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(socket.ws.close(code=1001), 2)

    # One socket

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one websocket."""
        ws = web.WebSocketResponse(compress=False, max_msg_size=1 << 16, autoping=False)
        await ws.prepare(request)
        if request.query.get("v", "10") != "10" or request.query.get("encoding", "json") != "json":
            await ws.close(code=Close.INVALID_VERSION)
            return ws
        try:
            packer = stream(request.query.get("compress"))
        except ValueError:
            await ws.close(code=Close.DECODE_ERROR)
            return ws
        socket = Socket(ws, request.transport, packer)
        self._sockets.add(socket)
        writer = asyncio.create_task(socket.write())
        socket.push(
            {
                "op": int(Op.HELLO),
                "d": {"heartbeat_interval": int(HEARTBEAT_INTERVAL * 1000)},
                "s": None,
                "t": None,
            }
        )
        try:
            await self._read(socket)
        finally:
            self._sockets.discard(socket)
            writer.cancel()
            socket.acknowledge()
            if socket.session is not None and socket.session.socket is socket:
                socket.session.socket = None
            self._tell_online()
        return ws

    async def _read(self, socket: Socket) -> None:
        while True:
            try:
                # Three missed beats: real time, because the other end's heart does not follow a turned clock.
                message = await socket.ws.receive(timeout=HEARTBEAT_INTERVAL * 3)
            except TimeoutError:
                await socket.ws.close(code=Close.SESSION_TIMED_OUT)
                return
            if message.type is WSMsgType.PING:
                await socket.ws.pong(message.data)
                continue
            if message.type is WSMsgType.PONG:
                socket.ponged(bytes(message.data))
                continue
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            try:
                frame = json.loads(message.data)
                op, data = frame["op"], frame.get("d")
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                socket.close(Close.DECODE_ERROR)
                continue
            problem = self._receive(socket, op, data)
            if problem is not None:
                socket.close(problem)

    def _receive(self, socket: Socket, op: Any, data: Any) -> Close | None:
        if op == Op.HEARTBEAT:
            socket.heartbeat()
            return None
        if op in (Op.IDENTIFY, Op.RESUME):
            if socket.session is not None:
                return Close.ALREADY_AUTHENTICATED
            if not isinstance(data, dict):
                return Close.DECODE_ERROR
            token = str(data.get("token", "")).removeprefix("Bot ")
            if not secrets.compare_digest(token.encode(errors="replace"), self.world.bot_token.encode()):
                return Close.AUTHENTICATION_FAILED
            return self._identify(socket, data) if op == Op.IDENTIFY else self._resume(socket, data)
        if socket.session is None:
            return Close.NOT_AUTHENTICATED
        if op == Op.REQUEST_GUILD_MEMBERS:
            return self._members(socket.session, data)
        return None if op in (Op.PRESENCE_UPDATE, Op.VOICE_STATE_UPDATE) else Close.UNKNOWN_OPCODE

    def _identify(self, socket: Socket, data: Json) -> Close | None:
        intents = data.get("intents")
        if not isinstance(intents, int) or isinstance(intents, bool) or not 0 <= intents < 1 << 31:
            return Close.INVALID_INTENTS
        shard = data.get("shard") or [0, 1]
        if not (
            isinstance(shard, list)
            and len(shard) == 2
            and all(type(number) is int for number in shard)
            and 0 <= shard[0] < shard[1]
        ):
            return Close.INVALID_SHARD
        session = Session((shard[0], shard[1]), intents)
        for old in [
            one for one in self.sessions.values() if one.shard == session.shard and one.socket is None
        ]:
            self._forget(old)
        self.sessions[session.id] = session
        self._attach(session, socket)
        guilds = [
            guild
            for guild in self.payloads.bot_guilds()
            if self.dispatcher.shard(guild.id, shard[1]) == shard[0]
        ]
        session.dispatch(
            "READY",
            {
                "v": 10,
                "user": self.payloads.me(),
                "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
                "session_id": session.id,
                "session_type": "normal",
                "resume_gateway_url": self.url,
                "shard": shard,
                "private_channels": [],
                "application": {
                    "id": str(self.world.application_id),
                    "flags": self.payloads.application()["flags"],
                },
            },
        )
        for guild in guilds if intents & Intent.GUILDS else ():
            session.dispatch("GUILD_CREATE", self.payloads.guild_create(guild))
        self._tell_online()
        return None

    def _resume(self, socket: Socket, data: Json) -> Close | None:
        session, seq = self.sessions.get(str(data.get("session_id"))), data.get("seq")
        if session is None or not isinstance(seq, int):
            socket.push({"op": int(Op.INVALID_SESSION), "d": False, "s": None, "t": None})
            return None
        missed = session.missed(seq)
        if missed is None:
            self._forget(session)
            return Close.INVALID_SEQ
        self._attach(session, socket)
        for text in missed:
            socket.push(text)
        session.dispatch("RESUMED", {})
        self._tell_online()
        return None

    def _attach(self, session: Session, socket: Socket) -> None:
        if session.socket is not None:
            session.socket.session = None
            session.socket.close(Close.SESSION_TIMED_OUT)
        session.socket, socket.session = socket, session

    def _forget(self, session: Session) -> None:
        self.sessions.pop(session.id, None)
        if session.socket is not None:
            session.socket.session = None
            session.socket = None
        self._tell_online()

    def _tell_online(self) -> None:
        connected = {session.shard for session in self.sessions.values() if session.socket is not None}
        self.world.set_shards_online(len(connected), max((shards for _, shards in connected), default=1))

    def _members(self, session: Session, data: Any) -> Close | None:
        chunk = self.dispatcher.members_chunk(data)
        if chunk is None:
            return Close.DECODE_ERROR
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk)
        return None
