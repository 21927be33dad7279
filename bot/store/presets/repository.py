"""The repository of presets: create, edit by immutable versions, fork, share, delete."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Mapping, Sequence

import aiosqlite

from bot.errors import LimitReached, NotFound, UserError
from bot.markdown import quoted
from bot.store.database import Database, one
from bot.store.presets.model import BOT, Body, Draft, Preset, Scope, Viewer
from bot.store.presets.rows import COLUMNS, NEWEST, VISIBLE, preset_of, seen_by
from bot.text import visible

CODE_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
CODE_LENGTH = 6
"""31⁶ ≈ 890 million codes, without letters that look alike."""
MAX_VERSIONS = 200
_LONG_NAME = 50
"""Length above which a name is cut to make room for a number."""

NO_SUCH = "There is no such preset here. `/preset browse` shows what there is."
NOT_YOURS = "That is not one of your own presets. `/preset fork` makes you a copy that you can change."


class Presets:
    """Queries and changes of presets. key: normalizes a name for comparison."""

    def __init__(self, database: Database, key: Callable[[str], str]) -> None:
        self._db = database
        self._key = key

    async def get(self, preset_id: int, viewer: Viewer, version: int | None = None) -> Preset:
        """Return a preset that the viewer may see, by default in its newest version. Raises NotFound."""
        row = await self._db.read_one(
            _SELECT_PRESET_VERSION if version else _SELECT_PRESET,
            seen_by(viewer) | {"id": preset_id, "number": version},
        )
        if row is None:
            raise NotFound(NO_SUCH)
        return preset_of(row)

    async def of_version(self, version_id: int, viewer: Viewer) -> Preset:
        """Return the preset in the version that a clip was made with. Raises NotFound."""
        row = await self._db.read_one(_SELECT_BY_VERSION_ID, seen_by(viewer) | {"version_id": version_id})
        if row is None:
            raise NotFound("The preset of this clip is private, or gone.")
        return preset_of(row)

    async def find(self, text: str, viewer: Viewer) -> Preset:
        """Return the preset with this `#id`, code, or name (own before the server's before public ones).

        Raises NotFound.
        """
        text = visible(text).strip()
        number = text[1:] if text.startswith("#") else ""
        row = await self._db.read_one(
            _SELECT_BY_NAME_OR_CODE,
            seen_by(viewer)
            | {
                "id": int(number) if number.isascii() and number.isdecimal() and len(number) <= 18 else -1,
                "code": text.lower(),
                "key": self._key(text),
            },
        )
        if row is None:
            raise NotFound(NO_SUCH)
        return preset_of(row)

    async def own(self, owner_id: int) -> list[Preset]:
        """Return all of a member's presets, by name."""
        return [preset_of(row) for row in await self._db.read(_SELECT_OWN, {"owner_id": owner_id})]

    async def versions(self, preset_id: int, viewer: Viewer, limit: int = 25) -> list[Preset]:
        """Return the versions of a preset that the viewer may see, newest first."""
        rows = await self._db.read(_SELECT_VERSIONS, seen_by(viewer) | {"id": preset_id, "limit": limit})
        return [preset_of(row) for row in rows]

    async def save(self, owner_id: int, draft: Draft, now: float, *, per_member: int) -> Preset:
        """Insert a preset. Raises UserError where the name is taken, LimitReached at `per_member` presets."""
        async with self._db.write() as tx:
            preset_id = await self._insert(tx, owner_id, draft, now, per_member)
        return await self.get(preset_id, Viewer(owner_id, None))

    async def save_all(
        self, owner_id: int, drafts: Sequence[Draft], now: float, *, per_member: int
    ) -> list[Preset]:
        """Insert all drafts or none; a name that is taken gets a number. Raises LimitReached."""
        async with self._db.write() as tx:
            ids = []
            for draft in drafts:
                name = await self._free_name(tx, owner_id, draft.name)
                ids.append(
                    await self._insert(
                        tx, owner_id, Draft(name, draft.body, draft.example_clip), now, per_member
                    )
                )
        return [await self.get(preset_id, Viewer(owner_id, None)) for preset_id in ids]

    async def edit(self, owner_id: int, preset_id: int, body: Body, now: float) -> Preset:
        """Append a version; concurrent edits append one each. The example clip is carried over.

        Raises NotFound where the preset is not theirs, LimitReached where it has MAX_VERSIONS versions.
        """
        async with self._db.write() as tx:
            mine = {"id": preset_id, "owner_id": owner_id, "now": now}
            if not await self._next_version(tx, mine, body, MAX_VERSIONS):
                await self._refuse_stranger(tx, owner_id, preset_id)
                raise LimitReached(
                    "This preset has {max_versions} versions, and that is the most. Start a new one with "
                    "`/preset fork`.",
                    max_versions=MAX_VERSIONS,
                )
        return await self.get(preset_id, Viewer(owner_id, None))

    async def rename(self, owner_id: int, preset_id: int, name: str, now: float) -> None:
        """Rename a preset. Raises UserError where the name is taken, NotFound where it is not theirs."""
        changed = {"id": preset_id, "owner_id": owner_id, "name": name, "key": self._key(name), "now": now}
        async with self._db.write() as tx:
            if await one(tx, _UPDATE_NAME, changed) is None:
                await self._refuse_stranger(tx, owner_id, preset_id)
                raise UserError(_taken(name))

    async def fork(
        self,
        viewer: Viewer,
        preset_id: int,
        now: float,
        *,
        per_member: int,
        name: str | None = None,
        version: int | None = None,
    ) -> Preset:
        """Copy a version of a visible preset into one of the viewer's own, with a reference to the original.

        name: by default the original's, with a number where the member has that name already.
        Raises NotFound, UserError where the given name is taken, LimitReached.
        """
        async with self._db.write() as tx:
            found = await one(
                tx,
                _SELECT_PRESET_VERSION if version else _SELECT_PRESET,
                seen_by(viewer) | {"id": preset_id, "number": version},
            )
            if found is None:
                raise NotFound(NO_SUCH)
            original = preset_of(found)
            chosen = name or await self._free_name(tx, viewer.user_id, original.name)
            fork_id = await self._insert(
                tx,
                viewer.user_id,
                Draft(chosen, original.body, original.example_clip),
                now,
                per_member,
                forked_from=original.version_id,
            )
        return await self.get(fork_id, viewer)

    async def delete(self, owner_id: int, preset_id: int, now: float) -> bool:
        """Delete a preset; return whether its rows were removed.

        Where others forked it or made a clip with it, it is only marked as deleted. Raises NotFound where it
        is not theirs.
        """
        owned = {"id": preset_id, "owner_id": owner_id, "now": now}
        async with self._db.write() as tx:
            if await one(tx, _DELETE_PRESET, owned):
                return True
            if await one(tx, _SOFT_DELETE_PRESET, owned):
                return False
            raise NotFound(await self._stranger(tx, owner_id, preset_id))

    async def share(
        self,
        owner_id: int,
        preset_id: int,
        scope: Scope,
        guild_id: int | None,
        now: float,
        *,
        per_server: int,
    ) -> Preset:
        """Set a preset's scope; the first sharing assigns a code.

        guild_id: the server of the request. Raises NotFound, LimitReached, or UserError where the owner
        is banned, or where there is no server to share with.
        """
        if scope is Scope.SERVER and guild_id is None:
            raise UserError("There is no server here to share with. Ask again in one of its channels.")
        async with self._db.write() as tx:
            asked = {
                "id": preset_id,
                "owner_id": owner_id,
                "scope": scope,
                "in_guild": guild_id,
                "guild_id": guild_id if scope is Scope.SERVER else None,
                "code": None if scope is Scope.PRIVATE else await _free_code(tx),
                "per_server": per_server,
                "now": now,
            }
            if await one(tx, _UPDATE_SCOPE, asked) is None:
                await self._refuse_stranger(tx, owner_id, preset_id)
                if await one(tx, _SELECT_BANNED, asked):
                    raise UserError(
                        "A moderator stopped you from sharing presets here. You can still use yours."
                    )
                raise LimitReached(
                    "This server shares {per_server:,} presets already, and that is the most. Someone has "
                    "to take one back, or you share yours publicly.",
                    per_server=per_server,
                )
        return await self.get(preset_id, Viewer(owner_id, guild_id))

    async def keep_own(self, drafts: Mapping[str, Draft], now: float) -> None:
        """Make these exactly the bot's own presets, by code; a changed body becomes a new version."""
        async with self._db.write() as tx:
            there = {row["code"]: row for row in await (await tx.execute(_SELECT_BOTS_PRESETS)).fetchall()}
            for code in there.keys() - drafts.keys():
                await tx.execute(_SOFT_DELETE_PRESET, {"id": there[code]["id"], "owner_id": BOT, "now": now})
            for code, draft in drafts.items():
                if code not in there:
                    preset_id = await self._insert(tx, BOT, draft, now, len(drafts) + len(there))
                    await tx.execute(_PUBLISH_BOTS_PRESET, {"id": preset_id, "code": code})
                    continue
                row = there[code]
                bot = {"id": row["id"], "owner_id": BOT, "now": now, "code": code}
                back = row["deleted_at"] is not None
                if back:
                    await tx.execute(_PUBLISH_BOTS_PRESET, bot)
                if row["name"] != draft.name:
                    await tx.execute(_UPDATE_NAME, bot | {"name": draft.name, "key": self._key(draft.name)})
                if back or Body.from_json(row["body"]) != draft.body:
                    await self._next_version(tx, bot, draft.body, most=row["version"] + 1)

    async def _insert(
        self,
        tx: aiosqlite.Connection,
        owner_id: int,
        draft: Draft,
        now: float,
        per_member: int,
        forked_from: int | None = None,
    ) -> int:
        row = await one(
            tx,
            _INSERT_PRESET,
            {
                "owner_id": owner_id,
                "name": draft.name,
                "key": self._key(draft.name),
                "forked_from": forked_from,
                "per_member": per_member,
                "now": now,
            },
        )
        if row is None:
            if await self._taken(tx, owner_id, draft.name):
                raise UserError(_taken(draft.name))
            raise LimitReached(
                "You can have {per_member:,} presets here, and this would be one more. Delete one "
                "with `/preset delete`.",
                per_member=per_member,
            )
        version = {
            "id": row["id"],
            "body": draft.body.to_json(),
            "example_clip": draft.example_clip,
            "now": now,
        }
        await tx.execute(_INSERT_FIRST_VERSION, version)
        preset_id: int = row["id"]
        return preset_id

    async def _next_version(
        self, tx: aiosqlite.Connection, owned: Mapping[str, object], body: Body, most: int
    ) -> bool:
        row = await one(tx, _INCREMENT_VERSION, {**owned, "most": most})
        if row is not None:
            await tx.execute(_INSERT_VERSION, {**owned, "number": row["version"], "body": body.to_json()})
        return row is not None

    async def _taken(self, tx: aiosqlite.Connection, owner_id: int, name: str) -> bool:
        row = await one(tx, _SELECT_NAME_TAKEN, {"owner_id": owner_id, "key": self._key(name)})
        return row is not None

    async def _free_name(self, tx: aiosqlite.Connection, owner_id: int, name: str) -> str:
        if not await self._taken(tx, owner_id, name):
            return name
        for number in itertools.count(2):
            end = f" {number}"
            start = name if len(name) <= _LONG_NAME else name[: len(name) - len(end)].rstrip(" \u200d")
            if not await self._taken(tx, owner_id, start + end):
                return start + end
        raise AssertionError("unreachable")

    async def _refuse_stranger(self, tx: aiosqlite.Connection, owner_id: int, preset_id: int) -> None:
        mine = {"id": preset_id, "owner_id": owner_id}
        if await one(tx, _SELECT_IS_OWN, mine) is None:
            raise NotFound(await self._stranger(tx, owner_id, preset_id))

    async def _stranger(self, tx: aiosqlite.Connection, owner_id: int, preset_id: int) -> str:
        visible = seen_by(Viewer(owner_id, None)) | {"id": preset_id}
        return NOT_YOURS if await one(tx, _SELECT_PRESET, visible) else NO_SUCH


async def _free_code(tx: aiosqlite.Connection) -> str:
    while True:
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
        if await one(tx, "SELECT 1 FROM presets WHERE code = :code", {"code": code}) is None:
            return code


def _taken(name: str) -> str:
    shown = quoted(name, 120)
    return f"You already have a preset called “{shown}”. Choose another name, or `/preset edit` that one."


_SELECT_PRESET = f"{NEWEST} AND p.id = :id AND {VISIBLE}"
_SELECT_PRESET_VERSION = f"{COLUMNS} WHERE v.number = :number AND p.id = :id AND {VISIBLE}"
_SELECT_BY_VERSION_ID = f"{COLUMNS} WHERE v.id = :version_id AND {VISIBLE}"
_SELECT_VERSIONS = f"{COLUMNS} WHERE p.id = :id AND {VISIBLE} ORDER BY v.number DESC LIMIT :limit"
_SELECT_OWN = f"{NEWEST} AND p.owner_id = :owner_id AND p.deleted_at IS NULL ORDER BY p.name_key"
_SELECT_BY_NAME_OR_CODE = f"""
{NEWEST} AND p.id IN (
    SELECT :id UNION ALL SELECT id FROM presets WHERE code = :code
    UNION ALL SELECT id FROM presets WHERE owner_id = :user_id AND name_key = :key AND deleted_at IS NULL
    UNION ALL SELECT id FROM presets
        WHERE guild_id = :guild_id AND scope = 'server' AND deleted_at IS NULL AND name_key = :key
    UNION ALL SELECT id FROM presets WHERE name_key = :key AND scope = 'public' AND deleted_at IS NULL
) AND {VISIBLE}
ORDER BY p.id = :id DESC, p.code IS :code DESC, p.owner_id = :user_id DESC, p.scope = 'server' DESC,
    p.rating DESC, p.uses DESC, p.id
LIMIT 1
"""
_INSERT_PRESET = """
INSERT INTO presets (owner_id, name, name_key, forked_from, created_at, updated_at)
SELECT :owner_id, :name, :key, :forked_from, :now, :now
WHERE (SELECT count(*) FROM presets WHERE owner_id = :owner_id AND deleted_at IS NULL) < :per_member
ON CONFLICT DO NOTHING
RETURNING id
"""
_INSERT_FIRST_VERSION = """
INSERT INTO preset_versions (preset_id, number, body, example_clip, created_at)
VALUES (:id, 1, :body, :example_clip, :now)
"""
_SELECT_NAME_TAKEN = (
    "SELECT 1 FROM presets WHERE owner_id = :owner_id AND name_key = :key AND deleted_at IS NULL"
)
_SELECT_IS_OWN = "SELECT 1 FROM presets WHERE id = :id AND owner_id = :owner_id AND deleted_at IS NULL"
_INCREMENT_VERSION = """
UPDATE presets SET version = version + 1, updated_at = :now
WHERE id = :id AND owner_id = :owner_id AND deleted_at IS NULL AND version < :most
RETURNING version
"""
_INSERT_VERSION = """
INSERT INTO preset_versions (preset_id, number, body, example_clip, created_at)
SELECT :id, :number, :body, example_clip, :now
FROM preset_versions WHERE preset_id = :id AND number = :number - 1
"""
_UPDATE_NAME = """
UPDATE OR IGNORE presets SET name = :name, name_key = :key, updated_at = :now
WHERE id = :id AND owner_id = :owner_id AND deleted_at IS NULL
RETURNING id
"""
_DELETE_PRESET = """
DELETE FROM presets
WHERE id = :id AND owner_id = :owner_id AND deleted_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM presets AS f JOIN preset_versions AS v ON v.id = f.forked_from
                    WHERE v.preset_id = :id)
    AND NOT EXISTS (SELECT 1 FROM clips AS c JOIN preset_versions AS v ON v.id = c.preset_version
                    WHERE v.preset_id = :id AND c.user_id <> :owner_id)
    AND NOT EXISTS (SELECT 1 FROM jobs AS j JOIN preset_versions AS v ON v.id = j.preset_version
                    WHERE v.preset_id = :id AND j.user_id <> :owner_id AND j.state IN ('queued', 'running'))
RETURNING id
"""
_SOFT_DELETE_PRESET = """
UPDATE presets SET deleted_at = :now, scope = 'private', guild_id = NULL
WHERE id = :id AND owner_id = :owner_id AND deleted_at IS NULL
RETURNING id
"""
_SELECT_BANNED = "SELECT 1 FROM preset_bans WHERE user_id = :owner_id AND guild_id IN (0, :in_guild)"
_UPDATE_SCOPE = f"""
UPDATE presets SET scope = :scope, guild_id = :guild_id, code = coalesce(code, :code), updated_at = :now
WHERE id = :id AND owner_id = :owner_id AND deleted_at IS NULL
    AND (:scope = 'private' OR NOT EXISTS ({_SELECT_BANNED}))
    AND (:scope <> 'server' OR guild_id IS :guild_id
         OR (SELECT count(*) FROM presets
             WHERE guild_id = :guild_id AND scope = 'server' AND deleted_at IS NULL) < :per_server)
RETURNING id
"""
_SELECT_BOTS_PRESETS = f"{NEWEST} AND p.owner_id = {BOT}"
_PUBLISH_BOTS_PRESET = "UPDATE presets SET scope = 'public', code = :code, deleted_at = NULL WHERE id = :id"
