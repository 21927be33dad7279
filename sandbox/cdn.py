"""Serves uploads by signed links that expire."""

from __future__ import annotations

import re

from aiohttp import web

from sandbox.files import content_type
from sandbox.links import Links
from sandbox.store import Store

_SHOWN = re.compile(r"(audio|video)/[\w.+-]+|image/(png|jpeg|gif|webp)|text/plain")


class Cdn:
    """The attachment server."""

    def __init__(self, store: Store, links: Links) -> None:
        self.store = store
        self.links = links

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The bytes of one attachment, or a range of them."""
        if not self.links.good(request.rel_url.raw_path, request.query):
            return web.Response(status=404, text="This content is no longer available.")
        attachment_id = request.match_info["attachment_id"]
        body = self.store.file(int(attachment_id)) if len(attachment_id) < 20 else None
        if body is None:
            return web.Response(status=404, text="This content is no longer available.")
        kind = content_type(request.match_info["filename"])
        shown = bool(_SHOWN.fullmatch(kind))
        headers = {
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, max-age=3600",
            # An upload is a stranger's: it never runs as a page of ours.
            "Content-Security-Policy": "sandbox; default-src 'none'; media-src 'self'; img-src 'self'",
            "Content-Disposition": "inline" if shown else "attachment",
            "Content-Type": kind if shown else "application/octet-stream",
            "X-Content-Type-Options": "nosniff",
        }
        if request.headers.get("Range") is None:
            return web.Response(body=body, headers=headers)
        try:
            wanted = request.http_range
        except ValueError:
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(body)}"})
        start, stop, _ = wanted.indices(len(body))
        if start >= stop:
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(body)}"})
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(body)}"
        return web.Response(status=206, body=body[start:stop], headers=headers)
