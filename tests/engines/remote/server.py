"""A music server on a real socket with the interface of audio.cpp's audiocpp_server, and ways to misbehave.

Shapes: app/server/runtime.cpp (models_json, task_result_json_with_timing) and app/server/http.cpp
(error_response) of audio.cpp.
"""

from __future__ import annotations

import base64
import io
import json
import threading
import wave
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

MODELS = [
    {"id": "sa3-small", "family": "stable_audio", "task": "gen"},
    {"id": "ace", "family": "ace_step", "task": "gen"},
    {"id": "mula", "family": "heartmula", "task": "gen"},
    {"id": "whisper", "family": "qwen3_asr", "task": "asr"},
    {"id": "newer", "family": "minimax_music", "task": "gen"},
]
RATES = {"stable_audio": 44_100, "ace_step": 48_000, "heartmula": 48_000}


def wav(samples: np.ndarray, rate: int) -> bytes:
    """Samples int16 [frames, channels] as a WAV of PCM16, as encode_pcm16_wav writes it."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()


def tone(seconds: float, rate: int, seed: int) -> np.ndarray:
    time_ = np.arange(round(seconds * rate)) / rate
    return (8_000 * np.sin(2 * np.pi * (200 + seed % 100) * time_[:, None] * [1, 1.5])).astype(np.int16)


def result(content: bytes, rate: int, channels: int = 2) -> dict[str, Any]:
    return {
        "audio": base64.b64encode(content).decode(),
        "sample_rate": rate,
        "channels": channels,
        "timing": {"wall_ms": 12.5},
    }


def error(message: str, kind: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind}}


@dataclass
class Server:
    """A music server.

    answer: from a request's body to (status, body), in place of music.  raw: what is written in place of any
    answer.  gate: what a clip waits for.  received: the bodies of the requests.  closing: ends slow answers.
    """

    models: Any = field(default_factory=lambda: {"object": "list", "data": MODELS})
    answer: Callable[[dict[str, Any]], tuple[int, Any]] | None = None
    raw: Callable[[Any], None] | None = None
    gate: threading.Event | None = None
    received: list[dict[str, Any]] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)

    def music(self, body: dict[str, Any]) -> tuple[int, Any]:
        found = {one["id"]: one["family"] for one in MODELS}
        if body["model"] not in found:
            return 500, error(f"unknown model id: {body['model']}", "server_error")
        rate = RATES[found[body["model"]]]
        order = body["request"]
        return 200, result(wav(tone(order["duration_seconds"], rate, int(order["seed"])), rate), rate)


class _Handler(BaseHTTPRequestHandler):
    server_: Server

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._send(200, self.server_.models)
        elif self.path == "/health":
            self._send(200, {"status": "ok", "backend": "cpu", "models": len(MODELS)})
        else:
            self._send(404, error(f"unknown endpoint: {self.path}", "not_found"))

    def do_POST(self) -> None:
        server = self.server_
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.received.append(body)
        if "audio" in body["request"]:
            server.heard.append(Path(body["request"]["audio"]).read_bytes())
        server.begun.set()
        if server.gate is not None:
            server.gate.wait(30)
        if server.raw is not None:
            server.raw(self)
            self.close_connection = True
            return
        self._send(*(server.answer or server.music)(body))

    def _send(self, status: int, content: Any) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def drip(handler: Any) -> None:
    """Begin an answer and send a byte of it now and then, until the other side leaves."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    try:
        while not handler.server_.closing.wait(0.02):
            handler.wfile.write(b" ")
            handler.wfile.flush()
    except OSError:
        pass


def endless(handler: Any) -> None:
    """Send 400 MB, without saying so before: as good as without an end."""
    handler.wfile.write(b'HTTP/1.1 200 OK\r\n\r\n{"audio": "')
    try:
        for _ in range(400):
            handler.wfile.write(b"A" * 1_000_000)
    except OSError:
        pass


@cache
def packed_bomb() -> bytes:
    """A small gzip file that holds 400 MB."""
    packed = zlib.compressobj(1, zlib.DEFLATED, 31)
    return b"".join(packed.compress(bytes(1_000_000)) for _ in range(400)) + packed.flush()


def bomb(handler: Any) -> None:
    """Send an answer that is small until it is unpacked."""
    body = packed_bomb()
    handler.wfile.write(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )


def garbage(handler: Any) -> None:
    """Answer in another protocol."""
    handler.wfile.write(b"\x16\x03\x01 not HTTP\r\n\r\n")


def lying_length(handler: Any) -> None:
    """Give a length that is none."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}")


def slow_head(handler: Any) -> None:
    """Begin an answer's first line, and send a byte of its head now and then, until the other side leaves."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Wait: ")
    try:
        while not handler.server_.closing.wait(0.02):
            handler.wfile.write(b"a")
            handler.wfile.flush()
    except OSError:
        pass


def half(handler: Any) -> None:
    """Break off in the middle of an answer."""
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"audio": "AAAA')


@contextmanager
def serving(server: Server) -> Iterator[str]:
    """Serve and yield the address."""
    handler = type("Handler", (_Handler,), {"server_": server})
    listening = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}"
    finally:
        server.closing.set()
        if server.gate is not None:
            server.gate.set()
        listening.shutdown()
        thread.join()
        listening.server_close()
