"""People and channels as a test handles them.

    alice, music = discord.member("alice"), discord.channel("music")
    reply = await alice.slash("music", prompt="rain on a roof", at=music)
    message = await reply.finished()                       # no longer "thinking…"
    await alice.click(message, "stop:1")
    clip = await music.wait_for(lambda one: bool(one.attachments))

`Message` objects are the world's own: they change when the bot edits them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.backend import Backend
from sandbox.components import walk
from sandbox.files import Upload
from sandbox.handles import WAIT, ChannelHandle, GuildHandle, ThreadHandle, channel_named, handle_of, text_of
from sandbox.model import Attachment, Channel, Interaction, Json, Message, Role, State, User
from sandbox.resolve import ActionError

__all__ = [
    "Actor",
    "ChannelHandle",
    "GuildHandle",
    "NoAnswerError",
    "ReplacedAnswerError",
    "Reply",
    "ThreadHandle",
    "as_upload",
    "named",
    "text_of",
]

File = Upload | Path | tuple[str, bytes]
"""A file to send: an upload, a path, or a name with its bytes."""


class NoAnswerError(Exception):
    """The bot did not answer: a person would read "The application did not respond"."""


class ReplacedAnswerError(Exception):
    """The bot deleted its answer and sent a follow-up: a refusal that only the acting member sees."""


class Reply:
    """What became of something a person did."""

    def __init__(self, sandbox: Backend, interaction: Interaction) -> None:
        self.sandbox = sandbox
        self.interaction = interaction

    @property
    def state(self) -> State:
        """`sent`, `thinking`, `answered` or `failed`."""
        return self.interaction.state

    @property
    def message(self) -> Message | None:
        """The first answer, "thinking…" or not; for a component, also the message it updated."""
        return self.sandbox.world.messages.get(self.interaction.response_message_id or 0)

    @property
    def followups(self) -> list[Message]:
        """The further answers, oldest first."""
        history = self.sandbox.world.history(self.interaction.channel_id)
        first = self.interaction.response_message_id
        return [one for one in history if one.interaction_id == self.interaction.id and one.id != first]

    @property
    def modal(self) -> Json | None:
        """The modal that the bot opened: `custom_id`, `title`, `components`."""
        return self.interaction.modal

    @property
    def choices(self) -> list[Json]:
        """What autocomplete offers: `name` and `value` each."""
        return self.interaction.choices or []

    async def acknowledged(self, timeout: float = WAIT) -> Reply:
        """Return once the bot has acknowledged; NoAnswerError if it does not in time."""
        await self.sandbox.until(
            lambda: self.state is not State.SENT,
            timeout,
            f"an answer to {self._what()}",
            self.interaction.id,
        )
        if self.state is State.FAILED:
            raise NoAnswerError(f"The application did not respond to {self._what()}.")
        return self

    async def finished(self, timeout: float = WAIT) -> Message:
        """The first answer, once it is no longer "thinking…".

        Raises ReplacedAnswerError where the bot deleted it and sent a follow-up in its place.
        """
        await self.acknowledged(timeout)

        def find() -> Message | None:
            if self.message is None:
                return self.followups[0] if self.state is State.ANSWERED and self.followups else None
            return None if self.message.loading else self.message

        found = await self.sandbox.until(
            find, timeout, f"the finished answer to {self._what()}", self.interaction.id
        )
        if found is not self.message:
            raise ReplacedAnswerError(f"In place of an answer to {self._what()} came: {text_of(found)}")
        return found

    async def followup(self, number: int = 0, timeout: float = WAIT) -> Message:
        """The follow-up of that number, counted from 0."""

        def find() -> Message | None:
            return self.followups[number] if len(self.followups) > number else None

        return await self.sandbox.until(
            find, timeout, f"follow-up {number} to {self._what()}", self.interaction.id
        )

    def _what(self) -> str:
        data = self.interaction.data
        return str(data.get("name") or data.get("custom_id"))


class Actor:
    """A person. What speaks to the bot returns once it has acknowledged, or at once with `wait=False`."""

    def __init__(self, sandbox: Backend, user: User) -> None:
        self.sandbox = sandbox
        self.user = user
        self.id = user.id
        self.mention = f"<@{user.id}>"

    def speak(self, locale: str) -> None:
        """Set the language of the person's client: a locale of Discord, such as "de"."""
        self.user.locale = locale
        self.sandbox.world.add_user(self.user)

    async def slash(
        self,
        name: str,
        options: Mapping[str, Any] | None = None,
        /,
        *,
        at: ChannelHandle | None = None,
        wait: bool = True,
        **more: Any,
    ) -> Reply:
        """Use a slash command ("preset save" for a sub-command) in a channel (default: #music).

        Options may be texts, numbers, booleans, people, rooms, roles, and files (`File`); one that is called
        `at` or `wait` goes into `options`.
        """
        room = at or channel_named(self.sandbox, "music")
        given = {**(options or {}), **more}
        values = {key: self._value(value, room) for key, value in given.items() if value is not None}
        return await self._sent(
            lambda: self.sandbox.client.slash(self.user, room.channel, name, values), wait
        )

    async def autocomplete(
        self,
        name: str,
        focused: str,
        typed: str | float = "",
        /,
        *,
        at: ChannelHandle | None = None,
        **options: Any,
    ) -> list[Json]:
        """Return the choices offered for the option `focused` when `typed` is in it."""
        room = at or channel_named(self.sandbox, "music")
        values = {key: self._value(value, room) for key, value in options.items()} | {focused: typed}
        client = self.sandbox.client
        sent = self._sent(lambda: client.autocomplete(self.user, room.channel, name, values, focused), True)
        return (await sent).choices

    async def pick(
        self,
        name: str,
        focused: str,
        typed: str | float = "",
        /,
        *,
        choice: int | str = 0,
        at: ChannelHandle | None = None,
        after_switching_channels: bool = False,
        **options: Any,
    ) -> Any:
        """What Discord's client puts into the option `focused` when a choice is picked, by number or name.

        The client's faults are part of it: of choices with one name the first is taken (discord-api-docs
        issue 8565), and after switching channels the name is sent in place of the value (issue 7206).
        """
        offered = await self.autocomplete(name, focused, typed, at=at, **options)
        wanted = offered[choice]["name"] if isinstance(choice, int) else choice
        if after_switching_channels:
            return wanted
        return next(one["value"] for one in offered if one["name"] == wanted)

    async def message_menu(self, name: str, message: Message, *, wait: bool = True) -> Reply:
        """Choose a command from a message's context menu."""
        return await self._sent(lambda: self.sandbox.client.message_menu(self.user, name, message), wait)

    async def user_menu(
        self, name: str, target: Actor, *, at: ChannelHandle | None = None, wait: bool = True
    ) -> Reply:
        """Choose a command from a user's context menu."""
        room = at or channel_named(self.sandbox, "music")
        return await self._sent(
            lambda: self.sandbox.client.user_menu(self.user, room.channel, name, target.id), wait
        )

    async def click(self, message: Message, button: str, *, wait: bool = True) -> Reply:
        """Press a button, named by its custom_id or its label."""
        custom_id = named(message, button)["custom_id"]
        return await self._sent(lambda: self.sandbox.client.click(self.user, message, custom_id), wait)

    async def select(
        self, message: Message, select: str, values: Sequence[Any], *, wait: bool = True
    ) -> Reply:
        """Choose from a select, named by its custom_id or its placeholder."""
        room = handle_of(self.sandbox, self.sandbox.world.channel(message.channel_id))
        custom_id = named(message, select)["custom_id"]
        chosen = [self._value(value, room) for value in values]
        return await self._sent(
            lambda: self.sandbox.client.select(self.user, message, custom_id, chosen), wait
        )

    async def submit(self, reply: Reply, values: dict[str, Any] | None = None, *, wait: bool = True) -> Reply:
        """Submit the modal that `reply` opened. values: by custom_id; other fields stay as prefilled."""
        room = handle_of(self.sandbox, self.sandbox.world.channel(reply.interaction.channel_id))
        given = {
            key: [self._value(one, room) for one in value]
            if isinstance(value, list)
            else self._value(value, room)
            for key, value in (values or {}).items()
        }
        return await self._sent(lambda: self.sandbox.client.submit(self.user, reply.interaction, given), wait)

    async def send(
        self,
        content: str,
        *,
        at: ChannelHandle | None = None,
        files: Sequence[File] = (),
        reply_to: Message | None = None,
    ) -> Message:
        """Write a message."""
        room = at or channel_named(self.sandbox, "music")
        uploads = [as_upload(index, file) for index, file in enumerate(files)]
        return self.sandbox.client.post(self.user, room.channel, content, uploads, reply_to)

    async def edit(self, message: Message, content: str) -> Message:
        """Edit an own message."""
        return self.sandbox.client.edit(self.user, message, content)

    async def delete(self, message: Message) -> None:
        """Delete a message, or dismiss an ephemeral one."""
        self.sandbox.client.delete(self.user, message)

    async def react(self, message: Message, emoji: str, *, on: bool = True) -> None:
        """React to a message, or take the reaction back."""
        self.sandbox.client.react(self.user, message, emoji, on=on)

    async def delete_many(self, *messages: Message) -> None:
        """Delete several messages of one channel at once, which needs Manage Messages."""
        self.sandbox.client.delete_many(self.user, messages)

    async def delete_channel(self, room: ChannelHandle) -> None:
        """Delete a channel or a thread, with the permission for it."""
        self.sandbox.client.delete_channel(self.user, room.channel)

    async def start_thread(
        self, room: ChannelHandle, name: str, content: str = "", *, private: bool = False
    ) -> ThreadHandle:
        """Start a thread in a channel, or a post in a forum, with its first message."""
        thread = self.sandbox.client.start_thread(self.user, room.channel, name, content, private=private)
        return ThreadHandle(self.sandbox, thread)

    def sees(self, message: Message) -> bool:
        """Whether a message is there for this person."""
        channel = self.sandbox.world.channel(message.channel_id)
        there = message.id in self.sandbox.world.messages and self.sandbox.world.may_see(self.id, channel)
        return there and message.ephemeral_for in (None, self.id)

    def commands(self, at: ChannelHandle | None = None) -> list[str]:
        """The names of the commands offered in a channel."""
        room = at or channel_named(self.sandbox, "music")
        return [command.name for command in self.sandbox.client.offered(self.user, room.channel)]

    async def _sent(self, act: Callable[[], Interaction], wait: bool) -> Reply:
        await self.sandbox.settle()
        reply = Reply(self.sandbox, act())
        return await reply.acknowledged() if wait else reply

    def _value(self, value: Any, room: ChannelHandle) -> Any:
        if isinstance(value, (Actor, ChannelHandle, Role, User, Channel, Attachment)):
            return value.id
        if isinstance(value, (Upload, Path)) or (isinstance(value, tuple) and len(value) == 2):
            return self.sandbox.client.upload(self.user, room.channel, as_upload(0, value)).id
        return value


def as_upload(index: int, file: File) -> Upload:
    """`file` as the n-th file of a request."""
    if isinstance(file, Upload):
        return Upload(index, file.filename, file.body)
    if isinstance(file, Path):
        return Upload(index, file.name, file.read_bytes())
    name, body = file
    return Upload(index, name, body)


def named(message: Message, name: str) -> Json:
    """The component of a message with this custom_id, label or placeholder."""
    usable = [component for _, component in walk(message.components) if "custom_id" in component]
    for key in ("custom_id", "label", "placeholder"):
        for component in usable:
            if component.get(key) == name:
                return component
    there = ", ".join(repr(component.get("label") or component["custom_id"]) for component in usable)
    raise ActionError(f"The message has no component {name!r}; it has {there or 'none'}.")
