"""Every column of the schema is declared as a member's, a server's or nobody's, and erased as declared."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.store import migrations
from bot.store.database import Database
from bot.store.erasure import Erasure
from bot.store.personal import REGISTRY, SEARCH_INDEXES
from bot.store.personal_rules import NOBODY, Table

MEMBER, GUILD, NOW = 424_242_424_242_424_242, 515_151_515_151_515_151, 1_000.0
WORDS = "zanzibar vermilion"
VALUES = {"choice": "a", "side": "a", "reasons": "[]", "tags": "[]"}
"""Values of columns whose CHECK or use allows few."""
PERSON = re.compile(r"(user|member|owner|voter|reporter|author|moderator|person)|_by$|_id$")


def schema(connection: sqlite3.Connection) -> dict[str, list[sqlite3.Row]]:
    """Return the columns of every table, without those that SQLite and its full-text indexes keep."""
    connection.row_factory = sqlite3.Row
    names = [row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    own = [n for n in names if not n.startswith(("sqlite_", *SEARCH_INDEXES))]
    return {name: list(connection.execute(f"PRAGMA table_info({name})")) for name in own}


def undeclared(connection: sqlite3.Connection) -> list[str]:
    """Return what the schema and the registry do not agree on."""
    tables = schema(connection)
    found = [f"{name}: declare this table" for name in tables.keys() - REGISTRY.keys()]
    found += [f"{name}: there is no such table" for name in REGISTRY.keys() - tables.keys()]
    for name in sorted(tables.keys() & REGISTRY.keys()):
        declared = REGISTRY[name].columns
        columns = {row["name"] for row in tables[name]}
        found += [f"{name}.{column}: declare this column" for column in sorted(columns - set(declared))]
        found += [f"{name}.{column}: there is no such column" for column in sorted(set(declared) - columns)]
        found += [f"{name}.{column}: declared twice" for column in columns if declared.count(column) > 1]
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "antiphon.db"
    migrations.migrate(path, 0)
    return path


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE songs (id INTEGER, user_id INTEGER)",
        "ALTER TABLE upload_limits ADD COLUMN set_by INTEGER",
    ],
)
def test_a_new_table_or_column_is_not_forgotten(path: Path, change: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(change)
        [found] = undeclared(connection)
        assert found in ("songs: declare this table", "upload_limits.set_by: declare this column")


def test_what_sounds_like_a_person_is_not_declared_as_plain() -> None:
    """An id that says nothing of a person is one of this database, of an application or of a command."""
    harmless = {"job_id", "clip_id", "duel_id", "series_id", "preset_id", "application_id"}
    odd = [
        f"{name}.{column}"
        for name, table in REGISTRY.items()
        for column in table.plain
        if PERSON.search(column) and column not in harmless
    ]
    assert odd == []


def test_what_members_typed_belongs_to_a_member() -> None:
    assert [n for n, t in REGISTRY.items() if t.typed and not (t.members or t.through)] == []
    kept = [rule for t in REGISTRY.values() for rule in t.members.values() if rule.how == "kept"]
    assert all(rule.why for rule in kept)
    acted_on = [rule for t in REGISTRY.values() for rule in t.members.values() if rule.how != "kept"]
    assert all(rule.sql for rule in acted_on)


def fill(path: Path) -> int:
    """Put a row of the member and the server into every table; return how many columns hold the member."""
    columns = 0
    with closing(sqlite3.connect(path)) as connection:
        for name, rows in schema(connection).items():
            table = REGISTRY[name]
            values: dict[str, int | str] = {}
            for row in rows:
                column = row["name"]
                if column in table.members:
                    values[column] = MEMBER
                    columns += 1
                elif column in table.guilds:
                    values[column] = GUILD
                elif column in table.typed:
                    values[column] = f'{{"prompt": "{WORDS}", "mode": "ar", "model": "m", "seconds": 1.0}}'
                elif column in VALUES:
                    values[column] = VALUES[column]
                elif (row["notnull"] and row["dflt_value"] is None) or row["pk"]:
                    values[column] = "x" if row["type"] == "TEXT" else 1
            if name == "presets":
                values["scope"] = "server"
            marks = ", ".join("?" for _ in values)
            connection.execute(
                f"INSERT INTO {name} ({', '.join(values)}) VALUES ({marks})", list(values.values())
            )
        connection.commit()
    return columns


def holding(path: Path, wanted: object) -> set[str]:
    """Return the columns, as TABLE.COLUMN, in which a value stands, whole or as a part of a text."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            f"{name}.{row['name']}"
            for name, rows in schema(connection).items()
            for row in rows
            if connection.execute(
                f"SELECT 1 FROM {name} WHERE instr(CAST({row['name']} AS TEXT), CAST(? AS TEXT))", (wanted,)
            ).fetchone()
        }


async def test_an_erased_member_is_in_no_column_but_those_kept(path: Path) -> None:
    columns = fill(path)
    assert len(holding(path, MEMBER)) == columns
    assert holding(path, "zanzibar")
    async with Database.open(path, NOW) as database:
        await Erasure(database).erase_member(MEMBER, NOW)
        # Not in a page that was freed, in the log or in a full-text index either, while the bot goes on.
        for file in path.parent.iterdir():
            data = file.read_bytes().lower()
            assert [word for word in (b"zanzibar", b"vermilion") if word in data] == [], file
    kept = {f"{n}.{c}" for n, t in REGISTRY.items() for c, rule in t.members.items() if rule.how == "kept"}
    assert holding(path, MEMBER) == kept
    assert holding(path, "zanzibar") == set()


async def test_others_keep_everything(path: Path) -> None:
    fill(path)
    async with Database.open(path, NOW) as database:
        await Erasure(database).erase_member(MEMBER + 1, NOW)
        await Erasure(database).erase_member(NOBODY, NOW)
    with closing(sqlite3.connect(path)) as connection:
        declared = [f"{n}.{c}" for n, t in REGISTRY.items() for c in t.members]
        assert holding(path, MEMBER) == set(declared)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


async def test_a_server_that_was_left_is_in_no_column_but_those_kept(path: Path) -> None:
    fill(path)
    async with Database.open(path, NOW) as database:
        erasure = Erasure(database)
        await erasure.guild_joined(GUILD)
        await erasure.guilds_present([GUILD, 7], NOW)
        assert await erasure.erase_left_guilds(NOW + 1e9) == []
        await erasure.guilds_present([7], NOW)
        assert await erasure.erase_left_guilds(NOW + 29 * 86_400) == []
        assert await erasure.erase_left_guilds(NOW + 30 * 86_400) == [GUILD]
    kept = {f"{n}.{c}" for n, t in REGISTRY.items() for c, rule in t.guilds.items() if rule.how == "kept"}
    assert holding(path, GUILD) == kept


async def test_what_may_age_is_erased_by_age(path: Path) -> None:
    fill(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in ("jobs", "duels"):
            connection.execute(f"UPDATE {table} SET state = 'failed'")
        for table in ("series", "comparisons"):
            connection.execute(f"UPDATE {table} SET state = 'posted', ended_at = 1")
        for table in ("preset_reports", "clip_reports"):
            connection.execute(f"UPDATE {table} SET settled_at = 1")
    async with Database.open(path, NOW) as database:
        assert await Erasure(database).erase_older(0.5, NOW) == 0
        assert await Erasure(database).erase_older(NOW, NOW) > 0
        # What is nobody's by now is not changed again.
        assert await Erasure(database).erase_older(NOW, NOW) == 0
    aged = {f"{n}.{c}" for n, t in REGISTRY.items() for c, rule in t.members.items() if rule.aged}
    assert {"clips.user_id", "jobs.user_id", "duels.user_id", "coached.user_id"} <= aged
    assert holding(path, MEMBER) & aged == set()


def row_of(name: str, table: Table) -> str:
    """Return a table's row in docs/privacy.md."""
    erased = [
        f"`{column}`: {rule.how}" + (f" ({rule.why})" if rule.why else "")
        for column, rule in table.members.items()
    ]
    erased += ["goes with the row that it belongs to"] if table.through else []
    aged = any(rule.aged for rule in table.members.values())
    left = [f"{rule.how}" + (f" ({rule.why})" if rule.why else "") for rule in table.guilds.values()]
    cells = [f"`{name}`", table.holds, "; ".join(erased), "yes" if aged else "", "; ".join(left)]
    return "| " + " | ".join(cell or "–" for cell in cells) + " |"


def test_the_page_names_every_table_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(row_of(name, table) for name, table in REGISTRY.items())
