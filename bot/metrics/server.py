"""The HTTP server of /metrics, /healthz and /readyz."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from bot.errors import SetupError, StoreError
from bot.metrics.collector import Metrics


@asynccontextmanager
async def metrics_server(
    metrics: Metrics, host: str, port: int, ready: Callable[[], str | None]
) -> AsyncIterator[int]:
    """Serve for the block and give the port, which the system chooses for 0.

    /healthz answers 200 while the event loop turns. /readyz answers 503 with what `ready()` returns,
    200 where that is None. /metrics answers 503 while the database is out of reach.
    Raises SetupError where the port is taken. There is no authentication, so keep it off public addresses.
    """

    async def scrape(_: web.Request) -> web.Response:
        try:
            return web.Response(body=await metrics.scrape(), headers={"Content-Type": CONTENT_TYPE_LATEST})
        except StoreError:
            return web.Response(status=503, text="the database is out of reach\n")

    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readiness(_: web.Request) -> web.Response:
        reason = ready()
        return web.Response(status=503 if reason else 200, text=f"{reason or 'ok'}\n")

    app = web.Application()
    app.add_routes([web.get("/metrics", scrape), web.get("/healthz", healthy), web.get("/readyz", readiness)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise SetupError(f"METRICS_PORT={port} cannot be opened on {host}: {error.strerror}.") from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
