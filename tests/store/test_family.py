"""The family of a clip, as far as a member may see it."""

from __future__ import annotations

from bot.store.clips import Clip
from bot.store.database import Database
from bot.store.deletions import Deletions
from bot.store.family import MAX_RELATIVES, Families, Family
from tests.store.preset_builders import ALICE, BOB
from tests.store.test_clip_search import HERE, made


async def family(database: Database, clip: Clip, user: int = BOB) -> Family:
    return await Families(database).of(clip, user, HERE)


def ids(clips: tuple[Clip, ...]) -> list[int]:
    return [clip.id for clip in clips]


async def test_parent_siblings_and_children_by_age(database: Database) -> None:
    first = await made(database, "first")
    one, two = [await made(database, "second", parent_clip=first.id) for _ in range(2)]
    grandchild = await made(database, "third", user=BOB, parent_clip=one.id)
    found = await family(database, one)
    assert (found.parent.id if found.parent else 0) == first.id
    assert (ids(found.siblings), ids(found.children)) == ([one.id, two.id], [grandchild.id])
    alone = await family(database, first)
    assert (alone.has_parent, alone.parent, alone.siblings) == (False, None, ())
    assert ids(alone.children) == [one.id, two.id]


async def test_a_member_sees_their_own_and_what_is_posted_where_they_can_read(database: Database) -> None:
    hidden = await made(database, "in a hidden channel", channel_id=21)
    posted = await made(database, "posted", parent_clip=hidden.id)
    await made(database, "hidden too", channel_id=21, parent_clip=hidden.id)
    await made(database, "not posted", parent_clip=posted.id, posted=False)
    own = await made(database, "own", user=BOB, channel_id=21, parent_clip=posted.id)
    found = await family(database, posted)
    assert (found.has_parent, found.parent, found.deleted) == (True, None, False)
    assert (ids(found.siblings), ids(found.children)) == ([posted.id], [own.id])
    of_owner = await family(database, posted, ALICE)
    assert (of_owner.parent.id if of_owner.parent else 0) == hidden.id
    assert (len(of_owner.siblings), len(of_owner.children)) == (2, 1)
    outside = await Families(database).of(posted, BOB, None)
    assert (outside.siblings, ids(outside.children)) == ((), [own.id])


async def test_a_deleted_parent_is_known_as_deleted(database: Database) -> None:
    first = await made(database, "short life")
    second = await made(database, "of it", parent_clip=first.id)
    await Deletions(database).begin(first.id, 5, None)
    found = await family(database, second, ALICE)
    assert (found.has_parent, found.parent, found.deleted) == (True, None, True)
    assert ids(found.siblings) == [second.id]


async def test_many_children_are_cut(database: Database) -> None:
    first = await made(database, "popular")
    for _ in range(MAX_RELATIVES + 2):
        await made(database, "again", parent_clip=first.id)
    assert len((await family(database, first)).children) == MAX_RELATIVES
