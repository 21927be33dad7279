"""Five people in a browser vote on a duel while the bot restarts; the end and the leaderboard are right."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections import Counter
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.async_api import Locator, expect

from benchmarks.duels import fill
from bot.arena.ballots import Ballots
from bot.arena.results import Conclusion
from bot.arena.text import span
from bot.arena.votes import Arm, Choice, Vote
from bot.arena.winrate import win_rate
from bot.recipe import Mode
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.server import Sandbox
from sandbox.spec import Spec
from tests.arena.community import AR, DIFFUSION
from tests.arena.community import vote as vote_on
from tests.browser import find_browser, launched
from tests.e2e.bot_process import BotProcess
from tests.requirements import absent
from tests.sandbox.chat import Chat, open_chat

PATIENCE = 90_000
"""Milliseconds; far more than anything takes."""

MARGIN, WIDTH = 32, 800
ORANGE = (0xE6, 0x9F, 0x00)


async def test_five_vote_and_everything_shown_is_what_they_voted(description: Spec, tmp_path: Path) -> None:
    path = find_browser()
    if path is None:
        absent("browser", "There is no Chromium here to show the page in.")
    clock = Clock(paused_at=time.time())
    async with (
        launched(path) as browser,
        Sandbox(clock=clock, limits=Limits.none(), spec=description) as sandbox,
        # The sandbox's accounts are as old as the sandbox.
        BotProcess(sandbox, tmp_path, DEFAULT_SECONDS="2") as bot,
        open_chat(browser, sandbox.page_url) as chat,
    ):
        await sandbox.until(lambda: "duel" in sandbox.member("alice").commands(), 60, "the commands")
        await chat.become("Alice")
        await chat.command("/duel start calm jazz in the rain")
        duel = chat.page.locator(".message", has=chat.page.get_by_role("button", name="Both good"))
        await expect(duel).to_be_visible(timeout=PATIENCE)
        await tells_nothing(duel)
        for name in ("a.mp3", "b.mp3"):
            await duel.get_by_role("button", name=f"Play {name}").click()
            await expect(duel.get_by_role("button", name=f"Pause {name}")).to_be_visible(timeout=PATIENCE)

        await vote(chat, duel, "Bob", "A", "Nobody can have heard both in that time")
        clock.advance(30)
        await vote(chat, duel, "Alice", "A", "Your vote: A")
        await vote(chat, duel, "Bob", "B", "Your vote: B")
        await vote(chat, duel, "Bob", "A", "Everyone has one vote, and it is final")

        await bot.kill()
        others = neighbours()
        fill(bot.folder / "antiphon.db", others, sandbox.channel("music").channel.guild_id or 0)
        await bot.restart()
        await vote(chat, duel, "Carol", "A", "Your vote: A")
        await vote(chat, duel, "Mina", "Both good", "Your vote: Both good")
        await vote(chat, duel, "Host", "A", "Your vote: A")
        await tells_nothing(duel)

        await chat.become("Mina")
        await duel.get_by_role("button", name="Close").click()
        shown = chat.message("A was")
        await expect(shown).to_be_visible(timeout=PATIENCE)
        votes, modes = stored(bot.folder / "antiphon.db")
        assert Counter(one.choice.value for one in votes) == {"a": 3, "b": 1, "both_good": 1}
        ahead, behind = (Mode(modes[side]) for side in "ab")
        for words in (
            f"3 : 1 for A ({ahead})",
            f"A ({ahead}) 3 · B ({behind}) 1 · Both good 1 · Both bad 0",
        ):
            await expect(shown).to_contain_text(words, timeout=PATIENCE)
        for side, mode in modes.items():
            await expect(shown.get_by_role("button", name=f"Play {side}-{mode}.mp3")).to_be_visible(
                timeout=PATIENCE
            )
        await expect(shown.get_by_role("button", name="Both good")).to_have_count(0, timeout=PATIENCE)

        await chat.become("Bob")
        await chat.command("/leaderboard")
        board = chat.page.locator(".message", has=chat.page.locator("img[alt*='95 % interval']"))
        await expect(board).to_be_visible(timeout=PATIENCE)
        await says(board, votes + others)


async def vote(chat: Chat, duel: Locator, name: str, button: str, answer: str) -> None:
    """Be somebody, tap, and read what only they are told."""
    await chat.become(name)
    before = await chat.page.locator(".message").filter(has_text=answer).count()
    await duel.get_by_role("button", name=button, exact=True).click()
    told = chat.page.locator(".message").filter(has_text=answer)
    await expect(told).to_have_count(before + 1, timeout=PATIENCE)
    await expect(told.last).to_contain_text("Only you can see this", timeout=PATIENCE)


async def tells_nothing(duel: Locator) -> None:
    """Look at all that an open duel's message says."""
    shown = (await duel.inner_html()).lower()
    for word in ("diffusion", "autoregressive", "test tones", "antiphon-tiny", "seed", "rendered in"):
        assert word not in shown
    assert "Both good" in await duel.inner_text()
    assert not re.search(r"\d+ votes?", await duel.inner_text()), "a running tally"


def neighbours() -> list[Vote]:
    """Duels of before on which twenty others voted, two of three for diffusion, which changes sides."""
    return [
        vote_on(
            duel,
            voter,
            Choice("ab"[(duel + ((duel + voter) % 3 == 0)) % 2]),
            a=(DIFFUSION, AR)[duel % 2],
            b=(AR, DIFFUSION)[duel % 2],
            tags=("genre:jazz",),
            built_in=True,
        )
        for duel in range(100, 114)
        for voter in range(1000, 1020)
    ]


def stored(path: Path) -> tuple[list[Vote], dict[str, str]]:
    """Return the votes on the first duel as they lie in the database, and the mode of each side."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT voter_id, choice, requester FROM duel_votes WHERE duel_id = 1").fetchall()
        sides = db.execute(
            "SELECT side, mode, model FROM duel_sides WHERE duel_id = 1 ORDER BY side"
        ).fetchall()
        [tags] = db.execute("SELECT tags FROM duels WHERE id = 1").fetchone()
    a, b = (Arm(Mode(mode), model) for _, mode, model in sides)
    about: dict[str, Any] = {"a": a, "b": b, "tags": tuple(json.loads(tags)), "built_in": True}
    votes = [
        vote_on(1, voter, Choice(choice), requester=bool(asked), **about) for voter, choice, asked in rows
    ]
    return votes, {side: mode for side, mode, _ in sides}


async def says(shown: Locator, votes: list[Vote]) -> None:
    """Compare the leaderboard, its words and its picture, with what follows from these votes."""
    rate = win_rate(Ballots.of(votes))
    ties = sum(one.choice is Choice.BOTH_GOOD for one in votes)
    assert rate.conclusion is Conclusion.DIFFUSION
    assert rate.counts.decisive == len(votes) - ties
    interval = span(rate.low, rate.high)
    words = [
        f"diffusion wins {interval}",
        f"{rate.counts.decisive} votes, {rate.people} people, {rate.duels} duels",
        f"95 % interval of diffusion's wins: {interval}",
        f"Both good: {ties} · both bad: 0",
    ]
    image = shown.locator(".embed-image img")
    told = await image.get_attribute("alt") or ""
    for one in words:
        assert one in told
    address = await image.get_attribute("src")
    assert address is not None
    png = await (await shown.page.request.get(address)).body()
    low, high = first_bar(np.asarray(Image.open(BytesIO(png)).convert("RGB")))
    assert low == pytest.approx(rate.low, abs=0.005)
    assert high == pytest.approx(rate.high, abs=0.005)


def first_bar(picture: np.ndarray) -> tuple[float, float]:
    """Return where the uppermost bar in diffusion's colour begins and ends, as shares of the track."""
    assert picture.shape[1] == WIDTH
    here = np.all(picture == ORANGE, axis=2)
    # Letters are thin: only a bar has a block of 12 by 24 pixels in one colour.
    rows, _ = np.nonzero(np.all(np.lib.stride_tricks.sliding_window_view(here, (12, 24)), axis=(2, 3)))
    columns = np.nonzero(here[rows.min() + 12])[0]
    low, high = ((x - MARGIN) / (WIDTH - 2 * MARGIN) for x in (columns.min(), columns.max() + 1))
    return low, high
