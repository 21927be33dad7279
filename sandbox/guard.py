"""Keeps other machines and other web pages out: Host and Origin have to be our own."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")


def own_names_only() -> Middleware:
    """A middleware that answers 403 to a foreign Host (DNS rebinding) or Origin (another page's script)."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        sockname = request.transport.get_extra_info("sockname") if request.transport is not None else None
        port = sockname[1] if sockname else 0
        hosts = {f"{name}:{port}" for name in _NAMES}
        origin = request.headers.get("Origin")
        if request.headers.get("Host") not in hosts or (
            origin is not None and origin not in {f"http://{host}" for host in hosts}
        ):
            return web.Response(status=403, text="The sandbox answers only on its own address.")
        return await handler(request)

    return guard
