"""Discord's own client: the commands that it offers, its checks, and the interactions that it sends.

The page and the tests both act through this module. Ids are integers or strings of digits; an option or field
of an attachment kind takes the id of an upload.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sandbox import reactions
from sandbox.changes import Typing
from sandbox.components import SELECTS, Kind, find
from sandbox.errors import ApiError
from sandbox.files import Upload
from sandbox.forms import fill_modal
from sandbox.interactions import Interactions
from sandbox.messages import Messages
from sandbox.model import (
    Attachment,
    Channel,
    ChannelType,
    Command,
    Context,
    Interaction,
    InteractionType,
    Json,
    Message,
    Permission,
    User,
)
from sandbox.options import fill_options, path_of
from sandbox.payloads import Payloads
from sandbox.resolve import ActionError, Resolver, entity_values
from sandbox.rules import Rulebook, rule
from sandbox.rules.automod import TITLE_BLOCKED, judge_keywords
from sandbox.rules.places import judge_delete
from sandbox.rules.shapes import as_snowflake
from sandbox.world import World

T = TypeVar("T")
MEMBER_PERMISSIONS = rule(
    "default_member_permissions", "A command is offered to whoever has its default permissions."
)
INSTALLED = rule(
    "command_contexts_kept", "A command is offered where its contexts and installations allow it."
)
USES_COMMANDS = rule(
    "use_application_commands", "Commands are offered to whoever has Use Application Commands in the channel."
)
CLOSED = rule("closed_thread_commands", "An archived or locked thread offers no slash commands.")
DISABLED = rule("disabled_component", "A disabled component cannot be used.")


class Client:
    """Acts for people in one world; ActionError is what Discord's client would not let happen."""

    def __init__(
        self,
        world: World,
        payloads: Payloads,
        messages: Messages,
        interactions: Interactions,
        rules: Rulebook,
    ) -> None:
        self.world = world
        self.payloads = payloads
        self.messages = messages
        self.interactions = interactions
        self.rules = rules
        self.granted: set[tuple[int, str, int]] = set()
        """Guild, command's name, and user: who may use a command by the server's settings, whatever else."""

    # Commands

    def owners(self, command: Command, user: User, channel: Channel) -> dict[str, int]:
        """By whose installation the command is there: "0" the guild, "1" the user; empty if it is not."""
        context = self.interactions.context(channel)
        kinds = command.body.get("integration_types") or [0]
        contexts = command.body.get("contexts")
        if INSTALLED in self.rules:
            if contexts is not None and context not in contexts:
                return {}
            # The older field counts where there are no contexts.
            if contexts is None and command.body.get("dm_permission") is False and context != Context.GUILD:
                return {}
        else:
            kinds = [0, 1]
        owners = {}
        if 0 in kinds and self.world.in_guild(self.world.application_id, channel):
            owners["0"] = channel.guild_id or 0
        if 1 in kinds and user.installed_app and 1 in self.world.app.install_types:
            owners["1"] = user.id
        return owners

    def offered(self, user: User, channel: Channel) -> list[Command]:
        """The commands that `user` may use in `channel`; a guild's own hide global ones of the same name."""
        if not self.world.may_see(user.id, channel) or not self._may_use_commands(user, channel):
            return []
        named: dict[tuple[int, str], Command] = {}
        for command in self.world.commands_of(None):
            named[command.type, command.name] = command
        if channel.guild_id is not None:
            for command in self.world.commands_of(channel.guild_id):
                named[command.type, command.name] = command
        return [
            one
            for one in named.values()
            if self.owners(one, user, channel)
            and self._permitted(one, user, channel)
            and (one.type != 1 or self._open(user, channel))
        ]

    def _may_use_commands(self, user: User, channel: Channel) -> bool:
        bits = self.world.permissions(user.id, channel)
        return (
            channel.guild_id is None
            or bool(bits & Permission.USE_APPLICATION_COMMANDS)
            or (USES_COMMANDS not in self.rules)
        )

    def _open(self, user: User, channel: Channel) -> bool:
        """Whether a person may begin a slash command there: not in a thread that is archived or locked."""
        if channel.thread is None or CLOSED not in self.rules:
            return True
        manages = self.world.permissions(user.id, channel) & Permission.MANAGE_THREADS
        return not channel.thread.archived and (not channel.thread.locked or bool(manages))

    def _permitted(self, command: Command, user: User, channel: Channel) -> bool:
        needed = command.body.get("default_member_permissions")
        if (channel.guild_id, command.name, user.id) in self.granted:
            return True
        if needed is None or channel.guild_id is None or MEMBER_PERMISSIONS not in self.rules:
            return True
        has = self.world.permissions(user.id, channel)
        if has & Permission.ADMINISTRATOR:
            return True
        return int(needed) != 0 and has & int(needed) == int(needed)

    def _command(self, user: User, channel: Channel, kind: int, name: str) -> Command:
        for command in self.offered(user, channel):
            if (command.type, command.name) == (kind, name):
                return command
        what = {1: f"/{name}", 2: f"the user menu {name!r}", 3: f"the message menu {name!r}"}[kind]
        raise ActionError(f"{user.username} is not offered {what} here.")

    def slash(self, user: User, channel: Channel, name: str, options: Mapping[str, Any]) -> Interaction:
        """Send a slash command; `name` may go on with sub-commands: "preset save"."""
        self._enter(user, channel)
        command = self._command(user, channel, 1, name.split(" ")[0])
        resolver = self._resolver(channel)
        filled = fill_options(path_of(command, name), options, resolver)
        data = self._data(command) | ({"options": filled} if filled else {}) | resolver.result()
        sent = self._send(InteractionType.APPLICATION_COMMAND, user, channel, command, data)
        self.world.note_use(user.id, name)
        return sent

    def autocomplete(
        self, user: User, channel: Channel, name: str, options: Mapping[str, Any], focused: str
    ) -> Interaction:
        """Request autocomplete for the option `focused`, given the text typed so far."""
        self._enter(user, channel)
        command = self._command(user, channel, 1, name.split(" ")[0])
        resolver = self._resolver(channel)
        filled = fill_options(path_of(command, name), options, resolver, focused=focused)
        data = self._data(command) | {"options": filled}
        return self._send(InteractionType.AUTOCOMPLETE, user, channel, command, data)

    def message_menu(self, user: User, name: str, message: Message) -> Interaction:
        """Choose a command from a message's context menu."""
        channel = self._see(user, message)
        command = self._command(user, channel, 3, name)
        data = self._data(command) | {
            "target_id": str(message.id),
            "resolved": {"messages": {str(message.id): self.payloads.message(message)}},
        }
        metadata = {"target_message_id": str(message.id)}
        return self._send(InteractionType.APPLICATION_COMMAND, user, channel, command, data, metadata)

    def user_menu(self, user: User, channel: Channel, name: str, target_id: int) -> Interaction:
        """Choose a command from a user's context menu."""
        self._enter(user, channel)
        command = self._command(user, channel, 2, name)
        resolver = self._resolver(channel)
        resolver.user(target_id)
        data = self._data(command) | {"target_id": str(target_id)} | resolver.result()
        metadata = {"target_user": self.payloads.user(self.world.user(target_id))}
        return self._send(InteractionType.APPLICATION_COMMAND, user, channel, command, data, metadata)

    # Components

    def click(self, user: User, message: Message, custom_id: str) -> Interaction:
        """Press a button."""
        channel = self._see(user, message)
        component = self._component(message, custom_id)
        if component["type"] != Kind.BUTTON:
            raise ActionError(f"{custom_id!r} is not a button.")
        return self._use(user, channel, message, component, {})

    def select(self, user: User, message: Message, custom_id: str, values: Sequence[Any]) -> Interaction:
        """Choose from a select: option values, or ids of users, roles and channels."""
        channel = self._see(user, message)
        component = self._component(message, custom_id)
        if component["type"] not in SELECTS:
            raise ActionError(f"{custom_id!r} is not a select.")
        resolver = self._resolver(channel)
        chosen = entity_values(component, values, resolver)
        return self._use(user, channel, message, component, {"values": chosen} | resolver.result())

    def submit(self, user: User, opened: Interaction, values: Mapping[str, Any]) -> Interaction:
        """Send the modal that answered the interaction `opened`; `values` by custom_id."""
        if opened.modal is None or opened.user_id != user.id:
            raise ActionError("There is no such modal open.")
        channel = self.world.channel(opened.channel_id)
        resolver = self._resolver(channel)
        data = {
            "custom_id": opened.modal["custom_id"],
            "components": fill_modal(opened.modal["components"], values, resolver),
        } | resolver.result()
        trigger = self.world.metadata(opened)
        return self.interactions.send(
            InteractionType.MODAL_SUBMIT,
            user.id,
            channel,
            data,
            owners=opened.owners,
            parent=opened,
            metadata={"triggering_interaction_metadata": trigger},
        )

    # Messages

    def post(
        self,
        user: User,
        channel: Channel,
        content: str,
        uploads: Sequence[Upload] = (),
        reply_to: Message | None = None,
    ) -> Message:
        """Write a message."""
        self._enter(user, channel)
        body: Json = {"content": content}
        if reply_to is not None:
            body["message_reference"] = {"message_id": str(reply_to.id)}
        return self._tried(lambda: self.messages.create(channel, user.id, body, list(uploads)))

    def edit(self, user: User, message: Message, content: str) -> Message:
        """Edit an own message."""
        self._see(user, message)
        if message.author_id != user.id:
            raise ActionError("One can edit one's own messages only.")
        return self._tried(lambda: self.messages.edit(message, {"content": content}, []))

    def delete(self, user: User, message: Message) -> None:
        """Delete an own message, any message with Manage Messages, or dismiss an ephemeral one."""
        channel = self._see(user, message)
        if message.ephemeral_for is None:
            bits = self.world.permissions(user.id, channel)
            moderates = channel.guild_id is not None and bits & Permission.MANAGE_MESSAGES
            if message.author_id != user.id and not moderates:
                raise ActionError(f"{user.username} may not delete that message.")
            self._tried(lambda: judge_delete(channel, bits, self.rules))
        self.world.delete_message(message)

    def delete_many(self, user: User, messages: Sequence[Message]) -> None:
        """Delete several messages of one channel at once with Manage Messages."""
        channel = self._see(user, messages[0])
        bits = self.world.permissions(user.id, channel)
        if channel.guild_id is None or not bits & Permission.MANAGE_MESSAGES:
            raise ActionError(f"{user.username} may not delete messages there.")
        self._tried(lambda: judge_delete(channel, bits, self.rules))
        self.world.delete_messages(channel, [one for one in messages if one.channel_id == channel.id])

    def delete_channel(self, user: User, channel: Channel) -> None:
        """Delete a guild's channel with Manage Channels, or a thread with Manage Threads."""
        self._enter(user, channel)
        wanted = Permission.MANAGE_CHANNELS if channel.thread is None else Permission.MANAGE_THREADS
        if channel.guild_id is None or not self.world.permissions(user.id, channel) & wanted:
            raise ActionError(f"{user.username} may not delete that channel.")
        self.messages.places.delete_channel(channel)

    def start_thread(self, user: User, parent: Channel, name: str, content: str, *, private: bool) -> Channel:
        """Start a thread, or a forum post, with its first message."""
        self._enter(user, parent)
        forum = parent.type == ChannelType.GUILD_FORUM
        wanted = Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS
        if not self.world.permissions(user.id, parent) & (Permission.SEND_MESSAGES if forum else wanted):
            raise ActionError(f"{user.username} may not start a thread there.")
        words = dict.fromkeys(self.world.blocked_words(parent), TITLE_BLOCKED)
        self._tried(lambda: judge_keywords(words, [name], self.rules))
        thread = self.messages.places.add_thread(parent, name, user.id, private=private)
        if content:
            draft = self.world.new_message(thread, user.id)
            if forum:
                # A post's first message has the thread's id.
                draft.id = thread.id
            self._tried(lambda: self.messages.create(thread, user.id, {"content": content}, [], draft=draft))
        return thread

    def react(self, user: User, message: Message, emoji: str, *, on: bool = True) -> None:
        """React to a message with an emoji, or take the reaction back."""
        self._see(user, message)
        if message.ephemeral_for is not None:
            raise ActionError("A message that only you can see takes no reactions.")
        if on:
            self._tried(lambda: reactions.react(self.world, self.rules, message, user.id, emoji))
        else:
            self._tried(lambda: reactions.withdraw(self.world, message, user.id, emoji))

    def typing(self, user: User, channel: Channel) -> None:
        """Show that the user types."""
        self._enter(user, channel)
        self.world.tell(Typing(channel, user.id))

    def upload(self, user: User, channel: Channel, upload: Upload) -> Attachment:
        """Upload a file for an option or a modal; its id is the value to give."""
        self._enter(user, channel)
        self._tried(lambda: self.messages.judge_uploads(channel, [upload]))
        attachment = upload.attachment(self.world.ids.next(), channel.id, ephemeral=True)
        self.world.keep_file(attachment, upload.body)
        self.world.uploads[attachment.id] = attachment
        return attachment

    # The common parts

    def _enter(self, user: User, channel: Channel) -> None:
        if not self.world.may_see(user.id, channel):
            raise ActionError(f"{user.username} is not in that channel.")

    def _see(self, user: User, message: Message) -> Channel:
        channel = self.world.channel(message.channel_id)
        self._enter(user, channel)
        if message.ephemeral_for not in (None, user.id) or message.id not in self.world.messages:
            raise ActionError(f"{user.username} does not see that message.")
        return channel

    def _component(self, message: Message, custom_id: str) -> Json:
        component = find(message.components, custom_id)
        if component is None:
            raise ActionError(f"The message has no component {custom_id!r}.")
        if component.get("disabled") and DISABLED in self.rules:
            raise ActionError(f"{custom_id!r} is disabled.")
        return component

    def _use(
        self, user: User, channel: Channel, message: Message, component: Json, chosen: Json
    ) -> Interaction:
        kept = (message.interaction_metadata or {}).get("authorizing_integration_owners")
        owners = (
            {name: as_snowflake(key) or 0 for name, key in kept.items()}
            if kept
            else {"0": channel.guild_id or 0}
        )
        data = {
            "custom_id": component["custom_id"],
            "component_type": component["type"],
            "id": component["id"],
        }
        return self.interactions.send(
            InteractionType.MESSAGE_COMPONENT,
            user.id,
            channel,
            data | chosen,
            owners=owners,
            message=message,
            metadata={"interacted_message_id": str(message.id)},
        )

    def _send(
        self,
        kind: InteractionType,
        user: User,
        channel: Channel,
        command: Command,
        data: Json,
        metadata: Json | None = None,
    ) -> Interaction:
        owners = self.owners(command, user, channel)
        if kind is InteractionType.APPLICATION_COMMAND:
            self._tried(lambda: self.messages.judge_slow_mode(channel, user.id))
        return self.interactions.send(kind, user.id, channel, data, owners=owners, metadata=metadata)

    @staticmethod
    def _data(command: Command) -> Json:
        body: Json = {"id": str(command.id), "name": command.name, "type": command.type}
        return body | {"guild_id": str(command.guild_id)} if command.guild_id is not None else body

    def _resolver(self, channel: Channel) -> Resolver:
        return Resolver(self.world, self.payloads, channel)

    @staticmethod
    def _tried(act: Callable[[], T]) -> T:
        try:
            return act()
        except ApiError as error:
            raise ActionError(f"Discord refuses: {error.body()}") from error
