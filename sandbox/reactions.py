"""Reactions: who reacted to a message with which emoji.

Source: Discord's "Create Reaction", "Delete User Reaction" and "Message Reaction Add". The sandbox has no
custom emojis, so only Unicode's are known to it, and no super reactions ("burst").
"""

from __future__ import annotations

import unicodedata

from sandbox.changes import ReactionsCleared, ReactionToggled
from sandbox.errors import ApiError, refusal
from sandbox.model import Channel, Json, Message, Permission
from sandbox.rules import Rulebook, rule
from sandbox.world import World

ADD = rule("add_reactions", "The first reaction with an emoji needs Add Reactions (50013).")
KINDS = rule("reaction_kinds", "A message has at most 20 different reactions (30010).")

MAX_KINDS = 20
_KEYCAP = "\u20e3"
_MAX_CHARACTERS = 20
"""Code points; the longest emoji of Unicode 16, a family or a flag with tags, has 14."""


def is_emoji(text: str) -> bool:
    """Tell whether a text is one of Unicode's emojis, roughly: symbols with their joiners, no words."""
    if not 0 < len(text) <= _MAX_CHARACTERS:
        return False
    if text.endswith(_KEYCAP):
        return text[0] in "0123456789#*"
    kinds = [unicodedata.category(one) for one in text]
    # Symbols, skin tones, joiners and tags, the emoji selector; a few signs are emojis by the selector alone.
    starts = kinds[0] == "So" or (text[1:2] == "\ufe0f" and not text[0].isalnum())
    return starts and all(kind in ("So", "Sk", "Sm", "Cf", "Mn") for kind in kinds[1:])


def react(world: World, rules: Rulebook, message: Message, user_id: int, emoji: str) -> None:
    """Add a user's reaction; one that is there already stays. Raises ApiError by Discord's rules."""
    channel = world.channel(message.channel_id)
    _judge(emoji)
    users = message.reactions.get(emoji)
    if users is None:
        if not _may_add(world, channel, user_id) and ADD in rules:
            raise refusal(50013)
        if len(message.reactions) >= MAX_KINDS and KINDS in rules:
            raise ApiError(400, 30010, "Maximum number of reactions reached (20)")
        users = message.reactions.setdefault(emoji, [])
    if user_id in users:
        return
    users.append(user_id)
    world.note_reaction(ReactionToggled(message, user_id, emoji, added=True))


def withdraw(world: World, message: Message, user_id: int, emoji: str) -> None:
    """Take a user's reaction back; nothing where there is none. Raises ApiError for what is no emoji."""
    _judge(emoji)
    users = message.reactions.get(emoji, [])
    if user_id not in users:
        return
    users.remove(user_id)
    if not users:
        del message.reactions[emoji]
    world.note_reaction(ReactionToggled(message, user_id, emoji, added=False))


def clear(world: World, message: Message, emoji: str | None = None) -> None:
    """Remove every reaction to a message, or those with one emoji. Raises ApiError for what is no emoji."""
    if emoji is not None:
        _judge(emoji)
    gone = list(message.reactions) if emoji is None else [emoji] * (emoji in message.reactions)
    for one in gone:
        del message.reactions[one]
    if gone:
        world.note_reaction(ReactionsCleared(message, emoji))


def with_emoji(world: World, message: Message, emoji: str) -> list[int]:
    """Return who reacted with an emoji. Raises ApiError for what is no emoji."""
    _judge(emoji)
    return [key for key in message.reactions.get(emoji, []) if key in world.users]


def payload(message: Message, viewer_id: int) -> list[Json]:
    """Return the reaction objects of a message as one user gets them."""
    return [
        {
            "emoji": {"id": None, "name": emoji},
            "count": len(users),
            "count_details": {"burst": 0, "normal": len(users)},
            "burst_colors": [],
            "me_burst": False,
            "me": viewer_id in users,
        }
        for emoji, users in message.reactions.items()
    ]


def _judge(emoji: str) -> None:
    if not is_emoji(emoji):
        raise ApiError(400, 10014, "Unknown Emoji")


def _may_add(world: World, channel: Channel, user_id: int) -> bool:
    return channel.guild_id is None or bool(world.permissions(user_id, channel) & Permission.ADD_REACTIONS)
