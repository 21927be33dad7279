from __future__ import annotations

import pytest

from bot.errors import NotFound
from bot.recipe import Mode
from bot.store.coached import MAX_PROMPTS, CoachStore
from bot.store.database import Database


async def test_the_newest_prompts_of_each_member_are_kept(database: Database) -> None:
    store = CoachStore(database)
    other = await store.add(2, "theirs", Mode.AR, None, 0)
    mine = [await store.add(1, f"prompt {n}", Mode.DIFFUSION, 7.5, n) for n in range(MAX_PROMPTS + 3)]
    for gone in mine[:3]:
        with pytest.raises(NotFound):
            await store.get(gone.id, 1)
    assert [await store.get(kept.id, 1) for kept in mine[3:]] == mine[3:]
    assert await store.get(other.id, 2) == other


async def test_nobody_reads_anothers_prompt(database: Database) -> None:
    store = CoachStore(database)
    mine = await store.add(1, "secret", Mode.AR, None, 0)
    with pytest.raises(NotFound):
        await store.get(mine.id, 2)


async def test_the_line_is_turned_off_and_on(database: Database) -> None:
    store = CoachStore(database)
    assert await store.wants_hints(1)
    for _ in range(2):
        await store.set_hints(1, wanted=False)
    assert not await store.wants_hints(1)
    assert await store.wants_hints(2)
    await store.set_hints(1, wanted=True)
    assert await store.wants_hints(1)
