"""Handles of channels and guilds for tests: their messages, and moderation.

music = discord.channel("music")
clip = await music.wait_for(lambda one: bool(one.attachments))
music.block_words("free nitro")                        # AutoMod
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sandbox.backend import Backend
from sandbox.components import walk
from sandbox.defaults import GUILD
from sandbox.model import Channel, ChannelType, Guild, Message, Overwrite, Role, ThreadState, UploadLimits
from sandbox.rules.automod import MESSAGE_BLOCKED

WAIT = 30.0
"""Real seconds a test waits for the bot before it fails."""


class Person(Protocol):
    """Anybody with a user id."""

    id: int


class ChannelHandle:
    """A channel."""

    def __init__(self, sandbox: Backend, channel: Channel) -> None:
        self.sandbox = sandbox
        self.channel = channel
        self.id = channel.id

    @property
    def messages(self) -> list[Message]:
        """Its messages, oldest first, ephemeral ones included."""
        return self.sandbox.world.history(self.id)

    async def wait_for(
        self, wanted: Callable[[Message], bool], timeout: float = WAIT, since: int = 0
    ) -> Message:
        """The first message, there or to come, that `wanted` says yes to; only ids above `since` count."""

        def find() -> Message | None:
            return next((one for one in self.messages if one.id > since and wanted(one)), None)

        transcript = "\n".join(f"  {describe(self.sandbox, one)}" for one in self.messages[-10:])
        return await self.sandbox.until(
            find, timeout, f"a message in {self.channel.name}; it has\n{transcript}"
        )

    # Administration

    def overwrite(self, who: Person | Role | str, *, allow: int = 0, deny: int = 0) -> None:
        """Replace what this channel allows and denies to a person, a role, "bot" or "@everyone"."""
        world = self.sandbox.world
        if isinstance(who, Role):
            key, kind = who.id, 0
        elif who == "@everyone":
            key, kind = self.channel.guild_id or 0, 0
        else:
            key, kind = self._user_id(who), 1
        parent = world.parent(self.channel)
        self.sandbox.places.overwrite(parent, Overwrite(key, kind, int(allow), int(deny)))

    def restrict_age(self) -> None:
        """Mark the channel as age-restricted."""
        self.channel.age_restricted = True
        self.sandbox.places.change_channel(self.channel)

    def slow_mode(self, seconds: int, *, bots: bool = False) -> None:
        """Let members wait so long between two messages; with `bots`, bots too (20016)."""
        self.channel.slow_mode, self.channel.slows_bots = seconds, bots
        self.sandbox.places.change_channel(self.channel)

    def upload_limit(self, accepted: int | None, promised: int | None = None) -> None:
        """Let a file have at most `accepted` bytes while interactions promise `promised` (default: the same).

        None goes back to the usual limits.
        """
        limits = None if accepted is None else UploadLimits(accepted, promised or accepted)
        self.channel.upload_limits = limits
        self.sandbox.world.add_channel(self.channel)

    def delete(self) -> None:
        """Delete the channel, its messages and threads with it."""
        self.sandbox.places.delete_channel(self.channel)

    def thread(
        self,
        name: str,
        *,
        by: Person | None = None,
        private: bool = False,
        auto_archive: int = 1440,
        message: Message | None = None,
    ) -> ThreadHandle:
        """A thread of `by` (default: the owner), from a message or alone; `auto_archive` in minutes."""
        guild = self.sandbox.world.guild(self.channel.guild_id or 0)
        thread = self.sandbox.places.add_thread(
            self.channel,
            name,
            guild.owner_id if by is None else by.id,
            private=private,
            auto_archive_minutes=auto_archive,
            thread_id=None if message is None else message.id,
        )
        return ThreadHandle(self.sandbox, thread)

    def _user_id(self, who: Person | Role | str) -> int:
        if who == "bot":
            return self.sandbox.application_id
        if isinstance(who, (str, Role)):
            raise ValueError(f"{who} isn't a person here.")
        return who.id

    def block_words(self, *words: str, code: int = MESSAGE_BLOCKED) -> None:
        """Let AutoMod refuse these keywords in this channel with 200000 or 200001; none: allow all again.

        A keyword stands for a whole word, or for a part of one with an asterisk ("nitro*").
        """
        self.channel.blocked_words = dict.fromkeys(words, code)
        self.sandbox.world.add_channel(self.channel)


class ThreadHandle(ChannelHandle):
    """A thread, or a post in a forum."""

    @property
    def state(self) -> ThreadState:
        """Whether it is archived or locked, and who is in it."""
        if self.channel.thread is None:
            raise ValueError(f"{self.channel.name} isn't a thread.")
        return self.channel.thread

    def archive(self, *, status: int = 400) -> None:
        """Archive the thread; what it refuses then has this HTTP status (400 or 403)."""
        self.state.refusal_status = status
        self.sandbox.places.archive(self.channel)

    def unarchive(self) -> None:
        """Open the thread again."""
        self.sandbox.places.archive(self.channel, False)

    def lock(self, *, archive: bool = True, status: int = 400) -> None:
        """Lock the thread, and archive it as Discord's client does; `archive` False leaves it active."""
        self.state.refusal_status = status
        self.sandbox.places.archive(self.channel, archive or self.state.archived, locked=True)

    def add(self, *who: Person | str) -> None:
        """Add people, or the "bot"."""
        self.sandbox.places.join(self.channel, *map(self._user_id, who))

    def remove(self, *who: Person | str) -> None:
        """Take people, or the "bot", out."""
        self.sandbox.places.leave(self.channel, *map(self._user_id, who))


def handle_of(sandbox: Backend, channel: Channel) -> ChannelHandle:
    """The handle of a channel."""
    return ChannelHandle(sandbox, channel) if channel.thread is None else ThreadHandle(sandbox, channel)


def channel_named(sandbox: Backend, name: str, guild: str = GUILD) -> ChannelHandle:
    """Return the handle of a text channel by its name; KeyError where there is none."""
    for channel in sandbox.world.channels.values():
        home = sandbox.world.guilds.get(channel.guild_id or 0)
        if home is not None and (home.name, channel.name) == (guild, name):
            return handle_of(sandbox, channel)
    raise KeyError(f"{guild} has no channel {name!r}.")


class GuildHandle:
    """A guild."""

    def __init__(self, sandbox: Backend, guild: Guild) -> None:
        self.sandbox = sandbox
        self.guild = guild
        self.id = guild.id

    def add_channel(self, name: str, kind: ChannelType = ChannelType.GUILD_TEXT) -> ChannelHandle:
        """A new text, voice or forum channel."""
        return ChannelHandle(self.sandbox, self.sandbox.places.add_channel(self.guild, name, kind))

    def role(self, name: str = "@everyone") -> Role:
        """A role by its name."""
        return next(role for role in self.guild.roles.values() if role.name == name)

    def permissions(self, role: str = "@everyone", *, allow: int = 0, deny: int = 0) -> None:
        """Give permissions to a role and take others from it, in the whole guild."""
        found = self.role(role)
        self.sandbox.places.set_role(self.guild, found, found.permissions & ~int(deny) | int(allow))

    def boost(self, level: int) -> None:
        """Set the boost level: 2 lets uploads have 50 MiB, 3 100 MiB."""
        self.guild.premium_tier = level
        self.sandbox.world.add_guild(self.guild)

    def speak(self, locale: str) -> None:
        """Set the language of the community: a locale of Discord, such as "de"."""
        self.sandbox.places.set_locale(self.guild, locale)

    def boosted_by(self, who: Person) -> None:
        """Have a member boost the guild from now on."""
        self.guild.members[who.id].premium_since = self.sandbox.clock.now()
        self.sandbox.world.add_guild(self.guild)

    def grant_command(self, command: str, who: Person) -> None:
        """Allow a person a command under Integrations, which goes before its default permissions."""
        self.sandbox.client.granted.add((self.id, command, who.id))

    def kick_bot(self) -> None:
        """Remove the bot from the guild."""
        self.sandbox.places.remove_bot(self.guild)

    def add_bot(self) -> None:
        """Let the bot join the guild."""
        self.sandbox.places.add_bot(self.guild)

    def block_words(self, *words: str, code: int = MESSAGE_BLOCKED) -> None:
        """Let AutoMod refuse these keywords in every channel; see `ChannelHandle.block_words`."""
        self.guild.blocked_words = dict.fromkeys(words, code)
        self.sandbox.world.add_guild(self.guild)


def describe(sandbox: Backend, message: Message) -> str:
    """A message in one line, for the words of a failed test."""
    author = sandbox.world.users[message.author_id].username
    said = text_of(message).replace("\n", " ⏎ ")
    marks = ("thinking… " if message.loading else "") + ("(ephemeral) " if message.ephemeral_for else "")
    return f"{author}: {marks}{said[:200]} [{', '.join(one.filename for one in message.attachments)}]"


def text_of(message: Message) -> str:
    """Everything a message says: content, embeds and text displays, line by line."""
    parts = [message.content]
    for embed in message.embeds:
        parts += [embed.get("title", ""), embed.get("description", "")]
        parts += [f"{field['name']}: {field['value']}" for field in embed.get("fields", ())]
        parts.append(embed.get("footer", {}).get("text", ""))
    parts += [component["content"] for _, component in walk(message.components) if "content" in component]
    return "\n".join(part for part in parts if part)
