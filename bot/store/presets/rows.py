"""SQL fragments that all queries on presets share: columns, and visibility."""

from __future__ import annotations

from bot.store.database import Row
from bot.store.presets.model import Body, Preset, Scope, Viewer

COLUMNS = """
SELECT p.*, v.id AS version_id, v.number, v.body,
    (SELECT id FROM clips WHERE id = v.example_clip AND deleted_at IS NULL) AS example_clip,
    (SELECT count(*) FROM presets AS f JOIN preset_versions AS fv ON fv.id = f.forked_from
     WHERE fv.preset_id = p.id AND f.deleted_at IS NULL) AS forks,
    (SELECT o.name FROM preset_versions AS ov JOIN presets AS o ON o.id = ov.preset_id
     WHERE ov.id = p.forked_from) AS origin
FROM presets AS p JOIN preset_versions AS v ON v.preset_id = p.id
"""
NEWEST = COLUMNS + " WHERE v.number = p.version "
"""SELECT of newest versions, to be continued with AND and a condition on `p`."""

ALLOWED = """
    NOT EXISTS (SELECT 1 FROM preset_hidden AS h WHERE h.preset_id = p.id AND h.guild_id IN (0, :guild_id))
    AND NOT EXISTS (SELECT 1 FROM preset_bans AS b
                    WHERE b.user_id = p.owner_id AND b.guild_id IN (0, :guild_id))
"""
VISIBLE = f"""
    p.deleted_at IS NULL AND (
        p.owner_id = :user_id
        OR ((p.scope = 'public' OR (p.scope = 'server' AND p.guild_id = :guild_id)) AND {ALLOWED})
    )
"""
_NOWHERE = -1


def seen_by(viewer: Viewer) -> dict[str, object]:
    """Return the parameters that VISIBLE needs."""
    guild_id = _NOWHERE if viewer.guild_id is None else viewer.guild_id
    return {"user_id": viewer.user_id, "guild_id": guild_id}


def preset_of(row: Row) -> Preset:
    """Build a preset from a row of COLUMNS."""
    return Preset(
        id=row["id"],
        owner_id=row["owner_id"],
        name=row["name"],
        body=Body.from_json(row["body"]),
        version=row["number"],
        version_id=row["version_id"],
        newest=row["version"],
        scope=Scope(row["scope"]),
        guild_id=row["guild_id"],
        code=row["code"],
        uses=row["uses"],
        ups=row["ups"],
        downs=row["downs"],
        forks=row["forks"],
        origin=row["origin"],
        example_clip=row["example_clip"],
        created_at=row["created_at"],
        deleted=row["deleted_at"] is not None,
    )
