from __future__ import annotations

import asyncio
import json
import logging
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from bot.log import Format, Redacting, bind, bound, job_fields, worker_line
from bot.redact import hide


@dataclass
class OneJob:
    id: int
    user_id: int
    guild_id: int | None


def record(message: str, error: Exception | None = None, **fields: object) -> logging.LogRecord:
    info = (type(error), error, None) if error else None
    made = logging.LogRecord("bot", logging.ERROR, __file__, 1, message, None, info)
    made.__dict__ |= fields
    hide("s3cret-token")
    return made


def line(message: str, error: Exception | None = None, style: Format = "pretty", **fields: object) -> str:
    return Redacting(style).format(record(message, error, **fields))


def event(message: str, error: Exception | None = None, **fields: object) -> dict[str, Any]:
    written = line(message, error, "json", **fields)
    assert "\n" not in written
    parsed: dict[str, Any] = json.loads(written)
    return parsed


@pytest.mark.parametrize("style", ["pretty", "json"])
def test_secrets_are_hidden_in_messages_and_tracebacks(style: Format) -> None:
    assert "s3cret" not in line("token s3cret-token", ValueError("s3cret-token"), style)


@pytest.mark.parametrize("style", ["pretty", "json"])
def test_a_secret_over_two_lines_is_hidden(style: Format) -> None:
    """In JSON the end of a line is escaped, where the shape of a folded secret is not found."""
    hide("Q7x9" * 8)
    folded = f"{'Q7x9' * 4}\n{'Q7x9' * 4}"
    assert "Q7x9Q7x9" not in line(f"the token\n{folded}\nis refused", style=style)


def test_a_line_of_json_stays_json_where_a_secret_is_beside_a_quote() -> None:
    said = event(
        '{"DISCORD_TOKEN": "abcdefghijklmnop"} and API_KEY=abcdefghijkl"', ValueError("s3cret-token")
    )
    assert "abcdefgh" not in str(said)
    assert said["exception"] == "ValueError: [secret]"


def test_interaction_tokens_are_hidden_in_addresses() -> None:
    said = line("PATCH https://discord.com/api/v10/webhooks/123/aW50.-_ZXI/messages/@original failed")
    assert "aW50" not in said
    assert "/webhooks/123/[token]/messages/@original failed" in said


def test_the_rest_stays() -> None:
    assert line("job 7 failed").endswith("bot: job 7 failed")
    assert sys.exc_info() == (None, None, None)


def test_a_line_of_json_has_time_level_logger_process_and_text() -> None:
    said = event("job 7 failed")
    assert {name: said[name] for name in ("level", "logger", "process", "event")} == {
        "level": "error",
        "logger": "bot",
        "process": "bot",
        "event": "job 7 failed",
    }
    assert said["timestamp"].endswith("Z")


async def test_ids_are_in_every_line_of_the_task_that_they_are_bound_to() -> None:
    async def working(member: int) -> dict[str, Any]:
        bind(member_id=member)
        await asyncio.sleep(0)
        return event("working")

    both = await asyncio.gather(working(1), working(2))
    assert [one["member_id"] for one in both] == [1, 2]
    with bound(job_id=7):
        assert event("in the block")["job_id"] == 7
    assert not {"job_id", "member_id"} & event("after it").keys()


def test_a_lines_own_ids_come_before_those_of_its_task() -> None:
    with bound(job_id=7, member_id=1):
        assert event("another job", job_id=8)["job_id"] == 8
        assert line("two\nlines").endswith("two [job_id=7 member_id=1]\nlines")


def test_a_worker_names_the_jobs_that_it_renders() -> None:
    written = Redacting("json", "worker", lambda: {"job_ids": [7, 8]}).format(record("noise"))
    said = json.loads(written)
    assert (said["process"], said["job_ids"]) == ("worker", [7, 8])
    assert worker_line(written) == (logging.ERROR, "noise", {"job_ids": [7, 8]})


def test_a_line_of_one_job_has_nothing_of_the_job_that_is_rendered_beside_it() -> None:
    with bound(job_id=7, member_id=1):
        written = Redacting("json", "worker", lambda: {"job_id": 8, "server_id": 2}).format(record("done"))
    assert worker_line(written) == (logging.ERROR, "done", {"job_id": 7, "member_id": 1})


@pytest.mark.parametrize("text", ["50%|████ | 1/2", "[1, 2]", "7", '{"event": 3}', '{"level": "info"}', ""])
def test_what_a_library_prints_is_taken_as_it_is(text: str) -> None:
    assert worker_line(text) == (logging.INFO, text, {})


def test_a_job_of_a_direct_message_has_no_server() -> None:
    assert job_fields(OneJob(7, 1, 2)) == {"job_id": 7, "member_id": 1, "server_id": 2}
    assert job_fields(OneJob(7, 1, None)) == {"job_id": 7, "member_id": 1}
