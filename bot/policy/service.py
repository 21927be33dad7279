"""The policy as the bot holds it: what is stored, in memory, so that the gate decides without waiting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.config import Settings
from bot.errors import UserError
from bot.locale import ENGLISH, speaking
from bot.policy.day import HOUR_SECONDS, HOURS, Day, day_of
from bot.policy.gate import Facts, Refusal, Rules, decide
from bot.policy.server import ServerSettings
from bot.policy.setting import SERVER, Setting, Value
from bot.store.audit import AuditLog, Entry
from bot.store.bans import EVERYWHERE, Ban, Bans
from bot.store.database import Database
from bot.store.day import DayStore
from bot.store.guilds import GuildSettings

PAUSED, DRAINING = "paused", "draining"
"""Switches of the bot's owner: no clip is begun; no request is taken."""

_NONE = ServerSettings()


class PolicyService:
    """Settings of servers, bans and blocks. Every change is stored and recorded before it holds.

    open() reads them once; a change is written to the database first, then to memory.
    """

    def __init__(self, database: Database, settings: Settings, clock: Callable[[], float]) -> None:
        self._guilds = GuildSettings(database)
        self._bans = Bans(database)
        self._audit = AuditLog(database)
        self._day = DayStore(database)
        self._switches: set[str] = set()
        self._clock = clock
        self._stored: dict[int, dict[int, dict[str, object]]] = {}
        self._servers: dict[int, ServerSettings] = {}
        self._banned: set[tuple[int, int]] = set()
        self._listeners: list[Callable[[Entry], None]] = []
        self._early_preview = settings.early_preview
        self._rules = Rules(
            allowed_guilds=frozenset(settings.allowed_guilds) or None,
            allow_dms=settings.allow_dms,
            allow_user_install=settings.allow_user_install,
            account_days=settings.account_days,
        )

    def subscribe(self, listener: Callable[[Entry], None]) -> None:
        """Have `listener` called with every act that was recorded; it must not block."""
        self._listeners.append(listener)

    async def open(self) -> None:
        """Read the stored policy."""
        for guild_id, stored in (await self._guilds.all()).items():
            self._keep(guild_id, {channel: dict(values) for channel, values in stored.items()})
        self._banned = await self._bans.members()
        self._switches = await self._bans.switches()
        await self._read_blocks()

    @property
    def switches(self) -> frozenset[str]:
        """The switches of the bot's owner that are on."""
        return frozenset(self._switches)

    async def switch(self, name: str, on: bool, actor_id: int) -> None:
        """Set a switch of the bot's owner, which a restart keeps, or take it back."""
        if (name in self._switches) == on:
            return
        await self._bans.switch(name, on, self._clock())
        (self._switches.add if on else self._switches.discard)(name)
        await self.record(EVERYWHERE, actor_id, name if on else f"no longer {name}")
        await self._read_blocks()

    async def day(self) -> Day:
        """Return the figures of the last 24 hours."""
        now = self._clock()
        return day_of(await self._day.since(now - HOURS * HOUR_SECONDS), now)

    @property
    def rules(self) -> Rules:
        """What the bot's owner has set."""
        return self._rules

    def has_previews(self, guild_id: int | None) -> bool:
        """Tell whether slow clips have a preview: where the bot's owner has it on and the server not off."""
        return self._early_preview and self.server(guild_id).is_on("early_preview")

    def server(self, guild_id: int | None) -> ServerSettings:
        """Return a server's settings; all defaults where there is none."""
        return self._servers.get(guild_id or 0, _NONE)

    def refusal(self, facts: Facts) -> Refusal | None:
        """Return why an act is refused, or None where it is allowed."""
        banned = facts.guild_id is not None and (facts.guild_id, facts.user_id) in self._banned
        return decide(facts, self._rules, self.server(facts.guild_id), banned=banned)

    async def set(
        self, guild_id: int, setting: Setting, value: Value, actor_id: int, channel_id: int = SERVER
    ) -> None:
        """Store a setting's value, which its row has validated, and record who set it."""
        stored = {channel: dict(values) for channel, values in self._stored.get(guild_id, {}).items()}
        kept = None if value == setting.default else value
        await self._guilds.put(guild_id, channel_id, setting.name, kept)
        stored.setdefault(channel_id, {}).pop(setting.name, None)
        if kept is not None:
            stored[channel_id][setting.name] = kept
        self._keep(guild_id, stored)
        with speaking(ENGLISH):
            detail = f"{setting.label}: {setting.shown(value)}"
        if channel_id != SERVER:
            detail += f" (in <#{channel_id}>)"
        await self.record(guild_id, actor_id, "set", detail=detail)

    async def ban(self, guild_id: int, user_id: int, actor_id: int, reason: str) -> None:
        """Keep a member from the bot in a server. Raises UserError where they are already."""
        if not await self._bans.ban(Ban(guild_id, user_id, actor_id, self._clock(), reason)):
            raise UserError("That member is banned from the bot already.")
        self._banned.add((guild_id, user_id))
        await self.record(guild_id, actor_id, "ban", member_id=user_id)
        await self._read_blocks()

    async def unban(self, guild_id: int, user_id: int, actor_id: int) -> None:
        """Let a member use the bot again. Raises UserError where they were not banned."""
        if not await self._bans.unban(guild_id, user_id):
            raise UserError("That member isn't banned from the bot.")
        self._banned.discard((guild_id, user_id))
        await self.record(guild_id, actor_id, "unban", member_id=user_id)
        await self._read_blocks()

    async def bans(self, guild_id: int, limit: int) -> list[Ban]:
        """Return the bans of a server, newest first."""
        return await self._bans.of_guild(guild_id, limit)

    async def block_guild(self, guild_id: int, actor_id: int) -> None:
        """Keep a server from the bot."""
        await self._bans.block_guild(guild_id, actor_id, self._clock())
        await self.record(EVERYWHERE, actor_id, "block server", detail=str(guild_id))
        await self._read_blocks()

    async def unblock_guild(self, guild_id: int, actor_id: int) -> None:
        """Allow a server again. Raises UserError where it was not blocked."""
        if guild_id not in self._rules.blocked_guilds:
            raise UserError("That server isn't blocked.")
        await self._bans.unblock_guild(guild_id)
        await self.record(EVERYWHERE, actor_id, "unblock server", detail=str(guild_id))
        await self._read_blocks()

    async def record(
        self, guild_id: int, actor_id: int, act: str, *, member_id: int | None = None, detail: str = ""
    ) -> None:
        """Add an act to the audit log. guild_id: EVERYWHERE for one on the whole bot."""
        entry = Entry(
            guild_id=guild_id,
            at=self._clock(),
            actor_id=actor_id,
            act=act,
            member_id=member_id,
            detail=detail,
        )
        await self._audit.add(entry)
        for listener in self._listeners:
            listener(entry)

    async def acts(self, guild_id: int, limit: int) -> list[Entry]:
        """Return the newest acts of a server's audit log, newest first."""
        return await self._audit.of_guild(guild_id, limit)

    async def _read_blocks(self) -> None:
        everywhere = frozenset(user for guild, user in self._banned if guild == EVERYWHERE)
        blocked = frozenset(await self._bans.blocked_guilds())
        self._rules = replace(
            self._rules,
            blocked_users=everywhere,
            blocked_guilds=blocked,
            draining=DRAINING in self._switches,
        )

    def _keep(self, guild_id: int, stored: Mapping[int, Mapping[str, object]]) -> None:
        self._stored[guild_id] = {channel: dict(values) for channel, values in stored.items()}
        self._servers[guild_id] = ServerSettings(stored)
