"""Uploads, and their type and size as the name and the first bytes give them."""

from __future__ import annotations

import mimetypes
import re
import struct
from dataclasses import dataclass

from aiohttp import BodyPartReader

from sandbox.model import Attachment

UPLOAD_LIMIT = 10 * 1024 * 1024
"""Bytes one attachment may have; source: Discord's "Uploading Files" (10 MiB for bots without boosts)."""

_TYPES = {".ogg": "audio/ogg", ".opus": "audio/ogg", ".mp3": "audio/mpeg", ".wav": "audio/x-wav",
          ".flac": "audio/flac", ".mid": "audio/midi", ".webp": "image/webp",
          ".webm": "video/webm"}  # fmt: skip


@dataclass(frozen=True)
class Upload:
    """One file of a request: `index` is the n of its field `files[n]`."""

    index: int
    filename: str
    body: bytes

    def attachment(self, attachment_id: int, channel_id: int, *, ephemeral: bool = False) -> Attachment:
        """The file as an attachment of a channel."""
        width, height = dimensions(self.body) or (None, None)
        return Attachment(
            attachment_id,
            safe_name(self.filename),
            len(self.body),
            content_type(self.filename),
            channel_id,
            width=width,
            height=height,
            ephemeral=ephemeral,
        )


async def read_part(part: BodyPartReader, most: int) -> bytes:
    """Return the content of a multipart field, cut after `most` bytes; the rest is read and dropped."""
    kept = bytearray()
    while chunk := await part.read_chunk(1 << 16):
        kept += chunk[: max(0, most - len(kept))]
    return bytes(kept)


def safe_name(name: str) -> str:
    """`name` as Discord keeps it: no folders, only letters, digits, `.`, `-` and `_`, never empty."""
    kept = re.sub(r"[^\w.-]+", "_", re.split(r"[/\\]", name)[-1], flags=re.ASCII).lstrip(".")
    return kept[-255:] or "unnamed"


def content_type(name: str) -> str:
    """The media type that the name's ending stands for."""
    ending = re.search(r"\.[a-z0-9]+$", name.lower())
    known = _TYPES.get(ending.group()) if ending else None
    return known or mimetypes.guess_type(name)[0] or "application/octet-stream"


def dimensions(body: bytes) -> tuple[int, int] | None:
    """Width and height in pixels of a PNG, GIF or JPEG, or None."""
    if body[:8] == b"\x89PNG\r\n\x1a\n" and len(body) >= 24:
        width, height = struct.unpack(">II", body[16:24])
        return width, height
    if body[:6] in (b"GIF87a", b"GIF89a") and len(body) >= 10:
        width, height = struct.unpack("<HH", body[6:10])
        return width, height
    if body[:2] == b"\xff\xd8":
        at = 2
        while at + 9 < len(body) and body[at] == 0xFF:
            marker, size = body[at + 1], struct.unpack(">H", body[at + 2 : at + 4])[0]
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                height, width = struct.unpack(">HH", body[at + 5 : at + 9])
                return width, height
            at += 2 + size
    return None
