"""The bot, its application, other users, guilds, and the way to the gateway."""

from __future__ import annotations

from sandbox.errors import ApiError, missing_access, unknown
from sandbox.model import Guild
from sandbox.rest.routing import Answer, Call, Operations, Services
from sandbox.rules.shapes import Fields, Snowflake, as_snowflake, judge

operations = Operations()

_DM = Fields({"recipient_id": Snowflake()}, required=("recipient_id",))


@operations.add("get_gateway", open_to_all=True)
def get_gateway(sandbox: Services, call: Call) -> Answer:
    """The gateway's address."""
    return {"url": sandbox.gateway_url()}


@operations.add("get_bot_gateway")
def get_bot_gateway(sandbox: Services, call: Call) -> Answer:
    """The gateway's address, how many shards to use, and how often one may identify."""
    limit = {"total": 1000, "remaining": 1000, "reset_after": 86_400_000, "max_concurrency": 16}
    return {"url": sandbox.gateway_url(), "shards": sandbox.shards, "session_start_limit": limit}


@operations.add("get_my_user")
def get_my_user(sandbox: Services, call: Call) -> Answer:
    """The bot's own user."""
    return sandbox.payloads.me()


@operations.add("get_user")
def get_user(sandbox: Services, call: Call) -> Answer:
    """Any user."""
    return sandbox.payloads.user(sandbox.world.user(call.id("user_id", "User")))


@operations.add("get_my_application")
def get_my_application(sandbox: Services, call: Call) -> Answer:
    """The bot's application."""
    return sandbox.payloads.application()


@operations.add("get_my_oauth2_application")
def get_my_oauth2_application(sandbox: Services, call: Call) -> Answer:
    """The bot's application, under its older path."""
    return sandbox.payloads.application()


@operations.add("create_dm")
def create_dm(sandbox: Services, call: Call) -> Answer:
    """The private channel with a user, opened if there is none."""
    judge(_DM, call.body, sandbox.rules)
    user = sandbox.world.user(as_snowflake(call.body["recipient_id"]) or 0)
    if user.bot:
        raise ApiError(400, 50007, "Cannot send messages to this user")
    return sandbox.payloads.channel(sandbox.world.dm(user.id, sandbox.world.application_id))


@operations.add("get_guild")
def get_guild(sandbox: Services, call: Call) -> Answer:
    """A guild the bot is in."""
    guild = _guild(sandbox, call)
    body = sandbox.payloads.guild(guild)
    if call.flag("with_counts"):
        body |= {
            "approximate_member_count": len(guild.members),
            "approximate_presence_count": len(guild.members),
        }
    return body


@operations.add("leave_guild")
def leave_guild(sandbox: Services, call: Call) -> Answer:
    """Let the bot leave a guild."""
    sandbox.places.remove_bot(_guild(sandbox, call))
    return None


@operations.add("list_guild_channels")
def list_guild_channels(sandbox: Services, call: Call) -> Answer:
    """A guild's channels."""
    guild = _guild(sandbox, call)
    channels = [channel for channel in sandbox.world.channels.values() if channel.guild_id == guild.id]
    channels = [channel for channel in channels if channel.thread is None]
    return [sandbox.payloads.channel(channel) for channel in channels]


@operations.add("list_guild_roles")
def list_guild_roles(sandbox: Services, call: Call) -> Answer:
    """A guild's roles."""
    return [sandbox.payloads.role(role) for role in _guild(sandbox, call).roles.values()]


@operations.add("get_guild_member")
def get_guild_member(sandbox: Services, call: Call) -> Answer:
    """One member of a guild."""
    member = _guild(sandbox, call).members.get(call.id("user_id", "User"))
    if member is None:
        raise unknown("Member")
    return sandbox.payloads.member(member)


def _guild(sandbox: Services, call: Call) -> Guild:
    guild = sandbox.world.guild(call.id("guild_id", "Guild"))
    if sandbox.world.application_id not in guild.members:
        raise missing_access()
    return guild
