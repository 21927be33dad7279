"""Channels and guilds as a test handles them: what is in them, and what a moderator may do to them.

music = discord.channel("music")
clip = await music.wait_for(lambda one: bool(one.attachments))
music.block_words("free nitro")                        # AutoMod
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sandbox.components import walk
from sandbox.model import Channel, Guild, Message
from sandbox.rules.automod import MESSAGE_BLOCKED

if TYPE_CHECKING:
    from sandbox.server import Sandbox

WAIT = 30.0
"""Real seconds a test waits for the bot before it fails."""


class Room:
    """A channel."""

    def __init__(self, sandbox: Sandbox, channel: Channel) -> None:
        self.sandbox = sandbox
        self.channel = channel
        self.id = channel.id

    @property
    def messages(self) -> list[Message]:
        """What is in it, oldest first, everybody's ephemeral messages included."""
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

    # AutoMod

    def block_words(self, *words: str, code: int = MESSAGE_BLOCKED) -> None:
        """Let AutoMod refuse these keywords in this channel with 200000 or 200001; none: allow all again.

        A keyword stands for a whole word, or for a part of one with an asterisk ("nitro*").
        """
        self.channel.blocked_words = dict.fromkeys(words, code)
        self.sandbox.world.add_channel(self.channel)


class GuildHandle:
    """A guild."""

    def __init__(self, sandbox: Sandbox, guild: Guild) -> None:
        self.sandbox = sandbox
        self.guild = guild
        self.id = guild.id

    def block_words(self, *words: str, code: int = MESSAGE_BLOCKED) -> None:
        """Let AutoMod refuse these keywords in every channel; see `Room.block_words`."""
        self.guild.blocked_words = dict.fromkeys(words, code)
        self.sandbox.world.add_guild(self.guild)


def describe(sandbox: Sandbox, message: Message) -> str:
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
