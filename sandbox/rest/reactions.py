"""Reactions to messages."""

from __future__ import annotations

from sandbox import reactions
from sandbox.errors import refusal
from sandbox.model import Message, Permission
from sandbox.rest.channels import visible_message
from sandbox.rest.routing import Answer, Call, Operations, Services
from sandbox.rules.shapes import Fields, Integer, Snowflake, judge

operations = Operations()

_PAGE = Fields({"limit": Integer(1, 100), "after": Snowflake(), "type": Integer(0, 1)})


@operations.add("add_my_message_reaction")
def add_my_message_reaction(sandbox: Services, call: Call) -> Answer:
    """The bot reacts."""
    message = visible_message(sandbox, call)
    world = sandbox.world
    reactions.react(world, sandbox.rules, message, world.application_id, call.params["emoji_name"])
    return None


@operations.add("delete_my_message_reaction")
def delete_my_message_reaction(sandbox: Services, call: Call) -> Answer:
    """The bot takes its reaction back."""
    message = visible_message(sandbox, call)
    reactions.withdraw(sandbox.world, message, sandbox.world.application_id, call.params["emoji_name"])
    return None


@operations.add("delete_user_message_reaction")
def delete_user_message_reaction(sandbox: Services, call: Call) -> Answer:
    """Somebody's reaction is removed, by a moderator."""
    message = _moderated(sandbox, call)
    reactions.withdraw(sandbox.world, message, call.id("user_id", "User"), call.params["emoji_name"])
    return None


@operations.add("delete_all_message_reactions")
def delete_all_message_reactions(sandbox: Services, call: Call) -> Answer:
    """All reactions are removed, by a moderator."""
    reactions.clear(sandbox.world, _moderated(sandbox, call))
    return None


@operations.add("delete_all_message_reactions_by_emoji")
def delete_all_message_reactions_by_emoji(sandbox: Services, call: Call) -> Answer:
    """All reactions with one emoji are removed, by a moderator."""
    reactions.clear(sandbox.world, _moderated(sandbox, call), call.params["emoji_name"])
    return None


@operations.add("list_message_reactions_by_emoji")
def list_message_reactions_by_emoji(sandbox: Services, call: Call) -> Answer:
    """Who reacted with an emoji, by age of the account, 25 unless asked for more."""
    message = visible_message(sandbox, call)
    asked = {name: call.query[name] for name in ("limit", "after", "type") if call.query.get(name)}
    judge(_PAGE, asked, sandbox.rules)
    if int(asked.get("type", 0)) == 1:  # super reactions
        return []
    found = sorted(reactions.with_emoji(sandbox.world, message, call.params["emoji_name"]))
    after = int(asked.get("after", 0))
    shown = [key for key in found if key > after][: int(asked.get("limit", 25))]
    return [sandbox.payloads.user(sandbox.world.users[key]) for key in shown]


def _moderated(sandbox: Services, call: Call) -> Message:
    message = visible_message(sandbox, call)
    channel = sandbox.world.channel(message.channel_id)
    bits = sandbox.world.permissions(sandbox.world.application_id, channel)
    if channel.guild_id is None or not bits & Permission.MANAGE_MESSAGES:
        raise refusal(50013)
    return message
