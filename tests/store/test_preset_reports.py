from __future__ import annotations

import asyncio

import pytest

from bot.errors import LimitReached, NotFound, UserError
from bot.store.database import Database
from bot.store.presets.model import EVERYWHERE, Draft, Preset, Scope, Viewer
from bot.store.presets.reports import MAX_OPEN_REPORTS, Reports
from bot.store.presets.repository import Presets
from tests.store.preset_builders import (
    ALICE,
    BOB,
    CAROL,
    ELSEWHERE,
    GUILD,
    MANY,
    body,
    kept,
    presets_of,
    shared,
)

MINA = 200
IN_GUILD, IN_ELSEWHERE = Viewer(BOB, GUILD), Viewer(BOB, ELSEWHERE)


@pytest.fixture
def reports(database: Database) -> Reports:
    return Reports(database)


@pytest.fixture
def presets(database: Database) -> Presets:
    return presets_of(database)


async def seen_in(presets: Presets, preset: Preset) -> set[int]:
    """Return the servers where Bob sees a preset."""
    seen = set()
    for viewer in (IN_GUILD, IN_ELSEWHERE):
        try:
            await presets.get(preset.id, viewer)
            seen.add(viewer.guild_id or 0)
        except NotFound:
            pass
    return seen


async def test_moderators_decide_for_their_server_alone(
    database: Database, presets: Presets, reports: Reports
) -> None:
    preset = await shared(database)
    await reports.report(IN_GUILD, preset.id, "too\nloud", 1)
    [case] = await reports.queue(GUILD)
    assert (case.preset.id, case.reasons, case.hidden) == (preset.id, ["too loud"], False)
    assert await reports.queue(ELSEWHERE) == []
    with pytest.raises(NotFound):
        await reports.hide(ELSEWHERE, preset.id, MINA, 2)

    await reports.hide(GUILD, preset.id, MINA, 2)
    assert await seen_in(presets, preset) == {ELSEWHERE}
    assert (await presets.get(preset.id, Viewer(ALICE, GUILD))).id == preset.id
    [case] = await reports.queue(GUILD)
    assert (case.reasons, case.hidden) == ([], True)

    await reports.keep(GUILD, preset.id, MINA, 3)
    assert await seen_in(presets, preset) == {GUILD, ELSEWHERE}
    assert await reports.queue(GUILD) == []


async def test_the_bots_owner_decides_everywhere(
    database: Database, presets: Presets, reports: Reports
) -> None:
    preset = await shared(database)
    await reports.report(IN_GUILD, preset.id, "loud", 1)
    assert [case.preset.id for case in await reports.queue(EVERYWHERE)] == [preset.id]
    await reports.hide(EVERYWHERE, preset.id, MINA, 2)
    assert await seen_in(presets, preset) == set()
    assert await reports.queue(GUILD) == []


async def test_a_ban_hides_all_of_an_author_and_can_be_undone(
    database: Database, presets: Presets, reports: Reports
) -> None:
    preset, other = await shared(database, name="A"), await shared(database, name="B")
    of_carol = await shared(database, CAROL, name="C")
    for one in (preset, other):
        await reports.report(IN_GUILD, one.id, "loud", 1)
    await reports.ban(GUILD, preset.id, MINA, 2)
    assert await seen_in(presets, preset) == await seen_in(presets, other) == {ELSEWHERE}
    assert await seen_in(presets, of_carol) == {GUILD, ELSEWHERE}
    with pytest.raises(UserError, match="moderator"):
        await presets.share(ALICE, preset.id, Scope.SERVER, GUILD, 3, per_server=MANY)
    await presets.share(ALICE, preset.id, Scope.PRIVATE, GUILD, 3, per_server=MANY)
    await presets.save(ALICE, Draft("still mine", body()), 3, per_member=MANY)

    assert all(case.banned and not case.reasons for case in await reports.queue(GUILD))
    await reports.unban(GUILD, preset.id, MINA, 4)
    assert await seen_in(presets, other) == {GUILD, ELSEWHERE}
    assert await reports.queue(GUILD) == []


async def test_who_may_report_what(database: Database, reports: Reports) -> None:
    preset, private = await shared(database), await kept(database, name="Secret")
    await reports.report(IN_GUILD, preset.id, "loud", 1)
    with pytest.raises(UserError, match="already"):
        await reports.report(IN_GUILD, preset.id, "still loud", 2)
    with pytest.raises(UserError, match="is yours"):
        await reports.report(Viewer(ALICE, GUILD), preset.id, "me", 2)
    with pytest.raises(NotFound):
        await reports.report(IN_GUILD, private.id, "secret", 2)
    for n in range(MAX_OPEN_REPORTS - 1):
        await reports.report(IN_GUILD, (await shared(database, name=f"R {n}")).id, "loud", 3)
    with pytest.raises(LimitReached):
        await reports.report(IN_GUILD, (await shared(database, name="one more")).id, "loud", 4)


async def test_after_a_decision_it_can_be_reported_again(database: Database, reports: Reports) -> None:
    preset = await shared(database)
    await reports.report(IN_GUILD, preset.id, "loud", 1)
    await reports.keep(GUILD, preset.id, MINA, 2)
    await reports.report(IN_GUILD, preset.id, "loud again", 3)
    assert [case.reasons for case in await reports.queue(GUILD)] == [["loud again"]]


async def test_reports_and_decisions_at_once(database: Database, reports: Reports) -> None:
    preset = await shared(database)
    await reports.report(Viewer(CAROL, GUILD), preset.id, "first", 0)
    answers = await asyncio.gather(
        *(reports.report(Viewer(user, GUILD), preset.id, "loud", 1) for user in range(1, 6)),
        reports.hide(GUILD, preset.id, MINA, 1),
        reports.ban(GUILD, preset.id, MINA + 1, 1),
        *(reports.report(IN_GUILD, preset.id, "loud", 1) for _ in range(3)),
        return_exceptions=True,
    )
    # What was reported before the decisions is settled, what came later finds nothing to report.
    assert all(answer is None or isinstance(answer, UserError) for answer in answers)
    [case] = await reports.queue(GUILD)
    assert (case.hidden, case.banned, case.reasons) == (True, True, [])


async def test_the_most_reported_comes_first(database: Database, reports: Reports) -> None:
    once, twice = await shared(database, name="A"), await shared(database, name="B")
    for user, preset in ((1, once), (1, twice), (2, twice)):
        await reports.report(Viewer(user, GUILD), preset.id, "loud", user)
    assert [case.preset.id for case in await reports.queue(GUILD)] == [twice.id, once.id]
