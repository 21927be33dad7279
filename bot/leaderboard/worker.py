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

import numpy as np

from bot.arena.auto import Advice, choose
from bot.arena.ballots import Floats
from bot.arena.leaderboard import leaderboard
from bot.arena.next_pair import standings
from bot.arena.table import VoteTable
from bot.arena.text import as_text, beside_picture
from bot.arena.votes import Arm, Exclusions
from bot.leaderboard.day_picture import draw_day
from bot.leaderboard.picture import ROWS, draw
from bot.leaderboard.vote_cache import VoteCache
from bot.leaderboard.vote_reader import VoteReader
from bot.recipe import Mode

TEXT_CHARACTERS = 3_900
"""Length limit of the text, within the 4,096 characters of an embed's description."""

RANKING = "ranking"
"""The breakdown that is none: the models by strength."""

NICE = 10
"""Added to the process's nice value: the bot's own work has priority."""

REASONS = {
    "too_quick": "too quick",
    "account_too_young": "account too young",
    "too_many_today": "too many in a day",
    "own_duel": "on own duels",
}


def respond(vote_cache: VoteCache, request: dict[str, Any]) -> dict[str, Any]:
    """Return the response to a request.

    For a leaderboard the PNG in base64, its texts, and the summary of excluded votes; for a choice among
    `arms` the arm and the reason; for a `day` the PNG alone; for `wins` of a series the next pair, and the
    probability of each contender to be the best.
    """
    if "day" in request:
        return {"picture": base64.b64encode(draw_day(request["day"])).decode()}
    if "wins" in request:
        return _next_of_series(np.array(request["wins"], dtype=np.float64), request["seed"])
    votes = vote_cache.votes(request["guild_id"])
    if "arms" in request:
        return _chosen(votes, request)
    board = leaderboard(votes, title=request["title"], now=request["now"], built_in=request["built_in"])
    # Where no prompt had a known genre or mood, there is no breakdown by tag.
    wanted = request["group"] or (RANKING if board.strengths else "tag")
    available = wanted != RANKING and (not board.groups or wanted in {one.name for one in board.groups})
    group = wanted if available else None
    return {
        "picture": base64.b64encode(draw(board, group)).decode(),
        "text": as_text(board, TEXT_CHARACTERS),
        "beside": "\n".join(beside_picture(board, group, ROWS)),
        "exclusions": exclusion_summary(board.exclusions),
    }


def _next_of_series(wins: Floats, seed: int) -> dict[str, Any]:
    found = standings(wins, seed)
    return {"pair": found.next_pair(), "best": found.best.tolist()}


def _chosen(votes: VoteTable, request: dict[str, Any]) -> dict[str, Any]:
    mode, confidence, reason = request["advice"]
    chosen = choose(
        votes.family(request["built_in"]),
        [Arm(Mode(mode), model) for mode, model in request["arms"]],
        request["tags"],
        request["seconds"],
        Advice(Mode(mode), confidence, reason),
        request["seed"],
        where="here" if request["guild_id"] is not None else "everywhere",
    )
    return {"arm": [chosen.arm.mode, chosen.arm.model], "reason": chosen.reason}


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
