"""The gate: facts about an act → allowed, or a refusal with its reason and what would help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.locale import mark, tr
from bot.policy.acts import Act
from bot.policy.server import ServerSettings
from bot.policy.words import find_link, find_word

DAY_SECONDS = 86_400.0


class Access(StrEnum):
    """Where an act happens, by what gives the bot access there.

    GUILD: a server that it was added to.  ELSEWHERE: a server or private channel where only the member's own
    installation brings it.  DIRECT: direct messages with the bot.
    """

    GUILD = "guild"
    ELSEWHERE = "elsewhere"
    DIRECT = "direct"


class Cause(StrEnum):
    """Why an act is refused; tests and the log name it."""

    OWNER_ONLY = "owner only"
    BLOCKED = "blocked by the owner"
    SERVER = "server not allowed"
    DIRECT = "direct messages off"
    USER_INSTALL = "user installation off"
    BANNED = "banned in the server"
    DRAINING = "draining"
    ACCOUNT_AGE = "account too young"
    CHANNEL = "channel not allowed"
    ROLE = "role missing"
    OFF = "switched off"
    AGE_RESTRICTED = "channel not age-restricted"
    LENGTH = "clip too long"
    WORD = "blocked word"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an act is not allowed, and what would help. Neither repeats anything that was typed.

    reason, help: an English sentence, or one that was translated before.
    """

    cause: Cause
    reason: str
    help: str

    def __str__(self) -> str:
        """Both as one answer."""
        return f"{tr(self.reason)} {tr(self.help)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known about an act.

    guild_id: the server, None in private channels.  channel_ids: the channel, and its parent for a thread.
    role_ids: of the member in the server.  created_at, now: Unix seconds, of the account and of the act.
    manages: Manage Server by a role.  owner: the bot's owner, or in its team.
    texts: what the member typed.
    """

    act: Act
    user_id: int
    access: Access
    created_at: float
    now: float
    guild_id: int | None = None
    channel_ids: frozenset[int] = frozenset()
    role_ids: frozenset[int] = frozenset()
    age_restricted: bool = False
    manages: bool = False
    owner: bool = False
    texts: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the bot's owner has set.

    allowed_guilds: None for every server.  account_days: age of an account that may request clips.
    blocked_users, blocked_guilds: by /admin block.  draining: no requests are taken for now.
    """

    allowed_guilds: frozenset[int] | None = None
    allow_dms: bool = True
    allow_user_install: bool = True
    account_days: float = 0
    blocked_users: frozenset[int] = frozenset()
    blocked_guilds: frozenset[int] = frozenset()
    draining: bool = False

    def takes_guild(self, guild_id: int) -> bool:
        """Tell whether the bot may be in a server."""
        return guild_id not in self.blocked_guilds and (
            self.allowed_guilds is None or guild_id in self.allowed_guilds
        )


def decide(facts: Facts, rules: Rules, server: ServerSettings, *, banned: bool = False) -> Refusal | None:
    """Return why an act is refused, or None where it is allowed.

    The owner's rules come before the server's. Nobody is kept from their own stored data. The bot's owner is
    bound by the server's settings, as everybody is.
    """
    if facts.act is Act.PRIVACY:
        return None
    if facts.act is Act.OWN:
        return None if facts.owner else _OWNER_ONLY
    if not facts.owner and (refusal := _by_owner(facts, rules)):
        return refusal
    if banned and not (facts.act is Act.MANAGE and facts.manages):
        return _BANNED
    if facts.act is Act.MANAGE:
        return None
    if rules.draining and facts.act in _REQUESTS:
        return _DRAINING
    days = max(rules.account_days, server.number("account_days") or 0)
    return (
        _by_age(facts, 0 if facts.owner else days)
        or _by_switch(facts, server)
        or _by_place(facts, server)
        or _by_role(facts, server)
        or (None if facts.act is Act.REPORT else refused_text(facts.texts, server))
    )


def _by_owner(facts: Facts, rules: Rules) -> Refusal | None:
    if facts.user_id in rules.blocked_users:
        return _BLOCKED
    if facts.guild_id is not None and facts.guild_id in rules.blocked_guilds:
        return _SERVER
    if facts.access is Access.DIRECT and not rules.allow_dms:
        return _DIRECT
    if facts.access is Access.ELSEWHERE and not rules.allow_user_install:
        return _USER_INSTALL
    if facts.access is Access.GUILD and facts.guild_id is not None and not rules.takes_guild(facts.guild_id):
        return _SERVER
    return None


_REQUESTS = frozenset({Act.ASK, Act.DUEL, Act.PLAIN})


def _by_age(facts: Facts, days: float) -> Refusal | None:
    if facts.act not in _REQUESTS or facts.now - facts.created_at >= days * DAY_SECONDS:
        return None
    left = days - (facts.now - facts.created_at) / DAY_SECONDS
    return Refusal(
        Cause.ACCOUNT_AGE,
        tr("Your Discord account has to be at least {days:g} days old to ask for clips here.", days=days),
        tr("Come back tomorrow.") if left <= 1 else tr("Come back in {days:.0f} days.", days=left),
    )


_SWITCHED_OFF = {
    Act.DUEL: ("duels", mark("Duels are switched off in this server.")),
    Act.COACH: ("coach", mark("The coach is switched off in this server.")),
}


def _by_switch(facts: Facts, server: ServerSettings) -> Refusal | None:
    off = _SWITCHED_OFF.get(facts.act)
    if off is not None and not server.is_on(off[0]):
        return Refusal(
            Cause.OFF,
            off[1],
            "Its managers can switch it on with /settings.",
        )
    if facts.act is Act.PLAIN and not server.is_on("plain_words"):
        return Refusal(Cause.OFF, "In this server I only answer commands.", "Ask with /music.")
    return None


def _by_place(facts: Facts, server: ServerSettings) -> Refusal | None:
    if facts.act not in _REQUESTS:
        return None
    allowed = server.ids("ask_channels")
    if allowed and allowed.isdisjoint(facts.channel_ids):
        there = ", ".join(f"<#{channel}>" for channel in sorted(allowed)[:5])
        return Refusal(
            Cause.CHANNEL, "I don't make clips in this channel.", tr("Ask in {there}.", there=there)
        )
    if server.is_on("age_restricted") and not facts.age_restricted:
        return Refusal(
            Cause.AGE_RESTRICTED,
            "This server only allows clips in age-restricted channels.",
            "Ask in a channel that is marked as age-restricted.",
        )
    return None


def _by_role(facts: Facts, server: ServerSettings) -> Refusal | None:
    if facts.act not in _REQUESTS or facts.manages:
        return None
    names = ["ask_roles", "duel_roles"] if facts.act is Act.DUEL else ["ask_roles"]
    for name in names:
        needed = server.ids(name)
        if needed and needed.isdisjoint(facts.role_ids):
            which = ", ".join(f"<@&{role}>" for role in sorted(needed)[:5])
            what = (
                mark("In this server you need a role to start duels.")
                if name == "duel_roles"
                else mark("In this server you need a role to ask for clips.")
            )
            return Refusal(Cause.ROLE, what, tr("One of these: {which}.", which=which))
    return None


def refused_text(texts: Sequence[str], server: ServerSettings) -> Refusal | None:
    """Return why typed texts are refused, or None. The refusal does not repeat them."""
    words = server.texts("blocked_words")
    if words and any(find_word(text, words) for text in texts):
        return Refusal(
            Cause.WORD,
            "Your request has a word that this server doesn't allow.",
            "Use other words and try again.",
        )
    if not server.is_on("links") and any(map(find_link, texts)):
        return Refusal(
            Cause.LINK,
            "This server doesn't allow links in requests.",
            "Remove the link and try again.",
        )
    return None


_OWNER_ONLY = Refusal(
    Cause.OWNER_ONLY,
    "Only the bot's owner can use this.",
    "For your own server, use /settings.",
)
_BLOCKED = Refusal(
    Cause.BLOCKED,
    "The bot's owner has blocked you, so I can't make clips for you.",
    "If that is a mistake, write to the owner. /privacy still works.",
)
_SERVER = Refusal(
    Cause.SERVER,
    "I'm not allowed to work in this server.",
    "Ask the bot's owner to allow it.",
)
_DIRECT = Refusal(
    Cause.DIRECT,
    "I don't work in direct messages.",
    "Ask me in a server that we share.",
)
_USER_INSTALL = Refusal(
    Cause.USER_INSTALL,
    "I only work in servers that I was added to.",
    "Ask me in one of them, or ask this server's managers to add me.",
)
_DRAINING = Refusal(
    Cause.DRAINING,
    "I can't take new requests right now: my owner is about to restart me.",
    "Try again in a few minutes. Clips in the queue will still be made.",
)
_BANNED = Refusal(
    Cause.BANNED,
    "This server's moderators have banned you from the bot.",
    "If that is a mistake, write to them. /privacy still works.",
)
