"""The real bot against simcord's idea of Discord: another author's, in this process, without sockets.

simcord settles after every act: it waits until what the bot began is done or waits for something it knows.
What Antiphon's own loops wait for (the queue, the worker's pipe, the outbox) it cannot know, so those are
declared as external waits, by the names of their coroutines.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import discord
import pytest
import simcord
import simcord.http.client
import simcord.interactions
from simcord.results import InteractionResult, ResponseMessage

from bot.app import Antiphon
from bot.config import Settings
from bot.jobs import estimates
from bot.setting_fields import Secret

PATIENCE = 60.0
"""Seconds after which a wait has failed: far more than anything takes, on a busy machine too."""

LOOPS = {
    "JobService.run",
    "Delivery._keep_going",
    "DuelDelivery._run",
    "ClipDeletions._run",
    "ClipDeletions._finish",
    "PrivacyService._run",
    "RemovalService.run",
    "Removals._look_for_open_duels",
    "Removals._look_for_left_guilds",
    "Retention._run",
    "StoredLoop._run",
    "WorkerPool.events.<locals>.forward",
    "WorkerPool.events.<locals>.forward_all",
    "ChildExecutor._read",
    "ChildExecutor._watch",
    "ChildExecutor._log_stderr",
    # The half of asyncio.wait_for that waits, up to Python 3.11.
    "Event.wait",
}


class Simulation:
    """A server with the bot, a channel, two members and a moderator."""

    def __init__(self, env: simcord.Env, settings: Settings) -> None:
        self.env, self._settings = env, settings
        guild = env.create_guild()
        self.channel = guild.create_text_channel("music")
        moderators = guild.create_role("Moderators", permissions=discord.Permissions(manage_messages=True))
        self.alice, self.bob = (guild.add_member(env.create_user(name)) for name in ("alice", "bob"))
        self.mina = guild.add_member(env.create_user("mina"), roles=[moderators])

    async def until(self, happened: Callable[[], Any], what: str) -> Any:
        """Return what `happened` gives once that is something; the bot goes on meanwhile."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := happened()):
                    await asyncio.sleep(0.02)
                return found
        except TimeoutError:
            raise AssertionError(f"Waited {PATIENCE:g} s for {what}.\n{self.env.transcript()}") from None

    async def music(self, prompt: str, **options: Any) -> ResponseMessage:
        """Have Alice ask for a clip, and return the answer once it carries it."""
        asked = await self.alice.slash(self.channel, "music", prompt=prompt, seconds=2, **options)
        return await self.clip(asked)

    async def restart(self) -> None:
        """End the bot and start another on the same files."""
        await self.env.bot.close()
        await self.env.restart_bot(Antiphon(self._settings, engines="tests.tone"))

    def last_with(self, button: str) -> discord.Message | None:
        """Return the channel's newest message if it has this button."""
        newest = self.channel.last_message
        return newest if newest is not None and button in labels(newest) else None

    def changed(self, message: discord.Message, words: str) -> discord.Message | None:
        """Return a message as it is now, if it says this."""
        now = next(one for one in self.channel.history() if one.id == message.id)
        return now if words in text_of(now) else None

    async def opened(self, message: discord.Message) -> None:
        """Return once the bot has noted that it posted a duel's message."""
        bot = self.env.bot
        assert isinstance(bot, Antiphon)
        async with asyncio.timeout(PATIENCE):
            while message.id not in {duel.message_id for duel in await bot.duels.all_open()}:
                await asyncio.sleep(0.02)

    def gone(self, message: ResponseMessage) -> bool:
        """Tell whether a message was deleted."""
        return all(one.id != message.id for one in self.channel.history())

    async def clip(self, asked: InteractionResult) -> ResponseMessage:
        """Return an interaction's answer once it carries a clip."""

        def there() -> ResponseMessage | None:
            answer = asked.response
            return answer if answer is not None and answer.attachments else None

        found: ResponseMessage = await self.until(there, "the clip")
        return found


def said(answer: InteractionResult) -> str:
    """Return what the last answer to an interaction says, its embeds included."""
    return text_of(last_of(answer))


def told(answer: InteractionResult) -> str:
    """Return what only who acted is told."""
    assert last_of(answer).ephemeral, answer
    return said(answer)


def last_of(answer: InteractionResult) -> ResponseMessage:
    """Return the newest message of an answer."""
    found = answer.followups[-1] if answer.followups else answer.response
    assert found is not None, answer
    return found


def labels(message: ResponseMessage | discord.Message) -> list[str]:
    """Return the labels of a message's buttons."""
    rows = message.message.components if isinstance(message, ResponseMessage) else message.components
    return [
        button.label or ""
        for row in rows
        if isinstance(row, discord.ActionRow)
        for button in row.children
        if isinstance(button, discord.Button)
    ]


def text_of(message: ResponseMessage | discord.Message) -> str:
    """Return a message's words and those of its embeds."""
    parts = [message.content]
    for embed in message.embeds:
        parts += [embed.title or "", embed.description or ""]
        parts += [f"{field.name} {field.value}" for field in embed.fields]
        parts.append(embed.footer.text or "")
    return "\n".join(parts)


@asynccontextmanager
async def simulated(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Simulation]:
    """Run the bot with its cogs, its SQLite file and its worker; engines play test tones."""
    close_gaps(monkeypatch)
    # The simulation's clock stands still between its calls, and would never end the pause.
    monkeypatch.setattr(estimates, "READING_PAUSE", 0.0)
    settings = Settings(
        database_path=folder / "antiphon.db",
        clip_dir=folder / "clips",
        discord_token=Secret("x" * 40),
        duel_account_days=0,
    )
    bot = Antiphon(settings, engines="tests.tone")
    env = simcord.Env(bot, shard_count=1, settle_timeout=PATIENCE)
    # The bot measures tokens and deadlines by this machine's clock.
    env.backend.clock.advance(time.time() - env.now().timestamp())
    loop = asyncio.get_running_loop()
    loop.set_task_factory(declaring(env))
    place = None
    try:
        await env.start()
        place = Simulation(env, settings)
        yield place
    finally:
        await env.bot.close()
        await env.shutdown()
        loop.set_task_factory(None)


def declaring(env: simcord.Env) -> Callable[..., asyncio.Task[Any]]:
    """Return a task factory that declares the bot's own loops as waiting for what is outside."""

    async def waiting(work: Coroutine[Any, Any, Any]) -> Any:
        return await env.external_wait(work, reason=getattr(work, "__qualname__", repr(work)))

    def create(
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[Any, Any, Any],
        context: contextvars.Context | None = None,
        **options: Any,
    ) -> asyncio.Task[Any]:
        ours = getattr(work, "__qualname__", "") in LOOPS
        return asyncio.Task(waiting(work) if ours else work, loop=loop, context=context, **options)

    return create


def close_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add to simcord 3.2 what Discord does and it does not.

    An interaction in a server names the server that installed the application, and a path's %40 is an @.
    """
    payload, path_of = simcord.interactions.base_payload, simcord.http.client._path_of

    def with_owner(*args: Any, guild_id: int | None, **rest: Any) -> Any:
        record, body = payload(*args, guild_id=guild_id, **rest)
        if guild_id is not None:
            body["authorizing_integration_owners"] = {"0": str(guild_id)}
        return record, body

    monkeypatch.setattr(simcord.interactions, "base_payload", with_owner)
    monkeypatch.setattr(simcord.http.client, "_path_of", lambda url: unquote(path_of(url)))
