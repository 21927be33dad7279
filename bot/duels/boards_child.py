"""The main of the process that fits and draws leaderboards: one JSON object a line in, one out.

The end of standard input is its end, so a killed bot leaves none behind. Votes on a closed duel never change,
they are only deleted; so what was read of a duel is read again only where the number of its votes differs.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from bot.arena.leaderboard import leaderboard
from bot.arena.picture import draw
from bot.arena.votes import Exclusions, Vote
from bot.arena.wording import as_text
from bot.duels.cast import votes
from bot.store.votes import VoteReader

TEXT_CHARACTERS = 3_900
"""Of the 4,096 that Discord takes in an embed's description."""

REASONS = {
    "too_quick": "too quick",
    "account_too_young": "account too young",
    "too_many_today": "too many in a day",
}


class Known:
    """The votes of closed duels, as far as they were read."""

    def __init__(self, reader: VoteReader) -> None:
        self._reader = reader
        self._votes: dict[int, list[Vote]] = {}

    def votes(self, guild_id: int | None) -> list[Vote]:
        """Return the votes of one server, or of all."""
        found: list[Vote] = []
        for duel in self._reader.closed_duels(guild_id):
            known = self._votes.get(duel.id)
            if known is None or len(known) != duel.votes:
                known = self._votes[duel.id] = votes(duel, self._reader.votes_on(duel.id))
            found += known
        return found


def answer(known: Known, asked: dict[str, Any]) -> dict[str, str]:
    """Return the picture (base64), the text, and the words on votes that do not count."""
    board = leaderboard(
        known.votes(asked["guild_id"]), title=asked["title"], now=asked["now"], built_in=asked["built_in"]
    )
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
    writing = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with VoteReader(Path(sys.argv[1])) as reader:
        known = Known(reader)
        for line in sys.stdin:
            try:
                said = answer(known, json.loads(line))
            except Exception:
                said = {"error": traceback.format_exc()}
            writing.write(json.dumps(said) + "\n")
            writing.flush()


if __name__ == "__main__":
    main()
