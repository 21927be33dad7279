"""The metrics of a queue at work, read over HTTP as Prometheus reads them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.errors import SetupError
from bot.metrics.collector import MAX_CODES, Metrics
from bot.metrics.server import metrics_server
from bot.store.clips import Clips
from bot.store.database import Database
from bot.store.jobs import Jobs
from tests.jobs.running import Running, queue, running


async def read(port: int, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as response,
    ):
        return response.status, await response.text()


async def samples(port: int) -> dict[str, float]:
    """Each sample's value by its name with its labels' values."""
    status, text = await read(port, "/metrics")
    assert status == 200
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def metrics_of(database: Database, bot: Running) -> Metrics:
    metrics = Metrics(Jobs(database), Clips(database), bot.workers, clock=lambda: 100.0, latency=lambda: 0.25)
    metrics.attach(bot.service)
    return metrics


async def test_every_part_of_a_jobs_life_is_measured(database: Database, tmp_path: Path) -> None:
    jobs = Jobs(database)
    async with running(database, tmp_path, max_attempts=1, devices="cpu,cpu") as bot:
        metrics = metrics_of(database, bot)
        async with metrics_server(metrics, "127.0.0.1", 0, lambda: None) as port:
            before = await samples(port)
            assert before["antiphon_jobs queued"] == 0
            tune, crash = await queue(jobs, "a tune", 1), await queue(jobs, "crash", 2)
            assert (await samples(port))["antiphon_jobs queued"] == 2
            assert (await samples(port))["antiphon_oldest_job_seconds queued"] == 100
            await bot.service.queued()
            for job in (tune, crash):
                await bot.until_over(job)
            metrics.responded("POST", 429)
            after = await samples(port)
    assert after["antiphon_jobs queued"] == 0
    assert after["antiphon_jobs rendered"] == 1
    assert after["antiphon_job_changes_total rendered"] == 1
    assert after["antiphon_job_changes_total failed"] == 1
    assert after["antiphon_wait_seconds_count tones"] == 1
    assert after["antiphon_render_seconds_count tones"] == 1
    assert after["antiphon_render_seconds_sum tones"] > 0
    assert after["antiphon_real_time_factor_count tones"] == 1
    deaths = [after[f"antiphon_worker_deaths_total {worker}"] for worker in (0, 1)]
    # Two where the clip beside the culprit was still being mastered.
    assert deaths == bot.workers.deaths
    assert sum(deaths) in (1, 2)
    assert after["antiphon_worker_memory_bytes 0"] + after["antiphon_worker_memory_bytes 1"] > 10e6
    assert after["antiphon_discord_responses_total POST 429"] == 1
    assert after["antiphon_gateway_latency_seconds"] == 0.25
    assert after["process_resident_memory_bytes"] > 10e6


async def test_a_job_that_goes_back_to_the_queue_is_counted(database: Database, tmp_path: Path) -> None:
    async with running(database, tmp_path, max_attempts=2) as bot:
        metrics = metrics_of(database, bot)
        async with metrics_server(metrics, "127.0.0.1", 0, lambda: None) as port:
            assert (await samples(port))["antiphon_job_retries_total"] == 0
            crash = await queue(Jobs(database), "crash")
            await bot.service.queued()
            await bot.until_over(crash)
            found = await samples(port)
    assert found["antiphon_job_retries_total"] == 1
    assert found["antiphon_worker_deaths_total 0"] == 2


async def test_a_scrape_counts_each_clip_once(database: Database, tmp_path: Path) -> None:
    jobs = Jobs(database)
    async with running(database, tmp_path) as bot:
        metrics = metrics_of(database, bot)
        await bot.until_over(await queued(bot, jobs))
        first, second = await metrics.scrape(), await metrics.scrape()
    for text in (first, second):
        assert b'antiphon_wait_seconds_count{model="tones"} 1.0' in text


async def test_discords_error_codes_are_a_bounded_set_of_labels(database: Database, tmp_path: Path) -> None:
    async with running(database, tmp_path) as bot:
        metrics = metrics_of(database, bot)
        async with metrics_server(metrics, "127.0.0.1", 0, lambda: None) as port:
            for code in [50013, *range(MAX_CODES + 10), 50013]:
                metrics.refused(json.dumps({"message": "refused", "code": code}).encode())
            for body in (b"<html>502</html>", b"", b"{}", b"[]", b'{"code": "x"}'):
                metrics.refused(body)
            found = await samples(port)
    codes = {name: value for name, value in found.items() if "discord_errors_total" in name}
    assert codes["antiphon_discord_errors_total 50013"] == 2
    assert codes["antiphon_discord_errors_total other"] == 11
    assert codes["antiphon_discord_errors_total none"] == 5
    assert len(codes) == MAX_CODES + 2


async def queued(bot: Running, jobs: Jobs) -> int:
    job = await queue(jobs, "a tune")
    await bot.service.queued()
    return job


async def test_readiness_says_what_is_missing(database: Database, tmp_path: Path) -> None:
    missing: list[str] = ["no worker has started"]
    async with running(database, tmp_path) as bot:
        metrics = metrics_of(database, bot)
        async with metrics_server(metrics, "127.0.0.1", 0, lambda: missing[0] if missing else None) as port:
            assert await read(port, "/healthz") == (200, "ok\n")
            assert await read(port, "/readyz") == (503, "no worker has started\n")
            missing.clear()
            assert await read(port, "/readyz") == (200, "ok\n")
            with pytest.raises(SetupError, match=f"METRICS_PORT={port} cannot be opened"):
                async with metrics_server(metrics, "127.0.0.1", port, lambda: None):
                    pass


def test_every_metric_is_documented_and_on_the_dashboard() -> None:
    root = Path(__file__).parents[2]
    source = (root / "bot/metrics/collector.py").read_text()
    names = set(re.findall(r'"(antiphon_\w+)"', source))
    assert len(names) >= 10
    docs = (root / "docs/scale.md").read_text()
    assert {name for name in names if name not in docs} == set()
    dashboard = (root / "docs/grafana.json").read_text()
    assert {name for name in names if name not in dashboard} == set()
    shown = set(re.findall(r"antiphon_\w+", dashboard))
    known = {name + suffix for name in names for suffix in ("", "_total", "_bucket", "_sum", "_count")}
    assert shown - known == set(), "the dashboard names a metric that does not exist"
