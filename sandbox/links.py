"""Addresses of attachments: signed, and good for a day.

As on Discord's CDN, `ex` and `is` are the hexadecimal Unix seconds of expiry and issue, and `hm` signs path
and both.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from sandbox.clock import Clock
from sandbox.model import Attachment
from sandbox.world import LINK_LIFE


class Links:
    """Makes and checks attachment addresses below `base` ("http://127.0.0.1:4711")."""

    def __init__(self, clock: Clock, secret: str, base: str = "") -> None:
        self._clock = clock
        self._secret = secret.encode()
        self.base = base

    def path(self, attachment: Attachment) -> str:
        """The attachment's path, without a signature."""
        room = "ephemeral-attachments" if attachment.ephemeral else "attachments"
        return f"/{room}/{attachment.channel_id}/{attachment.id}/{quote(attachment.filename)}"

    def sign(self, path: str) -> str:
        """A full address for `path` that works until a day from now."""
        issued = int(self._clock.now())
        # Whole hours, so that the same message read twice gives the same address.
        expires = issued // 3600 * 3600 + LINK_LIFE
        issued = expires - LINK_LIFE
        return f"{self.base}{path}?ex={expires:x}&is={issued:x}&hm={self._mark(path, expires, issued)}"

    def url(self, attachment: Attachment) -> str:
        """A full address for an attachment."""
        return self.sign(self.path(attachment))

    def good(self, path: str, query: Mapping[str, str]) -> bool:
        """Whether the signature belongs to the (quoted) path and has not expired."""
        try:
            expires, issued = int(query["ex"], 16), int(query["is"], 16)
        except (KeyError, ValueError):
            return False
        mark = self._mark(path, expires, issued).encode()
        return hmac.compare_digest(mark, query.get("hm", "").encode()) and self._clock.now() < expires

    def refresh(self, url: str) -> str | None:
        """A fresh address for an old one of ours, or None when it is not one."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        folders = ("/attachments/", "/ephemeral-attachments/")
        if f"{parts.scheme}://{parts.netloc}" != self.base or not parts.path.startswith(folders):
            return None
        return self.sign(parts.path)

    def _mark(self, path: str, expires: int, issued: int) -> str:
        return hmac.new(self._secret, f"{path}|{expires:x}|{issued:x}".encode(), hashlib.sha256).hexdigest()
