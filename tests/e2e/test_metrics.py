"""The metrics of a running bot."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from pathlib import Path

import aiohttp

from sandbox.spec import Spec
from tests.e2e.clips import WAIT, ask, clip_of, eventually
from tests.e2e.conftest import running
from tests.metrics.test_server import read, samples


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_running_bot_is_ready_and_counts_discords_responses(
    description: Spec, tmp_path: Path
) -> None:
    port = free_port()
    async with running(description, tmp_path, METRICS_PORT=str(port)) as bot:
        for status, code in ((None, 50013), (502, None)):
            fault = bot.sandbox.faults.fail(status, code=code, operation="update_original_webhook_message")
            reply = await ask(bot.sandbox.member("alice"), f"held tune {code}")
            # Before there is a clip, so that it is an edit of the progress that fails.
            await eventually(partial(getattr, fault, "struck"), "the fault")
            bot.let_through()
            await clip_of(reply)
        assert await read(port, "/readyz") == (200, "ok\n")
        async with asyncio.timeout(WAIT):
            # Recorded after the member sees the clip.
            while (found := await samples(port)).get("antiphon_job_changes_total delivered") != 2:
                await asyncio.sleep(0.05)
    assert any(name.startswith("antiphon_discord_responses_total POST 2") for name in found)
    assert found["antiphon_discord_errors_total 50013"] == 1
    assert found["antiphon_discord_errors_total none"] == 1
    assert found["antiphon_gateway_latency_seconds"] >= 0


async def test_without_a_port_nothing_listens(description: Spec, tmp_path: Path) -> None:
    port = free_port()
    async with running(description, tmp_path):
        try:
            await read(port, "/healthz")
        except aiohttp.ClientConnectionError:
            return
    raise AssertionError("something listens")
