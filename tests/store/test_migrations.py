from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import StoreError
from bot.store import maintenance, migrations
from bot.store.lock import lock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_songs.sql").write_text(
        "CREATE TABLE songs (name TEXT) STRICT; INSERT INTO songs VALUES ('a;b');"
    )
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    # Both characters have a meaning in SQLite's URIs, where the path must not be taken for one.
    return tmp_path / "an # odd ? name" / "a.db"


def songs(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM songs ORDER BY name")]


def test_each_is_applied_once_and_in_order(path: Path, folder: Path) -> None:
    assert [m.version for m in migrations.migrate(path, 0, folder)] == [1]
    (folder / "0002_more.sql").write_text("INSERT INTO songs VALUES ('c');")
    assert [m.version for m in migrations.migrate(path, 0, folder)] == [2]
    assert migrations.migrate(path, 0, folder) == []
    assert songs(path) == ["a;b", "c"]


def test_a_backup_is_made_before_an_existing_schema_changes(path: Path, folder: Path) -> None:
    migrations.migrate(path, 0, folder)
    assert list(path.parent.glob("*.before-*")) == []
    (folder / "0002_more.sql").write_text("DELETE FROM songs;")
    migrations.migrate(path, 1234, folder)
    assert songs(path) == []
    assert songs(migrations.backup_before(path, 2, 1234)) == ["a;b"]


def test_a_failing_one_leaves_no_trace_and_is_named(path: Path, folder: Path) -> None:
    migrations.migrate(path, 0, folder)
    (folder / "0002_bad.sql").write_text("INSERT INTO songs VALUES ('half'); INSERT INTO nowhere VALUES (1);")
    with pytest.raises(StoreError, match="0002_bad"):
        migrations.migrate(path, 0, folder)
    assert songs(path) == ["a;b"]
    (folder / "0002_bad.sql").write_text("INSERT INTO songs VALUES ('mended');")
    migrations.migrate(path, 0, folder)
    assert songs(path) == ["a;b", "mended"]


def test_a_newer_schema_is_refused(path: Path, folder: Path) -> None:
    migrations.migrate(path, 0, folder)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 9")
    with pytest.raises(StoreError, match=r"version 9 .* update the program"):
        migrations.migrate(path, 0, folder)


def test_a_gap_in_the_numbers_is_refused(folder: Path) -> None:
    (folder / "0003_gap.sql").write_text("SELECT 1;")
    with pytest.raises(StoreError, match="without a gap"):
        migrations.available(folder)


@given(st.lists(st.sampled_from(["SELECT 1;", "SELECT ';';", "-- a; b\nSELECT 2;", 'SELECT "x;" ;'])))
def test_a_script_is_split_where_statements_end(parts: list[str]) -> None:
    found = list(migrations.statements("\n".join(parts)))
    assert [s.strip() for s in found] == parts


def test_triggers_stay_whole() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = 1; UPDATE a SET c = 2; END;"
    assert list(migrations.statements(trigger)) == [trigger]


def test_only_one_program_owns_a_database(path: Path) -> None:
    held = lock(path)
    with pytest.raises(StoreError, match="Another bot"):
        lock(path)
    held.close()
    lock(path).close()


def test_a_restore_where_no_database_was_keeps_none(path: Path, tmp_path: Path) -> None:
    migrations.migrate(path, 0)
    assert maintenance.restore(path, tmp_path / "new" / "antiphon.db", now=5) is None
    assert [one.name for one in (tmp_path / "new").glob("*before*")] == []
    assert maintenance.check(tmp_path / "new" / "antiphon.db") == []


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_another_name_is_the_same_database(
    path: Path, tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    migrations.migrate(path, 0)
    (tmp_path / "elsewhere").mkdir()
    other = tmp_path / "elsewhere" / "other.db"
    link(other, path)
    with lock(path), pytest.raises(StoreError, match=r"Another bot is using .*other\.db"):
        lock(other)
    with lock(other), pytest.raises(StoreError, match="Another bot"):
        lock(path)


def test_a_folder_by_another_name_is_the_same_before_the_database_is_made(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    with lock(tmp_path / "data" / "new.db"), pytest.raises(StoreError, match="Another bot"):
        lock(tmp_path / "link" / "new.db")


def test_backup_and_restore_bring_the_rows_back(path: Path, tmp_path: Path) -> None:
    migrations.migrate(path, 0)
    insert_job = (
        "INSERT INTO jobs (recipe, mode, user_id, channel_id, application_id, can_post,"
        " max_bytes, created_at) VALUES ('{}', 'ar', 1, 2, 3, 1, 1, 0)"
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(insert_job)
    maintenance.backup(path, tmp_path / "copy.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM jobs")
    kept = maintenance.restore(tmp_path / "copy.db", path, now=5)
    assert kept is not None
    assert maintenance.check(path) == []
    with closing(sqlite3.connect(path)) as now, closing(sqlite3.connect(kept)) as before:
        count = "SELECT count(*) FROM jobs"
        assert (now.execute(count).fetchone(), before.execute(count).fetchone()) == ((1,), (0,))


def test_restoring_is_refused_while_the_bot_runs(path: Path, tmp_path: Path) -> None:
    migrations.migrate(path, 0)
    maintenance.backup(path, tmp_path / "copy.db")
    with lock(path), pytest.raises(StoreError, match="Stop it first"):
        maintenance.restore(tmp_path / "copy.db", path, now=5)


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
def test_what_is_no_database_of_ours_is_not_restored(path: Path, tmp_path: Path, content: bytes) -> None:
    migrations.migrate(path, 0)
    (tmp_path / "copy.db").write_bytes(content)
    with pytest.raises(StoreError, match=r"copy\.db"):
        maintenance.restore(tmp_path / "copy.db", path, now=5)
    assert maintenance.check(path) == []


def test_damage_is_found(path: Path) -> None:
    migrations.migrate(path, 0)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
    data = path.read_bytes()
    path.write_bytes(data[:-4096] + bytes(4096))
    with pytest.raises(StoreError, match=r"a\.db can't be read.*Restore a backup"):
        maintenance.check(path)


def test_rows_that_point_nowhere_are_found(path: Path) -> None:
    migrations.migrate(path, 0)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO clips (job_id, recipe, user_id, channel_id, file, picture, facts, created_at)"
            " VALUES (99, '{}', 1, 2, 'a', 'b', '{}', 0)"
        )
    assert maintenance.check(path) == ["a row of clips points to a missing row of jobs"]
