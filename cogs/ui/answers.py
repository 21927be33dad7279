"""Acknowledging an interaction, and answering it with an error."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import discord
from discord import app_commands

from bot.errors import StoreError, UserError
from bot.locale import mark, set_language, tr
from bot.markdown import quoted
from bot.redact import redact
from cogs.ui.discord_errors import ALREADY_ACKNOWLEDGED, NETWORK_ERRORS, UNKNOWN_MESSAGE
from cogs.ui.language import member_language, public_language

log = logging.getLogger(__name__)

T = TypeVar("T")

ACKNOWLEDGE_AGAIN_SECONDS = (0.1, 0.4, 1.0)
"""Delays before further attempts: Discord takes an acknowledgement for 3 s from the interaction on."""
ANSWER_AGAIN_SECONDS = (0.5, 2.0, 5.0, 15.0)

_ACKNOWLEDGED = "acknowledged"
_REPLIED = "replied"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A deferred answer. message_id: of the “thinking…” message; None where Discord's answer was lost.

    ephemeral: whether only the member sees it, by our choice or because Discord forced it.
    thinking: False where the message that carries the component is going to be updated instead.
    """

    message_id: int | None
    ephemeral: bool
    thinking: bool


async def think(interaction: discord.Interaction[Any], *, private: bool = False) -> None:
    """Acknowledge with “thinking…”, and speak the language of those who will read the answer.

    private: whether that is the member alone.
    """
    await _acknowledge(interaction, ephemeral=private, thinking=True)


async def defer_update(interaction: discord.Interaction[Any]) -> None:
    """Acknowledge a component whose message is going to be updated, deleted, or left alone."""
    await _acknowledge(interaction, ephemeral=False, thinking=False)


def acknowledgement(interaction: discord.Interaction[Any]) -> Acknowledgement | None:
    """Return how the interaction was acknowledged through this module; None where it was not."""
    found: Acknowledgement | None = interaction.extras.get(_ACKNOWLEDGED)
    return found


async def reply(interaction: discord.Interaction[Any], **message: Any) -> None:
    """Fill in the deferred answer; a later error is sent beside it and leaves it as it is."""
    await interaction.edit_original_response(**message)
    interaction.extras[_REPLIED] = True


async def answer_error(
    interaction: discord.Interaction[Any],
    error: BaseException,
    doing: str,
    view: discord.ui.View | None = None,
) -> None:
    """Answer with an error, in private; an unexpected one is logged under the reference it shows.

    view: buttons of what helps.
    """
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    # Whatever the answer would have been, an error is for the member alone.
    set_language(member_language(interaction))
    if isinstance(error, UserError):
        text = redact(str(error))
    elif isinstance(error, app_commands.CheckFailure):
        text = tr("You can't do that here.")
    elif isinstance(error, app_commands.TransformerError):
        value = quoted(str(error.value), 60)
        text = tr("“{value}” doesn't work for that option. Pick one from the list.", value=value)
    else:
        reference = secrets.token_hex(4)
        log.error("%s broke, reference %s", doing, reference, exc_info=error)
        sorry = (
            mark(
                "I can't write to my disk right now, so nothing was changed. Please tell my owner "
                "(reference {reference})."
            )
            if isinstance(error, StoreError)
            else mark(
                "Sorry, something went wrong on my side. Try again, and tell my owner if it stays "
                "(reference {reference})."
            )
        )
        text = tr(sorry, reference=reference)
    try:
        await _refuse(interaction, {"content": text} | ({"view": view} if view is not None else {}))
    except (discord.HTTPException, *NETWORK_ERRORS) as failure:
        log.warning("%s: the answer “%s” did not get through: %s", doing, text, failure)


async def _acknowledge(interaction: discord.Interaction[Any], *, ephemeral: bool, thinking: bool) -> None:
    """Defer. An attempt whose answer was lost may have taken effect, which the next one then learns."""
    try:
        response = await _retried(
            lambda: interaction.response.defer(ephemeral=ephemeral, thinking=thinking),
            ACKNOWLEDGE_AGAIN_SECONDS,
        )
    except discord.HTTPException as error:
        if error.code != ALREADY_ACKNOWLEDGED and not isinstance(error, NETWORK_ERRORS):
            raise
        found = await _found(interaction, error, ephemeral=ephemeral, thinking=thinking)
    except NETWORK_ERRORS as error:
        found = await _found(interaction, error, ephemeral=ephemeral, thinking=thinking)
    else:
        found = Acknowledgement(
            response.message_id if response else None,
            ephemeral or bool(response and response.is_ephemeral()),
            thinking,
        )
    interaction.client.unacknowledged.discard(interaction.id)
    interaction.extras[_ACKNOWLEDGED] = found
    if found.thinking and not found.ephemeral:
        set_language(public_language(interaction))


async def _found(
    interaction: discord.Interaction[Any], error: BaseException, *, ephemeral: bool, thinking: bool
) -> Acknowledgement:
    """Return the acknowledgement that took effect though its answer was lost; raise `error` if none did."""
    proved = isinstance(error, discord.HTTPException) and error.code == ALREADY_ACKNOWLEDGED
    try:
        message = await interaction.original_response()
    except (discord.HTTPException, discord.ClientException, *NETWORK_ERRORS):
        if not proved:
            raise error from None
        return Acknowledgement(None, ephemeral, thinking)
    return Acknowledgement(message.id, message.flags.ephemeral, thinking)


async def _refuse(interaction: discord.Interaction[Any], message: Mapping[str, Any]) -> None:
    acknowledged = acknowledgement(interaction)
    if acknowledged is None and not interaction.response.is_done():
        if await _respond(interaction, message):
            return
    elif acknowledged is not None and acknowledged.thinking and _REPLIED not in interaction.extras:
        if acknowledged.ephemeral:
            await _retried(lambda: interaction.edit_original_response(**message))
            return
        # The public “thinking …” would stay; and only after it is gone can an answer be private.
        await _retried(lambda: _delete_original(interaction))
    # Sent again where its answer was lost: a refusal that is shown twice is better than none.
    await _retried(lambda: interaction.followup.send(**message, ephemeral=True))


async def _respond(interaction: discord.Interaction[Any], message: Mapping[str, Any]) -> bool:
    """Answer at once; False where the interaction was acknowledged before, in another way."""
    attempts = 0

    async def respond() -> None:
        nonlocal attempts
        attempts += 1
        await interaction.response.send_message(**message, ephemeral=True)

    try:
        await _retried(respond, ACKNOWLEDGE_AGAIN_SECONDS)
    except discord.HTTPException as error:
        if error.code != ALREADY_ACKNOWLEDGED:
            raise
        # After a lost answer it is this very text that was taken.
        return attempts > 1
    return True


async def _delete_original(interaction: discord.Interaction[Any]) -> None:
    try:
        await interaction.delete_original_response()
    except discord.NotFound as error:
        if error.code != UNKNOWN_MESSAGE:
            raise


async def _retried(call: Callable[[], Awaitable[T]], delays: tuple[float, ...] = ANSWER_AGAIN_SECONDS) -> T:
    """Return what `call` returns, called again after each delay while the network or Discord fails."""
    for delay in delays:
        try:
            return await call()
        except NETWORK_ERRORS as error:
            log.info("an answer is tried again in %g s: %s", delay, error)
        await asyncio.sleep(delay)
    return await call()
