"""The vote export: one JSON object per vote, Music Arena's fields first, ids pseudonymized. No numpy.

docs/votes.md defines each field. Only votes whose voter consented are exported, a prompt only with its
author's consent.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from bot.arena.votes import Choice, Vote

FORMAT = "antiphon-votes/1"
"""Goes up with any change that a reader of the last version would misread."""

KEY_BYTES = 32
"""The least a key has to have; fewer could be guessed, and with it everybody's id."""

PREFERENCES = {Choice.A: "A", Choice.B: "B", Choice.BOTH_GOOD: "TIE", Choice.BOTH_BAD: "BOTH_BAD"}
"""Music Arena's words. Its TIE is offered beside BOTH_BAD, so it is what "both good" says here."""


def export(votes: Iterable[Vote], key: bytes) -> Iterator[str]:
    """Yield a JSON line for every consented vote, in the order given, without line breaks.

    key: a secret of 32 bytes or more; the same key gives the same pseudonyms. Raises ValueError if it is
    shorter.
    """
    pseudonyms = Pseudonyms(key)
    for vote in votes:
        if vote.consented:
            yield json.dumps(record(vote, pseudonyms), ensure_ascii=False)


class Pseudonyms:
    """Turns ids into names that nobody without the key can turn back or guess: 128 bits of HMAC-SHA-256."""

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_BYTES:
            raise ValueError(
                f"The export key has {len(key)} bytes; it needs {KEY_BYTES} random ones or more."
            )
        self._key = key

    def of(self, kind: str, *ids: int) -> str:
        """Return 32 hexadecimal digits; the kind keeps a voter and a duel of one number apart."""
        message = ":".join([kind, *map(str, ids)]).encode()
        return hmac.new(self._key, message, sha256).hexdigest()[:32]


def record(vote: Vote, pseudonyms: Pseudonyms) -> dict[str, Any]:
    """Return one vote as the exported object, Music Arena's fields first and in its order."""
    feedback = vote.feedback
    # Members of a server can see when others wrote; the day is all that leaves.
    day = datetime.fromtimestamp(vote.cast_at, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "battle_uuid": str(UUID(hex=pseudonyms.of("vote", vote.duel, vote.voter))),
        "date": day.date().isoformat(),
        "prompt": vote.prompt,
        "is_instrumental": None,
        "is_prebaked": False,
        "user_pseudonym": pseudonyms.of("voter", vote.voter),
        "audio_a": None,
        "system_a": vote.a.model,
        "audio_b": None,
        "system_b": vote.b.model,
        "preference": PREFERENCES[vote.choice],
        "total_listening_time_a": None,
        "total_listening_time_b": None,
        "feedback": feedback.line,
        "timestamp": day.timestamp(),
        "lyrics": "",
        "hardware_a": None,
        "hardware_b": None,
        "system_time_a": None,
        "system_time_b": None,
        "gateway_time_a": None,
        "gateway_time_b": None,
        "duration_a": vote.seconds,
        "duration_b": vote.seconds,
        "sample_rate_a": None,
        "sample_rate_b": None,
        "listen_data_a": None,
        "listen_data_b": None,
        "format": FORMAT,
        "duel_pseudonym": pseudonyms.of("duel", vote.duel),
        "guild_pseudonym": pseudonyms.of("guild", vote.guild),
        "mode_a": vote.a.mode.value,
        "mode_b": vote.b.mode.value,
        "built_in": vote.built_in,
        "tags": sorted(set(vote.tags)),
        "requester": vote.requester,
        "seconds_to_vote": round(vote.seconds_to_vote, 1),
        "excluded_reason": vote.excluded_reason.value if vote.excluded_reason else None,
        "reasons": list(feedback.reasons),
        "score_a": feedback.score_a,
        "score_b": feedback.score_b,
    }
