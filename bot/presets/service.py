"""The use cases of presets: the stores' methods with the clock and the limits applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bot.config import Settings
from bot.presets.names import name_key
from bot.store.database import Database
from bot.store.presets.model import Body, Draft, Preset, Scope, Viewer
from bot.store.presets.reports import Case, Reports
from bot.store.presets.repository import Presets
from bot.store.presets.search import Filter, Search, Suggestion
from bot.store.presets.votes import Votes


class PresetService:
    """Finding, making, sharing and rating presets. `clock` gives Unix time in seconds."""

    def __init__(self, database: Database, settings: Settings, clock: Callable[[], float]) -> None:
        self._presets = Presets(database, name_key)
        self._search = Search(database)
        self._votes = Votes(database)
        self._settings = settings
        self._clock = clock

    async def install_starters(self, drafts: Mapping[str, Draft]) -> None:
        """Keep the bot's own presets as `drafts` has them, by code."""
        await self._presets.keep_own(drafts, self._clock())

    async def get(self, preset_id: int, viewer: Viewer, version: int | None = None) -> Preset:
        """Return a preset, by default in its newest version. Raises NotFound."""
        return await self._presets.get(preset_id, viewer, version)

    async def of_version(self, version_id: int, viewer: Viewer) -> Preset:
        """Return a preset in one version. Raises NotFound."""
        return await self._presets.of_version(version_id, viewer)

    async def find(self, text: str, viewer: Viewer) -> Preset:
        """Return the preset with this number (“#12”), code or name. Raises NotFound."""
        return await self._presets.find(text, viewer)

    async def own(self, owner_id: int) -> list[Preset]:
        """Return all of a member's presets, by name."""
        return await self._presets.own(owner_id)

    async def versions(self, preset_id: int, viewer: Viewer, limit: int) -> list[Preset]:
        """Return the versions of a preset that the viewer may see, newest first."""
        return await self._presets.versions(preset_id, viewer, limit)

    async def suggest(self, viewer: Viewer, typed: str, limit: int) -> list[Suggestion]:
        """Return presets that match the typed text: own, then this server's, then public ones."""
        return await self._search.suggest(viewer, typed, name_key(typed), limit)

    async def browse(self, viewer: Viewer, wanted: Filter, *, limit: int, offset: int) -> list[Preset]:
        """Return the presets that match and that the viewer may see."""
        return await self._search.browse(viewer, wanted, name_key(wanted.text), limit=limit, offset=offset)

    async def save(self, owner_id: int, draft: Draft) -> Preset:
        """Keep a new preset. Raises UserError where the name is taken, LimitReached."""
        return await self._presets.save(
            owner_id, draft, self._clock(), per_member=self._settings.max_presets_per_member
        )

    async def save_all(self, owner_id: int, drafts: Sequence[Draft]) -> list[Preset]:
        """Keep all or none; a name that is taken gets a number. Raises LimitReached."""
        return await self._presets.save_all(
            owner_id, drafts, self._clock(), per_member=self._settings.max_presets_per_member
        )

    async def edit(self, owner_id: int, preset_id: int, body: Body) -> Preset:
        """Add a version. Raises NotFound where the preset is not theirs, LimitReached."""
        return await self._presets.edit(owner_id, preset_id, body, self._clock())

    async def rename(self, owner_id: int, preset_id: int, name: str) -> None:
        """Give a preset another name. Raises UserError where it is taken, NotFound where it is not theirs."""
        await self._presets.rename(owner_id, preset_id, name, self._clock())

    async def fork(self, viewer: Viewer, preset_id: int, name: str | None = None) -> Preset:
        """Copy a preset for a member. Raises NotFound, LimitReached, UserError where the name is taken."""
        return await self._presets.fork(
            viewer, preset_id, self._clock(), per_member=self._settings.max_presets_per_member, name=name
        )

    async def delete(self, owner_id: int, preset_id: int) -> bool:
        """Delete a preset; False where its forks keep a trace of it. Raises NotFound."""
        return await self._presets.delete(owner_id, preset_id, self._clock())

    async def share(self, owner_id: int, preset_id: int, scope: Scope, guild_id: int | None) -> Preset:
        """Change who sees a preset. Raises UserError where it may not be shared, LimitReached, NotFound."""
        return await self._presets.share(
            owner_id,
            preset_id,
            scope,
            guild_id,
            self._clock(),
            per_server=self._settings.max_presets_per_server,
        )

    async def may_rate(self, user_id: int, preset_id: int) -> bool:
        """Tell whether a person made a clip with a preset, so that they can rate it."""
        return await self._votes.may_rate(user_id, preset_id)

    async def rate(self, viewer: Viewer, preset_id: int, *, up: bool) -> tuple[int, int]:
        """Record a vote, and return how many are up and down. Raises UserError before a first use."""
        return await self._votes.rate(viewer, preset_id, up=up, now=self._clock())


class PresetModeration:
    """Reports of presets, and moderators' decisions for a server. `clock` gives Unix time in seconds."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._reports = Reports(database)
        self._clock = clock

    async def report(self, viewer: Viewer, preset_id: int, reason: str) -> None:
        """Put a preset into the moderators' queue. Raises LimitReached, NotFound."""
        await self._reports.report(viewer, preset_id, reason, self._clock())

    async def queue(self, guild_id: int, limit: int) -> list[Case]:
        """Return the reported presets, and those that were hidden or whose author was banned."""
        return await self._reports.queue(guild_id, limit)

    async def case(self, guild_id: int, preset_id: int) -> Case:
        """Return one case. Raises NotFound."""
        return await self._reports.case(guild_id, preset_id)

    async def hide(self, guild_id: int, preset_id: int, moderator_id: int) -> None:
        """Hide a preset from everybody but its owner."""
        await self._reports.hide(guild_id, preset_id, moderator_id, self._clock())

    async def keep(self, guild_id: int, preset_id: int, moderator_id: int) -> None:
        """Restore a preset, or settle its reports."""
        await self._reports.keep(guild_id, preset_id, moderator_id, self._clock())

    async def ban(self, guild_id: int, preset_id: int, moderator_id: int) -> None:
        """Hide the presets of a preset's author, who shares no more."""
        await self._reports.ban(guild_id, preset_id, moderator_id, self._clock())

    async def unban(self, guild_id: int, preset_id: int, moderator_id: int) -> None:
        """Let a preset's author share again."""
        await self._reports.unban(guild_id, preset_id, moderator_id, self._clock())
