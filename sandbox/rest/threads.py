"""Threads, and changes to channels."""

from __future__ import annotations

from sandbox.errors import ApiError, missing_access, refusal, unknown
from sandbox.model import Channel, ChannelType, Overwrite, Permission, ThreadState
from sandbox.rest.channels import visible_channel
from sandbox.rest.routing import Answer, Call, Created, Operations, Services
from sandbox.rules.places import MANAGE, judge_thread_change
from sandbox.rules.shapes import Boolean, Choice, Fields, Integer, Shape, Text, judge

operations = Operations()

_MINUTES = Choice((60, 1440, 4320, 10080))
"""Minutes of inactivity; source: Discord's "Modify Channel", thread parameters."""
_common: dict[str, Shape] = {
    "name": Text(1, 100),
    "auto_archive_duration": _MINUTES,
    "rate_limit_per_user": Integer(0, 21600),
}
_THREAD = Fields({**_common, "archived": Boolean(), "locked": Boolean(), "invitable": Boolean()})
_CHANNEL = Fields({"name": Text(1, 100), "topic": Text(0, 1024), "rate_limit_per_user": Integer(0, 21600)})
_FROM_MESSAGE = Fields(_common, required=("name",))
_ALONE = Fields({**_common, "type": Choice((10, 11, 12)), "invitable": Boolean()}, required=("name",))
_OVERWRITE = Fields(
    {
        "type": Choice((0, 1)),
        "allow": Integer(0, (1 << 64) - 1),
        "deny": Integer(0, (1 << 64) - 1),
    }
)
ROLE, MEMBER = 0, 1


def _bits(sandbox: Services, channel: Channel) -> int:
    return sandbox.world.permissions(sandbox.world.application_id, channel)


def _need(sandbox: Services, channel: Channel, permission: Permission) -> None:
    if not _bits(sandbox, channel) & permission and MANAGE in sandbox.rules:
        raise refusal(50013)


def _guild_channel(sandbox: Services, call: Call) -> Channel:
    channel = visible_channel(sandbox, call)
    if channel.guild_id is None:
        raise ApiError(400, 50024, "Cannot execute action on this channel type")
    return channel


def _thread(sandbox: Services, call: Call) -> tuple[Channel, ThreadState]:
    channel = visible_channel(sandbox, call)
    if channel.thread is None:
        raise unknown("Channel")
    return channel, channel.thread


@operations.add("update_channel")
def update_channel(sandbox: Services, call: Call) -> Answer:
    """Change a channel, or archive, unarchive, lock and rename a thread."""
    channel = _guild_channel(sandbox, call)
    judge(_CHANNEL if channel.thread is None else _THREAD, call.body, sandbox.rules)
    body = {name: value for name, value in (call.body or {}).items() if value is not None}
    state = channel.thread
    if state is None:
        _need(sandbox, channel, Permission.MANAGE_CHANNELS)
        channel.topic = body.get("topic", channel.topic)
    else:
        bits, bot = _bits(sandbox, channel), sandbox.world.application_id
        judge_thread_change(channel, bot, bits, body, sandbox.rules)
        if state.archived and body.get("archived") is not False:
            raise refusal(50083, state.refusal_status)
        state.auto_archive_minutes = body.get("auto_archive_duration", state.auto_archive_minutes)
    channel.name = body.get("name", channel.name)
    channel.slow_mode = body.get("rate_limit_per_user", channel.slow_mode)
    if state is None:
        sandbox.places.change_channel(channel)
    else:
        sandbox.places.archive(channel, body.get("archived", state.archived), locked=body.get("locked"))
    return sandbox.payloads.channel(channel)


@operations.add("delete_channel")
def delete_channel(sandbox: Services, call: Call) -> Answer:
    """Delete a guild's channel or a thread; closing a private one changes nothing here."""
    channel = visible_channel(sandbox, call)
    body = sandbox.payloads.channel(channel)
    if channel.guild_id is not None:
        wanted = Permission.MANAGE_CHANNELS if channel.thread is None else Permission.MANAGE_THREADS
        _need(sandbox, channel, wanted)
        sandbox.places.delete_channel(channel)
    return body


@operations.add("set_channel_permission_overwrite")
def set_overwrite(sandbox: Services, call: Call) -> Answer:
    """Set a permission overwrite of a channel for a role or a member."""
    channel = _guild_channel(sandbox, call)
    judge(_OVERWRITE, call.body, sandbox.rules)
    _need(sandbox, channel, Permission.MANAGE_ROLES)
    key = call.id("overwrite_id", "Role")
    guild = sandbox.world.guild(channel.guild_id or 0)
    if key not in guild.roles and key not in sandbox.world.users:
        raise ApiError(404, 10009, "Unknown Overwrite")
    body = call.body or {}
    kind = ROLE if key in guild.roles else MEMBER
    allow, deny = int(body.get("allow") or 0), int(body.get("deny") or 0)
    sandbox.places.overwrite(channel, Overwrite(key, kind, allow, deny))
    return None


@operations.add("create_thread_from_message")
def create_thread_from_message(sandbox: Services, call: Call) -> Answer:
    """A public thread that starts from a message and has its id."""
    channel = _guild_channel(sandbox, call)
    judge(_FROM_MESSAGE, call.body, sandbox.rules)
    message = sandbox.world.message(channel.id, call.id("message_id", "Message"))
    if message.id in sandbox.world.channels:
        raise ApiError(400, 160004, "A thread has already been created for this message")
    return _create(sandbox, channel, call, private=False, thread_id=message.id)


@operations.add("create_thread")
def create_thread(sandbox: Services, call: Call) -> Answer:
    """A thread without a message: private, or public where its type says so."""
    channel = _guild_channel(sandbox, call)
    judge(_ALONE, call.body, sandbox.rules)
    private = call.body.get("type", ChannelType.PRIVATE_THREAD) == ChannelType.PRIVATE_THREAD
    return _create(sandbox, channel, call, private=private, thread_id=None)


def _create(
    sandbox: Services, channel: Channel, call: Call, *, private: bool, thread_id: int | None
) -> Answer:
    if channel.type != ChannelType.GUILD_TEXT:
        raise ApiError(400, 50024, "Cannot execute action on this channel type")
    wanted = Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS
    _need(sandbox, channel, wanted)
    minutes = call.body.get("auto_archive_duration") or 1440
    bot = sandbox.world.application_id
    thread = sandbox.places.add_thread(
        channel,
        call.body["name"],
        bot,
        private=private,
        auto_archive_minutes=minutes,
        thread_id=thread_id,
    )
    return Created(sandbox.payloads.channel(thread))


@operations.add("join_thread")
def join_thread(sandbox: Services, call: Call) -> Answer:
    """Let the bot join a thread."""
    thread, state = _thread(sandbox, call)
    if state.archived:
        raise refusal(50083, state.refusal_status)
    sandbox.places.join(thread, sandbox.world.application_id)
    return None


@operations.add("leave_thread")
def leave_thread(sandbox: Services, call: Call) -> Answer:
    """Let the bot leave a thread."""
    thread, state = _thread(sandbox, call)
    if state.archived:
        raise refusal(50083, state.refusal_status)
    sandbox.places.leave(thread, sandbox.world.application_id)
    return None


@operations.add("get_active_guild_threads")
def get_active_guild_threads(sandbox: Services, call: Call) -> Answer:
    """The active threads of a guild that the bot sees."""
    guild = sandbox.world.guild(call.id("guild_id", "Guild"))
    bot = sandbox.world.application_id
    if bot not in guild.members:
        raise missing_access()
    threads = [
        sandbox.payloads.channel(one)
        for one in sandbox.world.channels.values()
        if one.guild_id == guild.id
        and one.thread is not None
        and not one.thread.archived
        and sandbox.world.may_see(bot, one)
    ]
    joined = [one["member"] for one in threads if "member" in one]
    return {"threads": threads, "members": joined, "has_more": False}
