"""Answers to interactions: the callback, `@original`, and follow-ups. A token in the path is their key."""

from __future__ import annotations

from sandbox.errors import unknown
from sandbox.model import Callback, Interaction
from sandbox.rest.routing import Answer, Call, Operations, Services

operations = Operations()


@operations.add("create_interaction_response", open_to_all=True)
def create_interaction_response(sandbox: Services, call: Call) -> Answer:
    """The first answer to an interaction."""
    interaction = sandbox.interactions.find(
        call.id("interaction_id", "Interaction"), call.params["interaction_token"]
    )
    message = sandbox.interactions.respond(interaction, call.body, call.uploads)
    if not call.flag("with_response"):
        return None
    body = {"interaction": sandbox.payloads.interaction_state(interaction)}
    if message is not None and interaction.callback in (Callback.MESSAGE, Callback.UPDATE_MESSAGE):
        body["resource"] = {"type": interaction.callback, "message": sandbox.payloads.message(message)}
    return body


def _interaction(sandbox: Services, call: Call) -> Interaction:
    if call.id("webhook_id", "Webhook") != sandbox.world.application_id:
        raise unknown("Webhook")
    return sandbox.interactions.alive(call.params["webhook_token"])


@operations.add("execute_webhook", open_to_all=True)
def execute_webhook(sandbox: Services, call: Call) -> Answer:
    """A follow-up; interaction webhooks always answer with the message."""
    message = sandbox.interactions.follow_up(_interaction(sandbox, call), call.body, call.uploads)
    return sandbox.payloads.message(message)


@operations.add("get_original_webhook_message", open_to_all=True)
def get_original_webhook_message(sandbox: Services, call: Call) -> Answer:
    """The first answer."""
    return sandbox.payloads.message(sandbox.interactions.original(_interaction(sandbox, call)))


@operations.add("update_original_webhook_message", open_to_all=True)
def update_original_webhook_message(sandbox: Services, call: Call) -> Answer:
    """Edit the first answer; a deferred one appears."""
    interaction = _interaction(sandbox, call)
    message = sandbox.interactions.original(interaction)
    return sandbox.payloads.message(sandbox.interactions.edit(interaction, message, call.body, call.uploads))


@operations.add("delete_original_webhook_message", open_to_all=True)
def delete_original_webhook_message(sandbox: Services, call: Call) -> Answer:
    """Take the first answer back."""
    interaction = _interaction(sandbox, call)
    sandbox.interactions.delete(interaction, sandbox.interactions.original(interaction))
    return None


@operations.add("get_webhook_message", open_to_all=True)
def get_webhook_message(sandbox: Services, call: Call) -> Answer:
    """One of the answers."""
    interaction = _interaction(sandbox, call)
    return sandbox.payloads.message(
        sandbox.interactions.answer(interaction, call.id("message_id", "Message"))
    )


@operations.add("update_webhook_message", open_to_all=True)
def update_webhook_message(sandbox: Services, call: Call) -> Answer:
    """Edit one of the answers."""
    interaction = _interaction(sandbox, call)
    message = sandbox.interactions.answer(interaction, call.id("message_id", "Message"))
    return sandbox.payloads.message(sandbox.interactions.edit(interaction, message, call.body, call.uploads))


@operations.add("delete_webhook_message", open_to_all=True)
def delete_webhook_message(sandbox: Services, call: Call) -> Answer:
    """Take one of the answers back."""
    interaction = _interaction(sandbox, call)
    sandbox.interactions.delete(
        interaction, sandbox.interactions.answer(interaction, call.id("message_id", "Message"))
    )
    return None
