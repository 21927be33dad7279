"""What a member is about to do, as far as permission depends on it."""

from __future__ import annotations

from enum import StrEnum


class Act(StrEnum):
    """An act that the gate decides about.

    USE: anything that queues no clip.  ASK: request a clip.  DUEL: start a duel.  PLAIN: request a clip by a
    mention or a direct message.  REPORT: tell moderators, in whatever words.  PRIVACY: one's own stored data,
    which nobody is kept from.  MANAGE: a server's settings and moderation, judged by the commands themselves.
    OWN: the bot's owner alone.
    """

    USE = "use"
    ASK = "ask"
    DUEL = "duel"
    PLAIN = "plain"
    COACH = "coach"
    REPORT = "report"
    PRIVACY = "privacy"
    MANAGE = "manage"
    OWN = "own"


AREAS = {
    "coach": Act.COACH,
    "privacy": Act.PRIVACY,
    "settings": Act.MANAGE,
    "setup": Act.MANAGE,
    "moderate": Act.MANAGE,
    "reports": Act.MANAGE,
    "report": Act.MANAGE,
    "report clip": Act.REPORT,
    "takes report": Act.REPORT,
    "preset report": Act.REPORT,
    "preset why": Act.REPORT,
    "admin": Act.OWN,
}
"""The first one or two words of a command's name, or parts of a custom_id → its act; USE for any other.

Requests for clips are not here: whatever begins one is judged where it is queued (cogs/submission/submit.py).
"""


def act_of(name: str) -> Act:
    """Return the act of a command by its name, or of a component or form by its custom_id."""
    words = name.replace(":", " ").casefold().split(" ")
    return AREAS.get(" ".join(words[:2])) or AREAS.get(words[0], Act.USE)
