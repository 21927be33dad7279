"""One request to a music server, bounded in time and bytes; whatever answers is not trusted."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from typing import Any

from bot.errors import BadAudio, ModelUnusable, OutOfMemory, RenderError
from bot.text import sanitize

BODY_SECONDS = 120.0
"""Longest time that an answer may take from its first byte; a clip takes well under a second of it."""
POLL_SECONDS = 0.25
"""Time between two calls of on_wait."""
_SLOW = "The music server took too long to answer. Try a shorter clip, or tell the owner."
MAX_SHOWN = 200
"""Characters of a server's own words in an error."""


def request(
    method: str,
    url: str,
    *,
    seconds: float,
    max_bytes: int,
    content: dict[str, Any] | None = None,
    on_wait: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Return the JSON object of an answer.

    seconds: until the answer begins.  max_bytes: of its body.  on_wait: called every POLL_SECONDS meanwhile;
    what it raises leaves the request, whose answer is then dropped.
    Raises OutOfMemory, ModelUnusable, BadAudio or RenderError, in words for the member.
    """
    answer: Future[dict[str, Any]] = Future()
    connection = _Connection()

    def work() -> None:
        try:
            answer.set_result(_exchange(method, url, seconds, max_bytes, content, connection))
        except BaseException as error:
            answer.set_exception(error)
        finally:
            connection.close()

    # A thread, because each byte that comes begins the read's timeout anew. A daemon, because the look-up of
    # a name has no timeout at all.
    threading.Thread(target=work, name="remote", daemon=True).start()
    deadline = time.monotonic() + seconds + BODY_SECONDS
    try:
        while not wait_for([answer], POLL_SECONDS).done:
            on_wait()
            if time.monotonic() > deadline:
                raise RenderError(_SLOW)
    except BaseException:
        connection.cut()
        raise
    return answer.result()


class _Connection:
    """The connection of a request, which another thread can cut: what waits for it then ends at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_cut = False

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Duplicate the socket once it is connected: the client may close its own at any time."""
        if event == "connection.connect_tcp.complete":
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket").dup()
                self._shut()

    def cut(self) -> None:
        """End the connection, now or as soon as there is one."""
        with self._lock:
            self._is_cut = True
            self._shut()

    def close(self) -> None:
        """Release the duplicate."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def _shut(self) -> None:
        if self._is_cut and self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _exchange(
    method: str,
    url: str,
    seconds: float,
    max_bytes: int,
    content: dict[str, Any] | None,
    connection: _Connection,
) -> dict[str, Any]:
    import httpx2

    # No proxy of the environment, and no redirect, which could lead to another machine.
    timeout = httpx2.Timeout(10.0, read=seconds)
    try:
        with (
            httpx2.Client(timeout=timeout, trust_env=False, follow_redirects=False) as client,
            client.stream(method, url, json=content, extensions={"trace": connection.trace}) as response,
        ):
            # The answer has begun: what follows comes from memory.
            response.request.extensions["timeout"]["read"] = BODY_SECONDS
            body = _read(response, max_bytes)
            status = response.status_code
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        raise RenderError(
            "The music server does not answer. The owner has to start it (audiocpp_server), or correct "
            "REMOTE_ENGINES."
        ) from error
    except httpx2.TimeoutException as error:
        raise RenderError(_SLOW) from error
    except httpx2.HTTPError as error:
        raise RenderError("The music server broke off in the middle of its answer. Try again.") from error
    if status != 200:
        raise _refusal(status, body)
    answer = _json(body)
    if answer is None:
        raise BadAudio("The music server's answer can't be read: it isn't JSON, or only part of it.")
    return answer


def _read(response: Any, max_bytes: int) -> bytes:
    """Return the body of an answer. Raises BadAudio beyond max_bytes, RenderError after BODY_SECONDS."""
    body = bytearray()
    deadline = time.monotonic() + BODY_SECONDS
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise BadAudio(
                f"The music server sends more than the {max_bytes / 1e6:.0f} MB that this answer can have."
            )
        if time.monotonic() > deadline:
            raise RenderError(_SLOW)
    return bytes(body)


def _refusal(status: int, body: bytes) -> RenderError:
    """Return the error for a status, with the server's own words where it has some."""
    error = (_json(body) or {}).get("error")
    details = error if isinstance(error, dict) else {}
    kind, said = details.get("type"), details.get("message")
    words = sanitize(said)[:MAX_SHOWN].strip() if isinstance(said, str) else ""
    if kind == "server_busy":
        return RenderError(
            "The music server is busy with another clip. Try again in a few minutes; the owner can raise "
            "busy_timeout_ms in its configuration."
        )
    if kind == "insufficient_memory" or "out of memory" in words.casefold():
        return OutOfMemory(
            "The music server has too little memory for this clip. Ask for a shorter one, or have the owner "
            "load a smaller model there."
        )
    if kind == "not_found" or status == 404:
        return ModelUnusable(
            "The music server does not know this request: it is another program, or another version of "
            "audio.cpp. The owner has to update it."
        )
    if words.startswith("unknown model id"):
        return ModelUnusable("The music server does not have this model any more. Choose another one.")
    return RenderError(
        f"The music server could not make the clip (status {status})" + (f": {words}" if words else ".")
    )


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
