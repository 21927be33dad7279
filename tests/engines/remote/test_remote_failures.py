"""Every way in which a music server can fail its clips."""

from __future__ import annotations

import base64
import io
import resource
import threading
from typing import Any

import numpy as np
import pytest
import soundfile

from bot.engines.remote import http
from bot.errors import AntiphonError, BadAudio, ModelUnusable, OutOfMemory, RenderError
from tests.engines.context import RecordingContext
from tests.engines.remote.conftest import engine, recipe, rendered
from tests.engines.remote.server import (
    Server,
    bomb,
    drip,
    endless,
    error,
    garbage,
    half,
    lying_length,
    packed_bomb,
    result,
    serving,
    slow_head,
    tone,
    wav,
)

WAIT = 30.0
"""Seconds after which a wait has failed."""
GOOD = result(wav(tone(2, 44_100, 7), 44_100), 44_100)
CUT = base64.b64encode(wav(tone(2, 44_100, 7), 44_100)[:-1000]).decode()
LYING = bytearray(wav(tone(2, 44_100, 7), 44_100))
LYING[40:44] = (2**31 - 1).to_bytes(4, "little")
FLOATS = io.BytesIO()
soundfile.write(FLOATS, np.full((88_200, 2), np.nan, np.float32), 44_100, "FLOAT", format="WAV")


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (503, error("model busy", "server_busy"), RenderError, "busy with another clip"),
        (503, error("needs 9 GB", "insufficient_memory"), OutOfMemory, "too little memory"),
        (500, error("CUDA out of memory", "server_error"), OutOfMemory, "too little memory"),
        (404, error("unknown endpoint: /v1/tasks/run", "not_found"), ModelUnusable, "another version"),
        (500, error("unknown model id: x", "server_error"), ModelUnusable, "does not have this model"),
        (500, error("tokenizer failed\x1b[31m", "server_error"), RenderError, "500.: tokenizer failed"),
        (500, b"<html>", RenderError, "status 500"),
        (302, {}, RenderError, "status 302"),
        (200, b"[1, 2]", BadAudio, "isn't JSON, or only part"),
        (200, b'{"audio": "AAAA', BadAudio, "isn't JSON, or only part"),
        (200, b"[" * 100_000, BadAudio, "isn't JSON, or only part"),
        (200, b'{"a": 1%s}' % (b"0" * 100_000), BadAudio, "isn't JSON, or only part"),
        (200, b'{"audio": "\xff\xfe"}', BadAudio, "isn't JSON, or only part"),
        (200, error("it failed", "server_error"), BadAudio, "holds no audio"),
        (500, {"error": "a text"}, RenderError, "status 500"),
        (500, {"error": {"message": ["a", "list"], "type": 5}}, RenderError, "status 500"),
        (401, error("who are you?", "unauthorized"), RenderError, "status 401.: who are you"),
        (200, {"timing": {}}, BadAudio, "holds no audio"),
        (200, GOOD | {"audio": 5}, BadAudio, "holds no audio"),
        (200, GOOD | {"audio": "not base64!"}, BadAudio, "isn't a WAV"),
        (200, GOOD | {"audio": base64.b64encode(b"RIFF").decode()}, BadAudio, "isn't a WAV"),
        (200, GOOD | {"audio": CUT}, BadAudio, "cut short|damaged"),
        (200, GOOD | {"audio": base64.b64encode(LYING).decode()}, BadAudio, "cut short|damaged"),
        (200, GOOD | {"audio": base64.b64encode(FLOATS.getvalue()).decode()}, BadAudio, "isn't a WAV"),
        (200, b'{"audio": "%s", "sample_rate": NaN}' % GOOD["audio"].encode(), BadAudio, "44100 Hz"),
        (200, GOOD | {"sample_rate": 22_050}, BadAudio, "44100 Hz"),
        (200, GOOD | {"channels": 6}, BadAudio, "44100 Hz"),
        (200, result(wav(tone(2, 8_000, 1), 8_000), 8_000), BadAudio, "8000 Hz and not the 44100 Hz"),
        (200, result(wav(np.zeros((0, 2), np.int16), 44_100), 44_100), BadAudio, "isn't a 16-bit"),
        (200, result(wav(np.zeros((88_200, 3), np.int16), 44_100), 44_100, 3), BadAudio, "isn't a 16-bit"),
        (200, result(wav(tone(0.5, 44_100, 1), 44_100), 44_100), BadAudio, "made 0.5 s instead of 2 s"),
    ],
)  # fmt: skip
def test_each_failure_of_a_server_is_said(
    status: int, body: Any, kind: type[AntiphonError], says: str, server: Server
) -> None:
    sound = engine()
    server.answer = lambda asked: (status, body)
    context = RecordingContext(recipe(), recipe())
    sound.run(context)
    assert type(context.errors[1]) is kind
    assert context.errors.keys() == {1, 2}, "the next clip is tried as well"
    with pytest.raises(kind, match=says):
        raise context.errors[1]
    assert "\x1b" not in str(context.errors[1])
    server.answer = None
    assert rendered(recipe(), sound).shape == (2, 88_200)


@pytest.mark.parametrize(
    ("raw", "kind", "says"),
    [
        (half, RenderError, "broke off in the middle"),
        (endless, BadAudio, "sends more than the"),
        (bomb, BadAudio, "sends more than the"),
        (drip, RenderError, "took too long"),
        (slow_head, RenderError, "took too long"),
        (garbage, RenderError, "broke off in the middle"),
        (lying_length, RenderError, "broke off in the middle"),
        (lambda handler: None, RenderError, "broke off in the middle"),
    ],
)
def test_answers_without_an_end(
    raw: Any, kind: type[AntiphonError], says: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    if says == "took too long":
        monkeypatch.setattr(http, "BODY_SECONDS", 0.3)
    if raw is slow_head:
        monkeypatch.setattr("bot.engines.remote.engine.RENDER_SECONDS", 2.0)
    packed_bomb()
    server.raw = raw
    with pytest.raises(kind, match=says):
        rendered(recipe(), engine())
    nothing_waits()


def test_a_cancelled_clip_leaves_its_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    class Cancelling(RecordingContext):
        def cancelled(self, job: Any) -> bool:
            return server.begun.is_set()

    monkeypatch.setattr(http, "POLL_SECONDS", 0.01)
    server.raw = slow_head
    context = Cancelling(recipe())
    engine().run(context)
    assert context.errors == context.waves == {}
    nothing_waits()


def test_a_connection_that_is_cut_before_it_is_made_ends_at_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = threading.Event()

    class Late(http._Connection):
        def trace(self, event: str, info: dict[str, Any]) -> None:
            left.wait(WAIT)
            super().trace(event, info)

        def cut(self) -> None:
            super().cut()
            left.set()

    def leave() -> None:
        raise RenderError("cancelled")

    url = f"{engine()._model.address}/v1/tasks/run"
    monkeypatch.setattr(http, "_Connection", Late)
    monkeypatch.setattr(http, "POLL_SECONDS", 0.01)
    server.raw = slow_head
    with pytest.raises(RenderError, match="cancelled"):
        http.request("POST", url, seconds=WAIT, max_bytes=1, content={"request": {}}, on_wait=leave)
    assert left.is_set()
    nothing_waits()


def nothing_waits() -> None:
    """Wait until no thread is left that reads a server's answer."""
    for thread in threading.enumerate():
        if thread.name == "remote":
            thread.join(WAIT)
            assert not thread.is_alive()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_leads_to_no_other_machine(status: int, server: Server) -> None:
    other = Server()
    with serving(other) as elsewhere:

        def redirect(handler: Any) -> None:
            handler.wfile.write(
                b"HTTP/1.1 %d Moved\r\nLocation: %s/v1/tasks/run\r\nContent-Length: 0\r\n\r\n"
                % (status, elsewhere.encode())
            )

        server.raw = redirect
        with pytest.raises(RenderError, match=f"status {status}"):
            rendered(recipe(), engine())
        assert other.received == []


def test_an_unpacked_answer_never_fills_the_memory(server: Server) -> None:
    packed_bomb()
    server.raw = bomb
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadAudio):
        rendered(recipe(), engine())
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 200e6


def test_an_answer_that_never_begins_ends_by_the_deadline(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.gate = threading.Event()
    monkeypatch.setattr("bot.engines.remote.engine.RENDER_SECONDS", 0.2)
    monkeypatch.setattr(http, "POLL_SECONDS", 0.05)
    with pytest.raises(RenderError, match="took too long"):
        rendered(recipe(), engine())
    nothing_waits()
