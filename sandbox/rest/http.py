"""A REST request from its first byte to its answer: matched, struck by faults, counted, read, done."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import secrets
from collections.abc import Mapping
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from sandbox.errors import ApiError, not_json, unauthorized
from sandbox.faults import ConnectionCutError, FaultAnswer, Faults, Target
from sandbox.files import Upload, read_part
from sandbox.limits import Limits, RateLimitedError
from sandbox.rest.implemented import OPERATIONS
from sandbox.rest.routing import Answer, Call, Created, Services, match
from sandbox.rules.shapes import as_snowflake
from sandbox.spec import Spec

log = logging.getLogger(__name__)

MAX_FILES, MAX_JSON_BYTES = 10, 8 * 1024 * 1024
_LOOPS_TO_SEE_AN_END = 5
"""Rounds of the event loop in which the end of a connection is read and reported, with some to spare."""
_FILE_FIELD = re.compile(r"files\[([0-9]{1,3})\]")


class RestApi:
    """Serves `/api/v10`."""

    def __init__(self, services: Services, faults: Faults, limits: Limits, spec: Spec | None) -> None:
        self.services = services
        self.faults = faults
        self.limits = limits
        self.spec = spec
        self._unsent = 0
        self._sent: asyncio.Future[None] | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        parts = request.match_info["path"].split("/")
        found = match(request.method, parts)
        if found is None:
            return _json(404, {"message": "404: Not Found", "code": 0})
        if found.name is None:
            return _json(405, {"message": "405: Method Not Allowed", "code": 0})
        if found.name not in OPERATIONS:
            return _json(501, {"message": f"The sandbox does not implement {found.name}.", "code": 0})
        headers: dict[str, str] = {}
        try:
            status, body = await self._answer(request, found.name, found.params, headers)
        except ConnectionCutError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        except FaultAnswer as fault:
            status, headers = fault.status, fault.headers
            if isinstance(fault.body, str):
                text = web.Response(
                    status=status, text=fault.body, content_type=fault.content_type, headers=headers
                )
                return await self._send(request, text)
            body = fault.body
        except RateLimitedError as limited:
            status, body = limited.status, limited.body()
            headers = limited.headers()
        except ApiError as error:
            status, body = error.status, error.body()
        if self.spec is not None:
            self.spec.check_answer(found.name, status, body)
        return await self._send(request, _json(status, body, headers))

    async def quiet(self) -> None:
        """Return once every answer whose effect has been seen is on its way."""
        while self._unsent:
            self._sent = asyncio.get_running_loop().create_future()
            await self._sent

    async def _send(self, request: web.Request, answer: web.Response) -> web.Response:
        self._unsent += 1
        try:
            with contextlib.suppress(ConnectionError):
                await answer.prepare(request)
                await answer.write_eof()
        finally:
            self._unsent -= 1
            if self._sent is not None and not self._sent.done():
                self._sent.set_result(None)
        return answer

    async def _answer(
        self, request: web.Request, name: str, params: dict[str, str], headers: dict[str, str]
    ) -> tuple[int, Answer]:
        clock, rules = self.services.world.clock, self.services.rules
        if not OPERATIONS[name].is_open:
            self._authorize(request)
        headers |= self.limits.count(name, params, clock, rules)
        try:
            body, uploads = await _read(request, self.services.messages.largest_upload)
        except ConnectionResetError:
            # The client left in the middle of its request.
            raise ConnectionCutError from None
        faults = self.faults.take(self._target(name, params, body, uploads))
        for fault in faults:
            if not fault.after_effect:
                await fault.strike(clock, tuple(uploads))
                await _connected(request)
        answer: Answer = None
        refused: ApiError | None = None
        try:
            answer = OPERATIONS[name].handler(self.services, Call(params, request.query, body, uploads))
            if self.spec is not None:
                self.spec.check_request(name, body)
        except ApiError as error:
            refused = error
        for fault in faults:
            if fault.after_effect:
                await fault.strike(clock, tuple(uploads))
        if refused is not None:
            raise refused
        return (204 if answer is None else 201 if isinstance(answer, Created) else 200), answer

    def _target(self, name: str, params: Mapping[str, str], body: Any, uploads: list[Upload]) -> Target:
        channel_id = as_snowflake(params.get("channel_id"))
        message_id = as_snowflake(params.get("message_id"))
        token = params.get("webhook_token") or params.get("interaction_token")
        interaction = self.services.world.tokens.get(token or "")
        if interaction is not None:
            channel_id = interaction.channel_id
            message_id = message_id or interaction.response_message_id
        return Target(name, body, tuple(uploads), channel_id, message_id)

    def _authorize(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "").encode(errors="replace")
        if not secrets.compare_digest(given, f"Bot {self.services.world.bot_token}".encode()):
            raise unauthorized()


async def _connected(request: web.Request) -> None:
    """Raise ConnectionCutError if the client left while its request was held up."""
    for _ in range(_LOOPS_TO_SEE_AN_END):
        await asyncio.sleep(0)
    if request.transport is None or request.transport.is_closing():
        raise ConnectionCutError


async def _read(request: web.Request, upload_limit: int) -> tuple[Any, list[Upload]]:
    """The JSON body and the files of a request."""
    if request.content_type == "multipart/form-data":
        return await _read_multipart(request, upload_limit)
    raw = await request.read()
    if not raw:
        return None, []
    if request.content_type != "application/json":
        raise not_json()
    return parse(raw), []


async def _read_multipart(request: web.Request, upload_limit: int) -> tuple[Any, list[Upload]]:
    body: Any = None
    uploads: list[Upload] = []
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise not_json()
            field = _FILE_FIELD.fullmatch(part.name or "")
            # One byte over the limit suffices; the rest of the part is read and dropped.
            content = await read_part(part, upload_limit + 1 if field else MAX_JSON_BYTES)
            if part.name == "payload_json":
                body = parse(content)
            elif field and len(uploads) <= MAX_FILES:
                uploads.append(Upload(int(field.group(1)), part.filename or "unnamed", content))
    except (ValueError, HttpProcessingError, web.RequestPayloadError) as error:
        raise not_json() from error
    return body, uploads


def parse(raw: bytes) -> Any:
    """Strict JSON: no NaN, no infinities; ApiError for anything else."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        return json.loads(raw, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise not_json() from error


def _json(status: int, body: Answer, headers: Mapping[str, str] | None = None) -> web.Response:
    # Exactly "application/json": with a charset, discord.py would take the body for text.
    if status == 204:
        return web.Response(status=204, headers=headers)
    text = json.dumps(body, separators=(",", ":")).encode()
    return web.Response(status=status, body=text, content_type="application/json", headers=headers)
