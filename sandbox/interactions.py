"""The life of an interaction: sent to the bot, acknowledged in time or given up, answered, followed up."""

from __future__ import annotations

import secrets
from typing import Any

from sandbox.components import normalise
from sandbox.errors import unknown
from sandbox.files import Upload
from sandbox.messages import Messages
from sandbox.model import (
    Callback,
    Channel,
    ChannelType,
    Context,
    Interaction,
    InteractionType,
    Json,
    Message,
    MessageFlag,
    Permission,
    State,
)
from sandbox.rules import Rulebook
from sandbox.rules.interactions import (
    ACK_WITHIN,
    DEFERRED_DELETED,
    FORCED_EPHEMERAL,
    judge_callback,
    judge_followup,
    judge_token,
)
from sandbox.world import TOKEN_LIFE, World

_DEFAULT, _REPLY, _CHAT_INPUT_COMMAND, _CONTEXT_MENU_COMMAND = 0, 19, 20, 23


class Interactions:
    """Sends interactions and takes their answers."""

    def __init__(self, world: World, messages: Messages, rules: Rulebook) -> None:
        self.world = world
        self.messages = messages
        self.rules = rules
        for interaction in world.interactions.values():
            self._watch(interaction)

    def send(
        self,
        kind: InteractionType,
        user_id: int,
        channel: Channel,
        data: Json,
        *,
        owners: dict[str, int],
        message: Message | None = None,
        parent: Interaction | None = None,
        metadata: Json | None = None,
    ) -> Interaction:
        """Give the bot something to answer; 3 s of silence, or 15 min of "thinking…", make it `FAILED`."""
        world = self.world
        interaction = Interaction(
            world.ids.next(),
            kind,
            secrets.token_urlsafe(48),
            user_id,
            channel.id,
            world.clock.now(),
            self.context(channel),
            channel.guild_id,
            data,
            message.id if message is not None else parent.message_id if parent is not None else None,
            owners,
            parent_id=parent.id if parent is not None else None,
            metadata=metadata or {},
        )
        world.add_interaction(interaction)
        self._watch(interaction)
        return interaction

    def _watch(self, interaction: Interaction) -> None:
        clock = self.world.clock
        age = clock.now() - interaction.created_at
        # A hair later than the rule itself, so that an answer at exactly three seconds is still one in time.
        clock.call_later(ACK_WITHIN + 1e-3 - age, lambda: self._give_up(interaction, State.SENT))
        clock.call_later(TOKEN_LIFE - age, lambda: self._give_up(interaction, State.THINKING))

    def context(self, channel: Channel) -> Context:
        """Which kind of place a channel is for the application."""
        if channel.guild_id is not None:
            return Context.GUILD
        with_bot = channel.type == ChannelType.DM and self.world.application_id in channel.recipients
        return Context.BOT_DM if with_bot else Context.PRIVATE_CHANNEL

    def find(self, interaction_id: int, token: str) -> Interaction:
        """The interaction that a callback names, or ApiError 10062."""
        interaction = self.world.interactions.get(interaction_id)
        if interaction is None or not secrets.compare_digest(interaction.token.encode(), token.encode()):
            raise unknown("Interaction")
        return interaction

    def respond(self, interaction: Interaction, body: Any, uploads: list[Upload]) -> Message | None:
        """Take the first answer; returns the message that it made or changed."""
        kind = judge_callback(interaction, body, self.world.clock.now(), self.rules)
        data: Json = body.get("data") or {}
        message: Message | None = None
        if kind == Callback.MESSAGE:
            message = self._post(interaction, data, uploads)
            interaction.response_message_id = message.id
            interaction.state = State.ANSWERED
        elif kind == Callback.DEFERRED_MESSAGE:
            # The state first, because listeners of the message look it up.
            interaction.state = State.THINKING
            message = self._think(interaction, ephemeral=_ephemeral(data))
            interaction.response_message_id = message.id
        elif kind in (Callback.DEFERRED_UPDATE, Callback.UPDATE_MESSAGE):
            message = self.world.message(interaction.channel_id, interaction.message_id or 0)
            if kind == Callback.UPDATE_MESSAGE:
                self.messages.edit(message, data, uploads, interaction=interaction)
            interaction.response_message_id = message.id
            interaction.state = State.ANSWERED
        elif kind == Callback.MODAL:
            shown = normalise(data["components"], self.world.ids)
            interaction.modal = {"custom_id": data["custom_id"], "title": data["title"], "components": shown}
            interaction.state = State.ANSWERED
        elif kind == Callback.AUTOCOMPLETE:
            interaction.choices = data.get("choices") or []
            interaction.state = State.ANSWERED
        interaction.callback = int(kind)
        self.world.change_interaction(interaction)
        return message

    def alive(self, token: str) -> Interaction:
        """The interaction that a webhook path names, if its token may be used for messages."""
        interaction = self.world.tokens.get(token)
        if interaction is None:
            raise unknown("Webhook")
        judge_token(interaction, self.world.clock.now(), TOKEN_LIFE, self.rules)
        return interaction

    def original(self, interaction: Interaction) -> Message:
        """The message `@original` stands for, or ApiError 10008."""
        message = self.world.messages.get(interaction.response_message_id or 0)
        if message is None:
            raise unknown("Message")
        return message

    def answer(self, interaction: Interaction, message_id: int) -> Message:
        """A message that the interaction's token may read and change, or ApiError 10008."""
        message = self.world.message(interaction.channel_id, message_id)
        if message.interaction_id != interaction.id and message_id != interaction.response_message_id:
            raise unknown("Message")
        return message

    def follow_up(self, interaction: Interaction, body: Any, uploads: list[Upload]) -> Message:
        """Another message; the first one after a deferral takes the place of "thinking…"."""
        first = self.world.messages.get(interaction.response_message_id or 0)
        if first is not None and first.loading and interaction.callback == Callback.DEFERRED_MESSAGE:
            return self.edit(interaction, first, body, uploads)
        if first is None and interaction.state is State.THINKING and DEFERRED_DELETED in self.rules:
            raise unknown("Message")
        judge_followup(interaction, self.rules)
        message = self._post(interaction, body, uploads)
        interaction.followups += 1
        self.world.change_interaction(interaction)
        return message

    def edit(self, interaction: Interaction, message: Message, body: Any, uploads: list[Upload]) -> Message:
        """Change an answer; a deferred one stops "thinking"."""
        was_loading = message.loading
        self.messages.edit(message, body, uploads, interaction=interaction)
        if was_loading:
            interaction.state = State.ANSWERED
            self.world.change_interaction(interaction)
        return message

    def delete(self, interaction: Interaction, message: Message) -> None:
        """Take an answer back."""
        self.world.delete_message(message)
        if interaction.state is State.THINKING and message.id == interaction.response_message_id:
            interaction.state = State.ANSWERED
            self.world.change_interaction(interaction)

    def _post(self, interaction: Interaction, body: Any, uploads: list[Upload]) -> Message:
        channel = self.world.channel(interaction.channel_id)
        author = self.world.application_id
        draft = self._draft(interaction, ephemeral=_ephemeral(body))
        return self.messages.create(channel, author, body, uploads, draft=draft)

    def _think(self, interaction: Interaction, *, ephemeral: bool) -> Message:
        message = self._draft(interaction, ephemeral=ephemeral)
        message.flags |= MessageFlag.LOADING
        return self.messages.think(message)

    def _draft(self, interaction: Interaction, *, ephemeral: bool) -> Message:
        world = self.world
        message = world.new_message(world.channel(interaction.channel_id), world.application_id)
        message.interaction_id = interaction.id
        message.interaction_metadata = world.metadata(interaction)
        if ephemeral or self._forces_ephemeral(interaction):
            message.flags |= MessageFlag.EPHEMERAL
            message.ephemeral_for = interaction.user_id
        if interaction.type == InteractionType.APPLICATION_COMMAND:
            slash = interaction.data.get("type", 1) == 1
            message.type = _CHAT_INPUT_COMMAND if slash else _CONTEXT_MENU_COMMAND
        elif interaction.message_id is not None:
            message.type = _REPLY
            message.reference = world.reference(interaction.channel_id, interaction.message_id)
        return message

    def _forces_ephemeral(self, interaction: Interaction) -> bool:
        """Whether Discord shows every answer to the member alone.

        Without an installation in the guild, where the member may not use external apps or not write there;
        and for context menus in an archived or locked thread.
        Source: Discord's "Use External Apps" and "User Context"; discord-api-docs issue 6884.
        """
        channel = self.world.channel(interaction.channel_id)
        if channel.guild_id is None or FORCED_EPHEMERAL not in self.rules:
            return False
        state = channel.thread
        closed = state is not None and (state.archived or state.locked)
        if closed and interaction.data.get("type") in (2, 3):
            return True
        write = Permission.SEND_MESSAGES if state is None else Permission.SEND_MESSAGES_IN_THREADS
        needed = Permission.USE_EXTERNAL_APPS | write
        bits = self.world.permissions(interaction.user_id, channel)
        return "0" not in interaction.owners and bits & needed != needed

    def _give_up(self, interaction: Interaction, state: State) -> None:
        if interaction.state is state:
            interaction.state = State.FAILED
            self.world.change_interaction(interaction)


def _ephemeral(body: Any) -> bool:
    if not isinstance(body, dict):
        return False
    flags = body.get("flags")
    if isinstance(flags, str) and flags.isdecimal() and len(flags) < 11:
        flags = int(flags)
    return isinstance(flags, int) and bool(flags & MessageFlag.EPHEMERAL)
