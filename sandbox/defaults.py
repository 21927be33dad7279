"""The initial world: the bot, five people, a server with the bot, and one without it."""

from __future__ import annotations

from sandbox.model import MEMBER_PERMISSIONS, Channel, ChannelType, Guild, Member, Permission, Role, User
from sandbox.snowflake import made_at
from sandbox.world import World

GUILD = "Antiphon Sandbox"
ELSEWHERE = "Elsewhere"
PEOPLE = {
    "host": "Host",
    "alice": "Alice",
    "bob": "Bob",
    "carol": "Carol",
    "mina": "Mina",
}
"""Username → display name. Host owns the server and the application; Mina moderates."""
CHANNELS = {
    "music": "Ask for a clip with /music",
    "general": "Everything else",
}
ELSEWHERE_CHANNELS = {
    "lobby": "A server without Antiphon: Alice and Host can use it here, because they have added it to their "
    "own accounts. Nobody else can.",
}
MODERATOR = "mina"
ACCOUNT_AGE = 2 * 365 * 86_400.0
"""Seconds since the accounts were made: bots trust accounts less that are new."""
APP_USERS = ("alice", "host")
"""Who has installed the application for their own account, and so may use it anywhere."""
LOCALES = frozenset(
    [
        *(
            "id",
            "da",
            "de",
            "en-GB",
            "en-US",
            "es-ES",
            "es-419",
            "fr",
            "hr",
            "it",
            "lt",
            "hu",
            "nl",
            "no",
            "pl",
        ),
        *("pt-BR", "ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi", "th", "zh-CN", "ja"),
        *("zh-TW", "ko"),
    ]
)
"""The locales of Discord's clients; source: its documentation of "Locales"."""


def populate(world: World, bot_name: str = "Antiphon") -> None:
    """Fill an empty world; any other stays unchanged."""
    if world.users:
        return
    made = world.clock.now() - ACCOUNT_AGE
    bot = world.add_user(User(made_at(made), bot_name.lower(), bot_name, bot=True))
    world.set("application_id", bot.id)
    people = {
        name: world.add_user(User(made_at(made, count), name, shown, installed_app=name in APP_USERS))
        for count, (name, shown) in enumerate(PEOPLE.items(), 1)
    }
    world.set("owner_id", people["host"].id)
    add_guild(world, GUILD, list(CHANNELS), bot=True)
    add_guild(world, ELSEWHERE, list(ELSEWHERE_CHANNELS), bot=False)
    world.dm(people["alice"].id, people["bob"].id)
    for person in people.values():
        world.dm(person.id, bot.id)


def add_guild(
    world: World, name: str, channels: list[str], *, bot: bool = True, guild_id: int | None = None
) -> Guild:
    """A server with everybody in it, a Moderator role for Mina, and text channels.

    `guild_id` decides on which shard it is: shard `(guild_id >> 22) % shards`.
    """
    key = guild_id or world.ids.next()
    everyone = Role(key, "@everyone", MEMBER_PERMISSIONS, 0)
    moderator = Role(
        world.ids.next(),
        "Moderator",
        int(Permission.MANAGE_MESSAGES | Permission.MANAGE_GUILD),
        1,
        color=0x3BA55D,
    )
    joined = world.clock.now()
    guild = Guild(key, name, world.owner_id, {everyone.id: everyone, moderator.id: moderator})
    for user in world.users.values():
        if not user.bot:
            roles = [moderator.id] if user.username == MODERATOR else []
            guild.members[user.id] = Member(user.id, roles, joined)
        elif bot:
            guild.members[user.id] = Member(user.id, [], joined)
    world.add_guild(guild)
    for position, channel in enumerate(channels):
        topic = (CHANNELS | ELSEWHERE_CHANNELS).get(channel)
        kind = ChannelType.GUILD_TEXT
        world.add_channel(Channel(world.ids.next(), kind, channel, guild.id, topic, position))
    return guild
