"""Erasure of members among others: what counts stays, what is shown in Discord goes."""

from __future__ import annotations

from typing import Any

from bot.arena.votes import Choice, Feedback
from bot.store.database import Database
from bot.store.deletions import Deletions
from bot.store.duels.model import DuelState
from bot.store.duels.repository import Duels
from bot.store.duels.votes import Votes
from bot.store.erasure import Erasure
from bot.store.job_model import Delivery, State
from bot.store.jobs import Jobs
from bot.store.presets.model import Viewer
from bot.store.presets.votes import Votes as PresetVotes
from tests.builders import new_clip, new_duel, request, store_vote
from tests.store.preset_builders import MANY, presets_of, shared

ALICE, BOB, CAROL = 1, 2, 3
LIMITS: dict[str, Any] = {"per_member": 99, "in_all": 99}
NOW = 2_000.0


async def rendered(database: Database, **changes: Any) -> int:
    """Return the id of a rendered job."""
    jobs = Jobs(database)
    job = await jobs.add(request(**changes), 0, **LIMITS)
    await jobs.claim(1)
    assert await jobs.rendered(job.id, new_clip(str(job.id)), 2)
    return job.id


async def open_duel(database: Database, user_id: int) -> int:
    duels, jobs = Duels(database), Jobs(database)
    duel, started = await duels.start(new_duel(user_id=user_id), 0, max_open=9, **LIMITS)
    for job in started:
        await jobs.claim(1)
        await jobs.rendered(job.id, new_clip(str(job.id)), 2)
    await duels.ready(duel.id, file_a="a", file_b="b", picture="p")
    await duels.opened(duel.id, 77, 1_000.0, 9_000.0)
    return duel.id


async def test_a_clip_that_arrives_after_the_erasure_is_deleted(database: Database) -> None:
    jobs, job_id = Jobs(database), await rendered(database)
    await Erasure(database).erase_member(ALICE, NOW)
    assert await jobs.delivered(job_id, Delivery(55, 20, 10), NOW) is None
    assert [one.message_id for one in await Deletions(database).pending()] == [55]


async def test_an_answer_of_the_member_alone_is_not_asked_for(database: Database) -> None:
    job_id = await rendered(database, answer_id=54, answer_ephemeral=True)
    await Jobs(database).delivered(job_id, Delivery(55, 20, 10, ephemeral=True), 3)
    await Erasure(database).erase_member(ALICE, NOW)
    assert await Deletions(database).pending() == []


async def test_answers_without_a_clip_and_answers_that_point_to_one_go(database: Database) -> None:
    jobs = Jobs(database)
    failed = await jobs.add(request(answer_id=51), 0, **LIMITS)
    await jobs.fail(failed.id, "No.", 1)
    moved = await rendered(database, answer_id=52)
    await jobs.delivered(moved, Delivery(53, 20, 10), 3)
    same = await rendered(database, answer_id=54)
    await jobs.delivered(same, Delivery(54, 20, 10), 3)
    await Erasure(database).erase_member(ALICE, NOW)
    assert sorted(one.message_id or 0 for one in await Deletions(database).pending()) == [51, 52, 53, 54]


async def test_a_duel_ends_without_its_words_and_its_votes_count(database: Database) -> None:
    duel_id = await open_duel(database, ALICE)
    await store_vote(database, duel_id, BOB, Choice.A)
    await store_vote(database, duel_id, ALICE, Choice.B)
    await Votes(database).set_feedback(duel_id, ALICE, Feedback(line="secret words"))
    removed = await Erasure(database).erase_member(ALICE, NOW)
    assert (removed.duel_ids, removed.job_ids) == ((duel_id,), ())
    duel = await Duels(database).get(duel_id)
    assert (duel.state, duel.prompt, duel.user_id, duel.tags) == (
        DuelState.REVEALED,
        "(erased)",
        0,
        ("mood:slow",),
    )
    assert (await Votes(database).tally(duel_id)).counted == {"a": 1, "b": 1}
    assert await Votes(database).count_of(BOB) == 1
    assert 77 in [one.message_id for one in await Deletions(database).pending()]
    # What is over is read again by cards and lists.
    assert {side.recipe.prompt for side in (await Duels(database).sides(duel_id)).values()} == {"(erased)"}


async def test_two_voters_of_one_duel_can_both_be_erased(database: Database) -> None:
    duel_id = await open_duel(database, CAROL)
    for voter in (ALICE, BOB):
        await store_vote(database, duel_id, voter, Choice.A)
        await Erasure(database).erase_member(voter, NOW)
    await Duels(database).close(duel_id, NOW)
    assert (await Votes(database).tally(duel_id)).counted == {"a": 2}


async def test_a_shared_preset_goes_and_copies_of_it_stay(database: Database) -> None:
    presets = presets_of(database)
    mine = await shared(database, ALICE, "Rain")
    copy = await presets.fork(Viewer(BOB, None), mine.id, 0, per_member=MANY)
    theirs = await shared(database, BOB, "Snow")
    await rendered(database, preset_version=theirs.version_id)
    await PresetVotes(database).rate(Viewer(ALICE, None), theirs.id, up=True, now=0)
    await Erasure(database).erase_member(ALICE, NOW)
    assert [one.name for one in await presets.own(BOB)] == ["Rain", "Snow"]
    assert await presets.own(ALICE) == []
    rows = await database.read("SELECT id, ups, forked_from FROM presets WHERE owner_id = 2", {})
    assert {(row["id"], row["ups"], row["forked_from"]) for row in rows} == {
        (copy.id, 0, None),
        (theirs.id, 1, None),
    }
    assert await database.read("SELECT 1 FROM preset_votes WHERE user_id < 0", {})


async def test_open_jobs_are_cancelled_and_nothing_is_told(database: Database) -> None:
    jobs = Jobs(database)
    first = await jobs.add(request(), 0, **LIMITS)
    second = await jobs.add(request(), 0, **LIMITS)
    theirs = await jobs.add(request(user_id=BOB), 0, **LIMITS)
    await jobs.claim(1)
    removed = await Erasure(database).erase_member(ALICE, NOW)
    assert sorted(removed.job_ids) == [first.id, second.id]
    assert [one.id for one in await jobs.waiting()] == [theirs.id]
    assert await jobs.rendered(first.id, new_clip(), NOW) is None
    assert (await jobs.get(first.id)).state is State.CANCELLED
    assert await jobs.outbox() == []


async def test_age_spares_what_is_not_over(database: Database) -> None:
    duel_id = await open_duel(database, ALICE)
    old = await rendered(database)
    await Jobs(database).delivered(old, Delivery(55, 20, 10), 3)
    waiting = await rendered(database)
    assert await Erasure(database).erase_older(NOW, NOW) == 2
    assert (await Jobs(database).get(waiting)).recipe.prompt == "slow piano"
    assert (await Jobs(database).get(old)).recipe.prompt == "(erased)"
    assert (await Duels(database).get(duel_id)).prompt == "slow piano"
    assert [side.recipe.prompt for side in (await Duels(database).sides(duel_id)).values()] == [
        "slow piano"
    ] * 2
    assert await Deletions(database).pending() == [], "messages are the channel's"


async def test_an_export_leaves_out_the_clips_of_a_duel_that_is_not_over(database: Database) -> None:
    duel_id, erasure = await open_duel(database, ALICE), Erasure(database)
    tables = await erasure.export(ALICE)
    assert tables.keys() == {"duels"}
    await Duels(database).close(duel_id, NOW)
    await Duels(database).revealed(duel_id, NOW)
    assert {"duels", "jobs", "clips"} == (await erasure.export(ALICE)).keys()
