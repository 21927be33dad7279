"""Channels and the messages in them."""

from __future__ import annotations

from sandbox.changes import Typing
from sandbox.errors import ApiError, FormError, missing_access, refusal, unknown
from sandbox.model import Channel, ChannelType, Message, Permission
from sandbox.rest.routing import Answer, Call, Operations, Services
from sandbox.rules import rule
from sandbox.rules.places import HISTORY, judge_delete, judge_reading
from sandbox.rules.shapes import Fields, Integer, ListOf, Shape, Snowflake, Text, as_snowflake, judge
from sandbox.snowflake import timestamp

operations = Operations()

OTHERS_MESSAGE = rule(
    "delete_needs_permission", "Deleting another's message needs Manage Messages (50013, 50003)."
)
BULK_AGE = rule("bulk_delete_age", "Messages deleted in bulk are at most 14 days old (50034).")
BULK_SIZE = rule("bulk_delete_count", "2 to 100 messages are deleted in bulk (50016).")
HISTORY_LIMIT = rule("history_limit", "History comes in pages of 1 to 100 messages.")
MEMBERSHIP = rule("bot_membership", "The bot acts in channels it is in, and no other (50001).")

_HISTORY: dict[str, Shape] = {
    "limit": Integer(1, 100, HISTORY_LIMIT),
    "before": Snowflake(),
    "after": Snowflake(),
    "around": Snowflake(),
}
_BULK = Fields({"messages": ListOf(Snowflake())}, required=("messages",))
_REFRESH = Fields({"attachment_urls": ListOf(Text(1, 2048), 1, 50)}, required=("attachment_urls",))
BULK_DAYS = 14


def visible_channel(sandbox: Services, call: Call) -> Channel:
    """The channel of a path, or 10003, or 50001 where the bot does not see it."""
    channel = sandbox.world.channel(call.id("channel_id", "Channel"))
    if not sandbox.world.may_see(sandbox.world.application_id, channel) and MEMBERSHIP in sandbox.rules:
        raise missing_access()
    return channel


def _bits(sandbox: Services, channel: Channel) -> int:
    return sandbox.world.permissions(sandbox.world.application_id, channel)


def _reads(sandbox: Services, channel: Channel) -> bool:
    """Whether the bot may read messages that it did not just send."""
    may = channel.guild_id is None or _bits(sandbox, channel) & Permission.READ_MESSAGE_HISTORY
    return bool(may) or HISTORY not in sandbox.rules


def visible_message(sandbox: Services, call: Call) -> Message:
    """The message of a path, or 10008, or 50001 where the bot does not see it."""
    channel = visible_channel(sandbox, call)
    judge_reading(channel, _bits(sandbox, channel), sandbox.rules)
    message = sandbox.world.message(channel.id, call.id("message_id", "Message"))
    if message.ephemeral_for is not None:
        raise unknown("Message")
    return message


@operations.add("get_channel")
def get_channel(sandbox: Services, call: Call) -> Answer:
    """One channel."""
    return sandbox.payloads.channel(visible_channel(sandbox, call))


@operations.add("list_messages")
def list_messages(sandbox: Services, call: Call) -> Answer:
    """A channel's messages, newest first, a page of them; none without Read Message History."""
    channel = visible_channel(sandbox, call)
    judge_reading(channel, _bits(sandbox, channel), sandbox.rules)
    asked = {name: call.query[name] for name in _HISTORY if call.query.get(name)}
    judge(Fields(_HISTORY), asked, sandbox.rules)
    limit = int(asked.get("limit", 50))
    if not _reads(sandbox, channel):
        return []
    shown = [message for message in sandbox.world.history(channel.id) if message.ephemeral_for is None]
    if "around" in asked:
        middle = int(asked["around"])
        older = [message for message in shown if message.id <= middle]
        newer = [message for message in shown if message.id > middle]
        half = limit // 2
        shown = older[-(limit - half) :] + newer[:half]
    elif "after" in asked:
        shown = [message for message in shown if message.id > int(asked["after"])][:limit]
    else:
        if "before" in asked:
            shown = [message for message in shown if message.id < int(asked["before"])]
        shown = shown[-limit:]
    return [sandbox.payloads.message(message) for message in reversed(shown)]


@operations.add("get_message")
def get_message(sandbox: Services, call: Call) -> Answer:
    """One message."""
    message = visible_message(sandbox, call)
    if not _reads(sandbox, sandbox.world.channel(message.channel_id)):
        raise refusal(50013)
    return sandbox.payloads.message(message)


@operations.add("create_message")
def create_message(sandbox: Services, call: Call) -> Answer:
    """A message of the bot."""
    channel = visible_channel(sandbox, call)
    author = sandbox.world.application_id
    return sandbox.payloads.message(sandbox.messages.create(channel, author, call.body, call.uploads))


@operations.add("update_message")
def update_message(sandbox: Services, call: Call) -> Answer:
    """Edit a message of the bot."""
    message = visible_message(sandbox, call)
    sandbox.messages.own(message, sandbox.world.application_id)
    return sandbox.payloads.message(sandbox.messages.edit(message, call.body, call.uploads))


@operations.add("delete_message")
def delete_message(sandbox: Services, call: Call) -> Answer:
    """Delete a message: the bot's own, or where it may manage messages anybody's."""
    message = visible_message(sandbox, call)
    _may_delete(sandbox, message)
    sandbox.world.delete_message(message)
    return None


@operations.add("bulk_delete_messages")
def bulk_delete_messages(sandbox: Services, call: Call) -> Answer:
    """Delete 2 to 100 messages at once; unknown ones are passed over."""
    channel = visible_channel(sandbox, call)
    judge(_BULK, call.body, sandbox.rules)
    ids = dict.fromkeys(as_snowflake(key) or 0 for key in call.body["messages"])
    if not 2 <= len(ids) <= 100 and BULK_SIZE in sandbox.rules:
        raise ApiError(
            400,
            50016,
            "Provided too few or too many messages to delete. Must provide at least 2 and at most 100.",
        )
    oldest = sandbox.world.clock.now() - BULK_DAYS * 86_400
    if BULK_AGE in sandbox.rules and any(timestamp(key) < oldest for key in ids):
        raise ApiError(400, 50034, "A message provided was too old to bulk delete")
    if channel.type == ChannelType.DM:
        raise ApiError(403, 50003, "Cannot execute action on a DM channel")
    if not _bits(sandbox, channel) & Permission.MANAGE_MESSAGES:
        raise refusal(50013)
    judge_delete(channel, _bits(sandbox, channel), sandbox.rules)
    found = [sandbox.world.messages[key] for key in ids if key in sandbox.world.messages]
    sandbox.world.delete_messages(
        channel, [one for one in found if one.channel_id == channel.id and one.ephemeral_for is None]
    )
    return None


@operations.add("trigger_typing_indicator")
def trigger_typing_indicator(sandbox: Services, call: Call) -> Answer:
    """Show that the bot types."""
    sandbox.world.tell(Typing(visible_channel(sandbox, call), sandbox.world.application_id))
    return None


@operations.add("refresh_attachment_urls")
def refresh_attachment_urls(sandbox: Services, call: Call) -> Answer:
    """Return renewed links for expired ones."""
    judge(_REFRESH, call.body, sandbox.rules)
    fresh = [(url, sandbox.links.refresh(url)) for url in call.body["attachment_urls"]]
    bad = [index for index, (_, new) in enumerate(fresh) if new is None]
    if bad:
        raise FormError(
            (("attachment_urls", index), "ATTACHMENT_INVALID_URL", "The attachment URL is not valid.")
            for index in bad
        )
    return {"refreshed_urls": [{"original": old, "refreshed": new} for old, new in fresh]}


def _may_delete(sandbox: Services, message: Message) -> None:
    channel = sandbox.world.channel(message.channel_id)
    judge_delete(channel, _bits(sandbox, channel), sandbox.rules)
    if message.author_id == sandbox.world.application_id or OTHERS_MESSAGE not in sandbox.rules:
        return
    if channel.guild_id is None:
        raise ApiError(403, 50003, "Cannot execute action on a DM channel")
    if not _bits(sandbox, channel) & Permission.MANAGE_MESSAGES:
        raise refusal(50013)
