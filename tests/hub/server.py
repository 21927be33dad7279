"""A small Hugging Face hub on a real socket: the calls that fetching a model makes, and ways to misbehave."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """One model. large: files that are kept by SHA-256, as Git LFS does; the rest by git's own hash.

    cut: path → after so many bytes its connection ends, once.  fail: paths that answer 500 so many times.
    forged: path → what is sent instead.  token: needed for files; 401 without.
    knows_ranges: whether a Range header is heeded; without, the whole file is sent with 200.
    """

    name: str
    files: dict[str, bytes]
    large: set[str]
    licence: str = "cc-by-nc-4.0"
    cut: dict[str, int] = field(default_factory=dict)
    fail: dict[str, int] = field(default_factory=dict)
    forged: dict[str, bytes] = field(default_factory=dict)
    token: str | None = None
    knows_ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def info(self) -> dict[str, Any]:
        return {
            "id": self.name,
            "modelId": self.name,
            "sha": COMMIT,
            "private": False,
            "gated": "auto" if self.token else False,
            "tags": [],
            "cardData": {"license": self.licence},
            "siblings": [self._sibling(path, content) for path, content in self.files.items()],
        }

    def _sibling(self, path: str, content: bytes) -> dict[str, Any]:
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        found: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": git}
        if path in self.large:
            digest = hashlib.sha256(content).hexdigest()
            found["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 130}
        return found


class _Handler(BaseHTTPRequestHandler):
    hubs: tuple[Hub, ...]

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        for hub in self.hubs:
            resolve = f"/{hub.name}/resolve/{COMMIT}/"
            if path == f"/api/models/{hub.name}":
                self._send(200, json.dumps(hub.info()).encode(), {"Content-Type": "application/json"})
                return
            if path.startswith(resolve) and path.removeprefix(resolve) in hub.files:
                self._file(hub, path.removeprefix(resolve))
                return
        self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def _file(self, hub: Hub, path: str) -> None:
        span = self.headers.get("Range")
        hub.asked.append((path, span))
        if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
            self._send(401, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"})
            return
        if span and hub.fail.get(path):
            hub.fail[path] -= 1
            self._send(500, b"{}", {})
            return
        content = hub.forged.get(path, hub.files[path])
        if not hub.knows_ranges:
            span = None
        start = int(span.removeprefix("bytes=").rstrip("-")) if span else 0
        headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if span else {}
        end = start + hub.cut.pop(path) if path in hub.cut else None
        self._send(206 if span else 200, content[start:], headers, end)

    def _send(self, status: int, body: bytes, headers: dict[str, str], end: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:end])
        if end is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(*hubs: Hub) -> Iterator[str]:
    """Serve the models and yield the hub's address."""
    handler = type("Handler", (_Handler,), {"hubs": hubs})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
