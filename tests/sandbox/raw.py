"""A bot that is nothing but requests: for what a well-behaved library would never send."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from sandbox.model import Interaction
from sandbox.server import Sandbox


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Any

    @property
    def ok(self) -> bool:
        return self.status < 300

    @property
    def code(self) -> int | None:
        return self.body.get("code") if isinstance(self.body, dict) else None

    @property
    def fields(self) -> set[str]:
        """The field codes of a form error."""
        found: set[str] = set()

        def gather(node: Any) -> None:
            if isinstance(node, dict):
                for name, inner in node.items():
                    if name == "_errors":
                        found.update(error["code"] for error in inner)
                    else:
                        gather(inner)

        gather(self.body.get("errors") if isinstance(self.body, dict) else None)
        return found


class Raw:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.music = sandbox.channel("music")

    async def __aenter__(self) -> Self:
        self.session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        files: dict[str, bytes] | None = None,
        *,
        token: str | None = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        sent = {"Authorization": f"Bot {self.sandbox.bot_token if token is None else token}"} | (
            headers or {}
        )
        data: Any = raw
        if files is not None:
            data = aiohttp.FormData(quote_fields=False)
            data.add_field("payload_json", json.dumps(body), content_type="application/json")
            for index, (name, content) in enumerate(files.items()):
                data.add_field(
                    f"files[{index}]", content, filename=name, content_type="application/octet-stream"
                )
        elif body is not None:
            data = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        async with self.session.request(
            method, self.sandbox.api_url + path, data=data, headers=sent
        ) as answer:
            text = await answer.read()
            kind = answer.headers.get("Content-Type")
            parsed = json.loads(text) if kind == "application/json" else text.decode()
            return Answer(answer.status, parsed, answer.headers)

    # The common requests

    async def post(self, files: dict[str, bytes] | None = None, **body: Any) -> Answer:
        return await self.call("POST", f"/channels/{self.music.id}/messages", body, files)

    async def edit(self, message_id: int | str, files: dict[str, bytes] | None = None, **body: Any) -> Answer:
        return await self.call("PATCH", f"/channels/{self.music.id}/messages/{message_id}", body, files)

    async def register(self, *commands: Any, guild: bool = False) -> Answer:
        return await self.call(
            "PUT", f"/applications/{self.sandbox.application_id}{self._at(guild)}/commands", commands
        )

    def _at(self, guild: bool) -> str:
        return f"/guilds/{self.music.channel.guild_id}" if guild else ""

    async def slash(self, **options: Any) -> Interaction:
        """An interaction nobody has answered yet."""
        if not self.sandbox.world.commands:
            assert (await self.register({"name": "play", "description": "Play"})).ok
        reply = await self.sandbox.member("alice").slash("play", at=self.music, wait=False, **options)
        return reply.interaction

    async def respond(self, interaction: Interaction, kind: int, data: Any = None, **rest: Any) -> Answer:
        body = {"type": kind} if data is None else {"type": kind, "data": data}
        path = f"/interactions/{interaction.id}/{interaction.token}/callback"
        return await self.call("POST", path + rest.pop("query", ""), body, token="", **rest)

    async def follow_up(
        self, interaction: Interaction, files: dict[str, bytes] | None = None, **body: Any
    ) -> Answer:
        return await self.call("POST", self.webhook(interaction), body, files, token="")

    def webhook(self, interaction: Interaction, message: str = "") -> str:
        tail = f"/messages/{message}" if message else ""
        return f"/webhooks/{self.sandbox.application_id}/{interaction.token}{tail}"


class Socket:
    """A gateway connection; frames are read in their order."""

    def __init__(self, raw: Raw, compress: str | None = None) -> None:
        self.raw = raw
        self.compress = compress
        self.seq: int | None = None
        self._inflate = zlib.decompressobj()

    async def __aenter__(self) -> Self:
        query = "?v=10&encoding=json" + (f"&compress={self.compress}" if self.compress else "")
        self.ws = await self.raw.session.ws_connect(self.raw.sandbox.gateway_url + query, autoclose=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.ws.close()

    async def send(self, op: int, data: Any) -> None:
        await self.ws.send_json({"op": op, "d": data})

    async def identify(
        self, *, shard: tuple[int, int] = (0, 1), intents: int = 0xFFFF, token: str | None = None
    ) -> None:
        token = self.raw.sandbox.bot_token if token is None else token
        await self.send(2, {"token": token, "intents": intents, "shard": list(shard), "properties": {}})

    async def receive(self) -> Any:
        """The next frame, or the close code as {"close": code}."""
        message = await self.ws.receive(timeout=30)
        if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
            return {"close": self.ws.close_code}
        data = message.data
        if isinstance(data, bytes):
            data = self._inflate.decompress(data)
        frame = json.loads(data)
        self.seq = frame["s"] if frame.get("s") is not None else self.seq
        return frame

    async def until(self, event: str) -> Any:
        """The data of the next event of that name."""
        while True:
            frame = await self.receive()
            assert "close" not in frame, frame
            if frame.get("t") == event:
                return frame["d"]
