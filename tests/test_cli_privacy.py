"""`antiphon privacy erase` beside a bot that does not carry it out, or is stopped before it did."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot import cli_privacy
from bot.config import Settings
from bot.errors import StoreError
from bot.store import migrations
from bot.store.erasure import erasure_is_requested, request_erasure
from bot.store.lock import lock


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(cli_privacy, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(cli_privacy, "ATTEMPTS", 2)
    path = tmp_path / "antiphon.db"
    migrations.migrate(path, 0)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO coach_silenced VALUES (5)")
    return Settings(database_path=path, clip_dir=tmp_path / "clips")


def kept(settings: Settings) -> int:
    with closing(sqlite3.connect(settings.database_path)) as connection:
        [count] = connection.execute("SELECT count(*) FROM coach_silenced").fetchone()
    return int(count)


def test_a_request_that_is_not_carried_out_in_time_is_said_and_stays(settings: Settings) -> None:
    with lock(settings.database_path), pytest.raises(StoreError, match="The request is stored"):
        asyncio.run(cli_privacy._erase(5, settings))
    assert kept(settings) == 1
    assert erasure_is_requested(settings.database_path, 5)
    assert not erasure_is_requested(settings.database_path, 6)


def test_it_erases_by_itself_where_the_bot_is_stopped_before_it_did(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = lock(settings.database_path)

    async def stopped(seconds: float) -> None:
        held.close()

    monkeypatch.setattr(asyncio, "sleep", stopped)
    asyncio.run(cli_privacy._erase(5, settings))
    assert kept(settings) == 0
    assert not erasure_is_requested(settings.database_path, 5)


def test_a_second_request_is_the_first_one(settings: Settings) -> None:
    request_erasure(settings.database_path, 5, 1)
    request_erasure(settings.database_path, 5, 2)
    assert erasure_is_requested(settings.database_path, 5)


def test_a_database_of_another_version_takes_no_request(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "old.db").close()
    with pytest.raises(StoreError, match="Nothing was erased"):
        request_erasure(tmp_path / "old.db", 5, 1)
    with pytest.raises(StoreError, match="cannot be read"):
        erasure_is_requested(tmp_path / "old.db", 5)
