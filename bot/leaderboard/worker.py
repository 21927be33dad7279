"""The process that fits and draws leaderboards: one JSON request a line in, one response a line out.

It exits at the end of its standard input, so a killed bot leaves no process behind.
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
from bot.arena.text import as_text, beside_picture
from bot.arena.votes import Exclusions
from bot.leaderboard.picture import ROWS, draw
from bot.leaderboard.vote_cache import VoteCache
from bot.leaderboard.vote_reader import VoteReader

TEXT_CHARACTERS = 3_900
"""Length limit of the text, within the 4,096 characters of an embed's description."""

NICE = 10
"""Added to the process's nice value: the bot's own work has priority."""

REASONS = {
    "too_quick": "too quick",
    "account_too_young": "account too young",
    "too_many_today": "too many in a day",
}


def respond(vote_cache: VoteCache, request: dict[str, Any]) -> dict[str, str]:
    """Return the response to a request: the PNG in base64, its texts, and the summary of excluded votes."""
    votes = vote_cache.votes(request["guild_id"])
    board = leaderboard(votes, title=request["title"], now=request["now"], built_in=request["built_in"])
    # Where no prompt had a known genre or mood, there is no breakdown by tag.
    available = not board.groups or request["group"] in {group.name for group in board.groups}
    group = request["group"] if available else None
    return {
        "picture": base64.b64encode(draw(board, group)).decode(),
        "text": as_text(board, TEXT_CHARACTERS),
        "beside": "\n".join(beside_picture(board, group, ROWS)),
        "exclusions": exclusion_summary(board.exclusions),
    }


def exclusion_summary(found: Exclusions) -> str:
    """Return the moderators' summary of excluded votes by reason, with a warning where their share jumped.

    Empty where there are none.
    """
    if not found.excluded:
        return ""
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
    """Serve requests until standard input ends."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    # Imported modules are never freed, so the garbage collector need not traverse them.
    gc.freeze()
    # Responses go to a copy of standard output; what a library prints goes to standard error.
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with VoteReader(Path(sys.argv[1])) as reader:
        vote_cache = VoteCache(reader)
        for line in sys.stdin:
            try:
                response = respond(vote_cache, json.loads(line))
            except Exception:
                response = {"error": traceback.format_exc()}
            output.write(json.dumps(response) + "\n")
            output.flush()


if __name__ == "__main__":
    main()
