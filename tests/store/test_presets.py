from __future__ import annotations

import asyncio
import sqlite3

import pytest

from bot.errors import LimitReached, NotFound, UserError
from bot.recipe import Mode
from bot.store.clips import Clips
from bot.store.database import Database
from bot.store.presets.model import BOT, Draft, Scope, Viewer
from bot.store.presets.repository import MAX_VERSIONS, Presets
from tests.store.preset_builders import (
    ALICE,
    BOB,
    CAROL,
    ELSEWHERE,
    GUILD,
    MANY,
    NOBODY,
    body,
    kept,
    presets_of,
    rendered,
    shared,
)


@pytest.fixture
def presets(database: Database) -> Presets:
    return presets_of(database)


def alice(guild: int | None = GUILD) -> Viewer:
    return Viewer(ALICE, guild)


def bob(guild: int | None = GUILD) -> Viewer:
    return Viewer(BOB, guild)


async def test_a_name_is_taken_whatever_its_case_and_width(database: Database, presets: Presets) -> None:
    await kept(database, name="Rain")
    for name in ("RAIN", "ｒａｉｎ"):
        with pytest.raises(UserError, match="already have"):
            await kept(database, name=name)
    await kept(database, BOB, name="Rain")
    assert [preset.name for preset in await presets.own(ALICE)] == ["Rain"]


async def test_who_sees_what(database: Database, presets: Presets) -> None:
    private = await kept(database, name="private")
    server = await shared(database, name="server", scope=Scope.SERVER)
    public = await shared(database, name="public")
    seen = {
        who: {p.id for p in (private, server, public) if await sees(presets, p.id, who)}
        for who in (alice(None), bob(GUILD), bob(ELSEWHERE), bob(None))
    }
    assert seen == {
        alice(None): {private.id, server.id, public.id},
        bob(GUILD): {server.id, public.id},
        bob(ELSEWHERE): {public.id},
        bob(None): {public.id},
    }


async def sees(presets: Presets, preset_id: int, viewer: Viewer) -> bool:
    try:
        return (await presets.get(preset_id, viewer)).id == preset_id
    except NotFound:
        return False


async def test_it_is_found_by_choice_code_and_name(database: Database, presets: Presets) -> None:
    mine = await kept(database, BOB, name="Rain")
    public = await shared(database, name="Rain")
    assert public.code is not None
    assert (await presets.find(f"#{public.id}", bob())).id == public.id
    assert (await presets.find(f" {public.code.upper()} ", bob())).id == public.id
    assert (await presets.find("rAIN", bob())).id == mine.id
    assert (await presets.find("rain", Viewer(CAROL, None))).id == public.id
    for text in ("#", "#99999999999999999999999", "nothing", f"#{mine.id}", "'; --", "\x00"):
        with pytest.raises(NotFound):
            await presets.find(text, alice())


async def test_a_version_never_changes(database: Database, presets: Presets) -> None:
    preset = await kept(database)
    await presets.edit(ALICE, preset.id, body("other words", mode=Mode.DIFFUSION), 5)
    assert (await presets.get(preset.id, alice(), version=1)).body == preset.body
    with pytest.raises(sqlite3.IntegrityError, match="never changes"):
        async with database.write() as tx:
            await tx.execute("UPDATE preset_versions SET body = '{}'")


async def test_a_clip_remembers_its_version(database: Database, presets: Presets) -> None:
    first = await shared(database)
    clip = await Clips(database).get(await rendered(database, first, BOB))
    await presets.edit(ALICE, first.id, body("other words"), 5)
    assert clip.preset_version is not None
    remembered = await presets.of_version(clip.preset_version, bob())
    assert (remembered.version, remembered.newest, remembered.body) == (1, 2, first.body)
    assert remembered.uses == 1


async def test_edits_at_once_all_become_versions(database: Database, presets: Presets) -> None:
    preset = await kept(database)
    edits = [presets.edit(ALICE, preset.id, body(f"words {n}"), n) for n in range(20)]
    await asyncio.gather(*edits)
    versions = await presets.versions(preset.id, alice())
    assert [one.version for one in versions] == list(range(21, 0, -1))
    assert {one.body.template for one in versions[:-1]} == {f"words {n}" for n in range(20)}


async def test_versions_have_an_end(database: Database, presets: Presets) -> None:
    preset = await kept(database)
    for n in range(MAX_VERSIONS - 1):
        await presets.edit(ALICE, preset.id, body(f"words {n}"), n)
    with pytest.raises(LimitReached, match="fork"):
        await presets.edit(ALICE, preset.id, body("one too many"), 999)


async def test_only_the_owner_changes_it(database: Database, presets: Presets) -> None:
    preset = await shared(database)
    for attempt in (
        presets.edit(BOB, preset.id, body("mine"), 1),
        presets.rename(BOB, preset.id, "Mine", 1),
        presets.delete(BOB, preset.id, 1),
        presets.share(BOB, preset.id, Scope.PRIVATE, GUILD, 1, per_server=MANY),
    ):
        with pytest.raises(NotFound, match="not one of your own"):
            await attempt
    assert (await presets.get(preset.id, bob())).newest == 1


async def test_a_stranger_learns_nothing_of_a_private_one(database: Database, presets: Presets) -> None:
    preset = await kept(database)
    absent = preset.id + 1
    said = set()
    for preset_id in (preset.id, absent):
        with pytest.raises(NotFound) as caught:
            await presets.edit(BOB, preset_id, body("mine"), 1)
        said.add(str(caught.value))
    assert len(said) == 1


async def test_renaming_keeps_names_unique(database: Database, presets: Presets) -> None:
    rain = await kept(database, name="Rain")
    await kept(database, name="Snow")
    with pytest.raises(UserError, match="already have"):
        await presets.rename(ALICE, rain.id, "SNOW", 1)
    await presets.rename(ALICE, rain.id, "RAIN", 2)
    assert (await presets.get(rain.id, alice())).name == "RAIN"


async def test_a_fork_remembers_where_it_came_from(database: Database, presets: Presets) -> None:
    original = await shared(database)
    fork = await presets.fork(bob(), original.id, 1, per_member=MANY)
    assert (fork.owner_id, fork.origin, fork.scope, fork.body) == (BOB, "Rain", Scope.PRIVATE, original.body)
    assert (await presets.get(original.id, bob())).forks == 1
    again = await presets.fork(bob(), original.id, 2, per_member=MANY)
    assert again.name == "Rain 2"
    with pytest.raises(NotFound):
        await presets.fork(bob(), (await kept(database, name="Secret")).id, 1, per_member=MANY)


async def test_forks_of_the_same_at_once_get_their_own_names(database: Database, presets: Presets) -> None:
    original = await shared(database, name="R" * 60)
    forks = await asyncio.gather(*(presets.fork(bob(), original.id, 1, per_member=MANY) for _ in range(12)))
    assert len({fork.name for fork in forks}) == 12
    assert max(len(fork.name) for fork in forks) <= 60


async def test_a_deleted_one_is_gone_with_all_that_hung_on_it(database: Database, presets: Presets) -> None:
    preset = await kept(database)
    clip = await rendered(database, preset, ALICE)
    assert await presets.delete(ALICE, preset.id, 1) is True
    assert (await Clips(database).get(clip)).preset_version is None
    for table in ("presets", "preset_versions", "preset_words", "preset_grams"):
        row = await database.read_one(f"SELECT count(*) AS n FROM {table}", {})
        assert row is not None
        assert row["n"] == 0, table
    await kept(database)


@pytest.mark.parametrize("builds", ["fork", "clip"])
async def test_where_others_build_on_it_it_is_only_hidden(
    database: Database, presets: Presets, builds: str
) -> None:
    preset = await shared(database)
    if builds == "fork":
        built = await presets.fork(bob(), preset.id, 1, per_member=MANY)
    else:
        await rendered(database, preset, BOB)
    assert await presets.delete(ALICE, preset.id, 1) is False
    for viewer in (alice(), bob()):
        assert not await sees(presets, preset.id, viewer)
    if builds == "fork":
        assert (await presets.get(built.id, bob())).origin == "Rain"
    assert (await kept(database, name="Rain")).id != preset.id
    with pytest.raises(NotFound):
        await presets.delete(ALICE, preset.id, 2)


async def test_deleting_and_forking_at_once_loses_nothing(database: Database, presets: Presets) -> None:
    for n in range(10):
        preset = await shared(database, name=f"Rain {n}")
        gone, fork = await asyncio.gather(
            presets.delete(ALICE, preset.id, 1),
            presets.fork(bob(), preset.id, 1, per_member=MANY),
            return_exceptions=True,
        )
        if gone is True:
            assert isinstance(fork, NotFound)
        else:
            assert gone is False
            assert not isinstance(fork, BaseException)
            assert (await presets.get(fork.id, bob())).origin == f"Rain {n}"


async def test_a_member_has_only_so_many_whatever_comes_at_once(database: Database, presets: Presets) -> None:
    original = await shared(database)
    drafts = [Draft(f"Import {n}", body()) for n in range(3)]
    answers = await asyncio.gather(
        *(presets.save(BOB, Draft(f"Save {n}", body()), 0, per_member=5) for n in range(4)),
        *(presets.fork(bob(), original.id, 0, per_member=5) for _ in range(4)),
        presets.save_all(BOB, drafts, 0, per_member=5),
        return_exceptions=True,
    )
    assert len(await presets.own(BOB)) == 5
    assert all(isinstance(a, LimitReached) for a in answers if isinstance(a, BaseException))


async def test_an_import_is_all_or_nothing_and_renumbers(database: Database, presets: Presets) -> None:
    await kept(database, name="Rain")
    drafts = [Draft("rain", body("a")), Draft("Rain", body("b"))]
    with pytest.raises(LimitReached):
        await presets.save_all(ALICE, drafts, 0, per_member=2)
    assert len(await presets.own(ALICE)) == 1
    imported = await presets.save_all(ALICE, drafts, 0, per_member=3)
    assert [preset.name for preset in imported] == ["rain 2", "Rain 3"]


async def test_a_server_shares_only_so_many(database: Database, presets: Presets) -> None:
    ids = [(await kept(database, name=f"Rain {n}")).id for n in range(6)]
    answers = await asyncio.gather(
        *(presets.share(ALICE, i, Scope.SERVER, GUILD, 1, per_server=4) for i in ids), return_exceptions=True
    )
    refused = [n for n, answer in enumerate(answers) if isinstance(answer, LimitReached)]
    assert len(refused) == 2
    await presets.share(ALICE, ids[refused[0]], Scope.SERVER, ELSEWHERE, 1, per_server=4)
    await presets.share(ALICE, ids[refused[1]], Scope.PUBLIC, GUILD, 1, per_server=4)
    taken = next(i for n, i in enumerate(ids) if n not in refused)
    again = await presets.share(ALICE, taken, Scope.SERVER, GUILD, 2, per_server=4)
    assert again.scope is Scope.SERVER
    with pytest.raises(UserError, match="no server here"):
        await presets.share(ALICE, taken, Scope.SERVER, None, 2, per_server=4)


async def test_the_code_stays_the_same(database: Database, presets: Presets) -> None:
    first = await shared(database)
    private = await presets.share(ALICE, first.id, Scope.PRIVATE, GUILD, 2, per_server=1)
    assert not await sees(presets, first.id, NOBODY)
    again = await presets.share(ALICE, first.id, Scope.PUBLIC, None, 3, per_server=1)
    assert first.code == private.code == again.code


async def test_the_bots_own_follow_what_ships_with_it(database: Database, presets: Presets) -> None:
    calm, storm = Draft("Calm", body("calm")), Draft("Storm", body("storm"))
    await presets.keep_own({"calm-ar": calm, "storm-ar": storm}, 0)
    await presets.keep_own({"calm-ar": calm, "storm-ar": storm}, 1)
    found = await presets.find("calm-ar", NOBODY)
    assert (found.owner_id, found.scope, found.newest) == (BOT, Scope.PUBLIC, 1)

    await presets.keep_own({"calm-ar": Draft("Calmer", body("very calm"))}, 2)
    changed = await presets.find("calm-ar", NOBODY)
    assert (changed.id, changed.name, changed.newest) == (found.id, "Calmer", 2)
    with pytest.raises(NotFound):
        await presets.find("storm-ar", NOBODY)

    await presets.keep_own({"calm-ar": calm, "storm-ar": storm}, 3)
    assert (await presets.find("storm-ar", NOBODY)).body == storm.body
    assert (await presets.find("calm-ar", NOBODY)).name == "Calm"
