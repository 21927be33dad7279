"""Leaderboards from the database, through the process that draws them."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.arena.leaderboard import leaderboard
from bot.arena.table import VoteTable
from bot.arena.votes import DAY, Choice, ExcludedReason, Vote
from bot.errors import StoreError
from bot.leaderboard.export import export_votes
from bot.leaderboard.process import LeaderboardProcess
from bot.leaderboard.vote_cache import VoteCache
from bot.leaderboard.vote_reader import VoteReader
from bot.leaderboard.worker import exclusion_summary
from bot.store.database import Database
from bot.store.duels.repository import Duels
from bot.store.duels.votes import Votes
from tests.arena.community import vote
from tests.builders import new_duel, store_vote

PEOPLE, DUELS = range(20), 12


async def community(database: Database, *, built_in: bool = False, duels: int = DUELS) -> list[int]:
    """Closed duels on which everybody voted, three of four for diffusion, which changes sides."""
    store = Duels(database)
    made = []
    for number in range(duels):
        side = "ab"[number % 2]
        new = new_duel(side, built_in=built_in, user_id=0)
        duel, _ = await store.start(new, 0, max_open=99, per_member=999, in_all=999)
        await store.ready(duel.id, file_a="a", file_b="b", picture="p")
        await store.opened(duel.id, 77, 100.0, 200.0)
        for voter in PEOPLE:
            choice = side if (voter + number) % 4 else "both_good"
            await store_vote(database, duel.id, voter, Choice(choice), cast_at=150.0)
        await store.close(duel.id, 160)
        made.append(duel.id)
    return made


@pytest.fixture
async def leaderboards(tmp_path: Path) -> Any:
    leaderboards = LeaderboardProcess(tmp_path / "antiphon.db")
    yield leaderboards
    await leaderboards.close()


async def test_what_is_drawn_is_what_was_voted(database: Database, leaderboards: LeaderboardProcess) -> None:
    await community(database)
    asked: dict[str, Any] = {"guild_id": 10, "title": "Here", "built_in": False, "now": 1e6}
    board = await leaderboards.draw(group="tag", **asked)
    assert "diffusion wins" in board.text
    assert "180 votes, 20 people, 12 duels" in board.text
    assert "Both good: 60" in board.text
    assert Image.open(BytesIO(board.picture)).width == 800
    assert board.exclusions == ""
    for group in ("models", "who asked", "length"):
        assert (await leaderboards.draw(group=group, **asked)).text == board.text
    elsewhere = await leaderboards.draw(group="tag", **asked | {"guild_id": 11})
    assert "0 votes" in elsewhere.text


async def test_built_in_models_are_apart(database: Database, leaderboards: LeaderboardProcess) -> None:
    await community(database)
    await community(database, built_in=True, duels=1)
    for built_in, counted in ((False, "180 votes"), (True, "15 votes")):
        board = await leaderboards.draw(guild_id=None, title="All", group="tag", built_in=built_in, now=1e6)
        assert counted in board.text


async def test_a_process_that_died_is_replaced(database: Database, leaderboards: LeaderboardProcess) -> None:
    asked: dict[str, Any] = {"guild_id": None, "title": "All", "group": "tag", "built_in": False, "now": 1e6}
    await leaderboards.draw(**asked)
    assert leaderboards._process is not None
    leaderboards._process.kill()
    await leaderboards._process.wait()
    assert "0 votes" in (await leaderboards.draw(**asked)).text


async def test_what_was_deleted_is_gone_from_what_was_read(database: Database, tmp_path: Path) -> None:
    first, *_ = await community(database, duels=2)
    with VoteReader(tmp_path / "antiphon.db") as reader:
        vote_cache = VoteCache(reader)
        before = vote_cache.votes(None).rows
        assert len(before) == 2 * len(PEOPLE)
        assert await Votes(database).delete_of(3) == 2
        after = vote_cache.votes(None).rows
        assert {*before["voter"].tolist()} - {*after["voter"].tolist()} == {3}
        assert len(after[after["duel"] == first]) == len(PEOPLE) - 1


async def test_what_is_kept_is_what_is_stored(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "antiphon.db"
    with VoteReader(path) as reader:
        vote_cache = VoteCache(reader)
        for change in (
            lambda: community(database, duels=3),
            lambda: community(database, built_in=True, duels=2),
            lambda: Votes(database).delete_of(3),
            lambda: community(database, duels=1),
            lambda: Votes(database).delete_of(4),
        ):
            await change()
            stored = [vote for duel in reader.closed_duels() for vote in reader.votes_on(duel)]
            for built_in in (False, True):
                assert the_same(vote_cache.votes(10), stored, built_in=built_in)
                assert the_same(vote_cache.votes(None), stored, built_in=built_in)
            assert the_same(vote_cache.votes(11), [], built_in=False)


def the_same(kept: VoteTable, stored: list[Vote], *, built_in: bool) -> bool:
    return leaderboard(kept, title="", now=200, built_in=built_in) == leaderboard(
        stored, title="", now=200, built_in=built_in
    )


def test_moderators_are_warned_of_many_votes_that_do_not_count() -> None:
    now = 1e9
    usual = [vote(1, voter, cast_at=now - 30 * DAY) for voter in range(40)]
    assert exclusion_summary(VoteTable.of(usual).exclusions(now)) == ""
    late = [vote(2, voter, cast_at=now - DAY, excluded=ExcludedReason.TOO_QUICK) for voter in range(30)]
    few = exclusion_summary(VoteTable.of(usual + late[:4]).exclusions(now))
    assert few == "4 of 44 votes (9%) are stored but not counted: too quick 4."
    many = exclusion_summary(VoteTable.of(usual + late).exclusions(now))
    assert many.startswith("30 of 70 votes (43%) are stored but not counted: too quick 30.\n⚠️")
    assert "In the last 7 days it was 100%" in many


async def test_the_export_holds_consented_votes_alone(database: Database, tmp_path: Path) -> None:
    duel, *_ = await community(database, duels=1)
    votes = Votes(database)
    for voter in (4, 5):
        await votes.set_consent(voter, 1, consents=True)
    path = tmp_path / "antiphon.db"
    assert export_votes(path, tmp_path / "one.jsonl") == 2
    one = [json.loads(line) for line in (tmp_path / "one.jsonl").read_text().splitlines()]
    assert {vote["preference"] for vote in one} == {"A", "TIE"}
    assert {vote["prompt"] for vote in one} == {None}
    assert oct((tmp_path / "export.key").stat().st_mode & 0o777) == "0o600"

    await votes.delete_of(4)
    await votes.set_consent(0, 1, consents=True)
    assert export_votes(path, tmp_path / "two.jsonl") == 2
    two = [json.loads(line) for line in (tmp_path / "two.jsonl").read_text().splitlines()]
    same = {vote["user_pseudonym"] for vote in one} & {vote["user_pseudonym"] for vote in two}
    assert len(same) == 1, "the same key gives the same person the same pseudonym"
    assert {vote["prompt"] for vote in two} == {"slow piano"}, "who asked has consented by now"
    with pytest.raises(StoreError, match="already exists"):
        export_votes(path, tmp_path / "one.jsonl")
    assert (tmp_path / "one.jsonl").read_text().count("\n") == 2
    assert duel == 1


async def test_a_damaged_key_is_named(database: Database, tmp_path: Path) -> None:
    (tmp_path / "export.key").write_text("abc")
    with pytest.raises(StoreError, match=r"export\.key"):
        export_votes(tmp_path / "antiphon.db", tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
