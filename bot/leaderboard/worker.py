"""The main of the process that fits and draws leaderboards: one JSON object a line in, one out.

The end of standard input is its end, so a killed bot leaves none behind.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from bot.arena.leaderboard import leaderboard
from bot.arena.text import as_text
from bot.arena.votes import Exclusions
from bot.leaderboard.picture import draw
from bot.leaderboard.vote_cache import VoteCache
from bot.leaderboard.vote_reader import VoteReader

TEXT_CHARACTERS = 3_900
"""Of the 4,096 that Discord takes in an embed's description."""

NICE = 10
"""Steps of priority below the bot."""

REASONS = {
    "too_quick": "too quick",
    "account_too_young": "account too young",
    "too_many_today": "too many in a day",
}


def answer(vote_cache: VoteCache, asked: dict[str, Any]) -> dict[str, str]:
    """Return the picture (base64), the text, and the words on votes that do not count."""
    votes = vote_cache.votes(asked["guild_id"])
    board = leaderboard(votes, title=asked["title"], now=asked["now"], built_in=asked["built_in"])
    # Where no prompt had a known genre or mood there is nothing to break down by tag.
    there = not board.groups or asked["group"] in {group.name for group in board.groups}
    return {
        "picture": base64.b64encode(draw(board, asked["group"] if there else None)).decode(),
        "text": as_text(board, TEXT_CHARACTERS),
        "exclusions": said_of(board.exclusions),
    }


def said_of(found: Exclusions) -> str:
    """Return for moderators how many votes do not count and why, with a warning where that has jumped."""
    if not found.excluded:
        return "Every stored vote counts."
    why = ", ".join(f"{REASONS[reason]} {number:,}" for reason, number in found.reasons.items())
    text = (
        f"{found.excluded:,} of {found.votes:,} votes ({found.share:.0%}) are stored but not counted: {why}."
    )
    if found.jumped:
        text += (
            f"\n⚠️ In the last 7 days it was {found.recent_share:.0%}, far more than before. "
            "Somebody may be voting with many accounts, or without listening."
        )
    return text


def main() -> None:
    """Answer until the bot is gone."""
    if hasattr(os, "nice"):
        # Whoever votes meanwhile comes first.
        os.nice(NICE)
    # What was imported stays for good, so no collection need look at it again.
    gc.freeze()
    writing = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with VoteReader(Path(sys.argv[1])) as reader:
        vote_cache = VoteCache(reader)
        for line in sys.stdin:
            try:
                said = answer(vote_cache, json.loads(line))
            except Exception:
                said = {"error": traceback.format_exc()}
            writing.write(json.dumps(said) + "\n")
            writing.flush()


if __name__ == "__main__":
    main()
