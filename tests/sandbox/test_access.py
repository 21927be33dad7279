"""Access control: signed attachment links, the page's token, the Host and Origin headers."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import aiohttp
import pytest

from sandbox.files import content_type, dimensions, safe_name
from sandbox.server import Sandbox
from tests.sandbox.plain_bot import DOT
from tests.sandbox.raw import Raw


async def upload(raw: Raw, name: str = "a.mp3", body: bytes = b"0123456789") -> str:
    message = await raw.post({name: body})
    return str(message.body["attachments"][0]["url"])


async def test_links_are_signed_and_last_a_day(discord: Sandbox, raw: Raw) -> None:
    url = await upload(raw)
    async with raw.session.get(url) as answer:
        assert (answer.status, await answer.read()) == (200, b"0123456789")
        assert answer.headers["Content-Type"] == "audio/mpeg"
    for broken in (
        url.split("?")[0],
        url.replace("ex=", "ex=f"),
        url[:-1] + "0z",
        url.replace("a.mp3", "b.mp3"),
    ):
        async with raw.session.get(broken) as answer:
            assert answer.status == 404
    discord.clock.advance(24 * 3600)
    async with raw.session.get(url) as answer:
        assert answer.status == 404
    fresh = await raw.call("POST", "/attachments/refresh-urls", {"attachment_urls": [url]})
    (pair,) = fresh.body["refreshed_urls"]
    assert pair["original"] == url
    async with raw.session.get(pair["refreshed"]) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "url", ["https://evil.example/attachments/1/2/a.mp3", "/attachments/1", "http://[", "x"]
)
async def test_only_our_own_links_are_refreshed(url: str, raw: Raw) -> None:
    answer = await raw.call("POST", "/attachments/refresh-urls", {"attachment_urls": [url]})
    assert answer.fields == {"ATTACHMENT_INVALID_URL"}


@pytest.mark.parametrize(
    ("wanted", "status", "body"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-3", 206, b"789"),
        ("bytes=20-", 416, b""),
        ("bytes=oops", 416, b""),
    ],
)
async def test_a_player_may_seek(wanted: str, status: int, body: bytes, raw: Raw) -> None:
    async with raw.session.get(await upload(raw), headers={"Range": wanted}) as answer:
        assert (answer.status, await answer.read()) == (status, body)


@pytest.mark.parametrize("name", ["a.html", "a.svg", "a.js", "a.xml", "a", "a.pdf"])
async def test_uploads_never_run_as_pages(name: str, raw: Raw) -> None:
    async with raw.session.get(await upload(raw, name, b"<script>alert(1)</script>")) as answer:
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == "attachment"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "127.0.0.1:1"},
    ],
)
async def test_foreign_hosts_and_origins_are_kept_out(
    headers: dict[str, str], discord: Sandbox, raw: Raw
) -> None:
    for url in (f"{discord.api_url}/gateway", discord.page_url, await upload(raw)):
        async with raw.session.get(url, headers=headers) as answer:
            assert answer.status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await raw.session.ws_connect(discord.page_url + "socket", headers=headers)


async def test_the_page_needs_this_runs_token(discord: Sandbox, raw: Raw) -> None:
    wrong = discord.base + "/wrong/"
    for method, path in (("GET", ""), ("GET", "index.html"), ("POST", "uploads"), ("GET", "socket")):
        async with raw.session.request(method, wrong + path) as answer:
            assert answer.status == 404
    with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
        await raw.session.ws_connect(wrong + "socket")
    async with Sandbox() as other:
        assert urlsplit(other.page_url).path != urlsplit(discord.page_url).path


@pytest.mark.parametrize(
    "path", ["../page_api.py", "%2e%2e/server.py", "..%2fserver.py", "/etc/passwd", "nothing.js"]
)
async def test_only_the_pages_own_folder_is_served(path: str, discord: Sandbox) -> None:
    """Asked with a bare socket: a client library would tidy the path away."""
    target = urlsplit(discord.page_url).path + path
    async with aiohttp.ClientSession() as session, session.get(discord.base) as answer:
        assert answer.status == 404
    reader, writer = await __import__("asyncio").open_connection("127.0.0.1", discord.port)
    writer.write(
        f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{discord.port}\r\nConnection: close\r\n\r\n".encode()
    )
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 404")


async def test_it_listens_on_loopback_alone(discord: Sandbox) -> None:
    assert discord.base.startswith("http://127.0.0.1:")
    own = socket.gethostbyname(socket.gethostname())
    if not own.startswith("127."):
        with socket.socket() as other:
            other.settimeout(1)
            assert other.connect_ex((own, discord.port)) != 0


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("song.mp3", "song.mp3"),
        ("../../etc/passwd", "passwd"),
        ("C:\\music\\a b.mp3", "a_b.mp3"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("müsik\n🎵.mp3", "m_sik_.mp3"),
        ("x" * 300 + ".mp3", "x" * 251 + ".mp3"),
    ],
)
def test_file_names_are_tamed(name: str, kept: str) -> None:
    assert safe_name(name) == kept


def test_what_a_file_is() -> None:
    assert [content_type(name) for name in ("a.mp3", "b.ogg", "c.mid", "d.PNG", "e")] == [
        "audio/mpeg",
        "audio/ogg",
        "audio/midi",
        "image/png",
        "application/octet-stream",
    ]
    assert dimensions(DOT) == (1, 1)
    assert dimensions(b"GIF89a\x02\x00\x03\x00") == (2, 3)
    jpeg = bytes.fromhex("ffd8ffe000044a46ffc0000b080003000401011100")
    assert dimensions(jpeg) == (4, 3)
    assert dimensions(b"\xff\xd8\xff") is None
