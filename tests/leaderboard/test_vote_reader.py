"""Stored duels and votes as the leaderboard's process reads them."""

from __future__ import annotations

from pathlib import Path

from bot.arena.votes import Arm
from bot.leaderboard.vote_reader import VoteReader
from bot.recipe import Mode
from bot.store.database import Database
from bot.store.duels.repository import Duels
from tests.builders import store_vote
from tests.store.test_votes import open_duel


async def test_a_model_that_is_a_folder_goes_by_its_last_part(database: Database, tmp_path: Path) -> None:
    duel = await open_duel(database)
    async with database.write() as tx:
        await tx.execute("UPDATE duel_sides SET model = '/home/alice/models/mine' WHERE side = 'a'")
        await tx.execute("UPDATE duel_sides SET model = 'stabilityai/stable-audio-open-1.0' WHERE side = 'b'")
    await store_vote(database, duel, 5)
    await Duels(database).close(duel, 1_600)
    arms = (Arm(Mode.DIFFUSION, "mine"), Arm(Mode.AR, "stabilityai/stable-audio-open-1.0"))
    with VoteReader(tmp_path / "antiphon.db") as reader:
        [closed] = reader.closed_duels()
        assert (closed.a, closed.b) == arms
        assert [(vote.a, vote.b) for vote in reader.votes_on(closed)] == [arms]
