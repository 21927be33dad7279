"""What every column of the database holds of members and servers, and how it is erased.

`tests/test_house.py` walks the schema: a table or column that is not declared here fails, so that a new one
cannot be forgotten. `docs/privacy.md` is tested against this registry too.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.store.personal_rules import ERASED, NOBODY, Rule, Table


def _delete(table: str, aged: str | None = None) -> Rule:
    return Rule("deleted", (f"DELETE FROM {table} WHERE {{which}}",), aged=aged)


def _anonymise(table: str, moderator: str) -> Rule:
    return Rule(
        "anonymised",
        (f"UPDATE {table} SET {moderator} = {NOBODY} WHERE {{which}}",),
        why="the decision holds without the name of who took it",
    )


_RECIPE_OF_NOBODY = f"""
json_object('prompt', '{ERASED}', 'mode', json_extract(recipe, '$.mode'),
            'model', json_extract(recipe, '$.model'), 'seconds', json_extract(recipe, '$.seconds'), 'seed', 0)
"""
_JOB_IS_AGED = """
coalesce(finished_at, created_at) < :before AND state IN ('delivered', 'failed', 'cancelled')
AND NOT EXISTS (SELECT 1 FROM duel_sides JOIN duels ON duels.id = duel_id
                WHERE job_id = jobs.id AND duels.state NOT IN ('revealed', 'failed'))
"""
_SCRUB_JOBS = f"""
UPDATE jobs SET
    state = CASE state WHEN 'delivered' THEN state WHEN 'failed' THEN state ELSE 'cancelled' END,
    finished_at = coalesce(finished_at, :now), recipe = {_RECIPE_OF_NOBODY}, user_id = {NOBODY},
    channel_id = 0, interaction_token = NULL, interaction_id = NULL, message_id = NULL, answer_id = NULL,
    error = NULL, chosen = '', then_recipe = NULL, locale = '',
    notified = 1
WHERE {{which}}
"""
_SCRUB_CLIPS = f"""
UPDATE clips SET
    recipe = {_RECIPE_OF_NOBODY}, user_id = {NOBODY}, channel_id = 0, message_id = NULL,
    file = '', picture = '',
    facts = json_object('render_seconds', json_extract(facts, '$.render_seconds'),
                        'real_time_factor', json_extract(facts, '$.real_time_factor')),
    deleted_at = coalesce(deleted_at, :now)
WHERE {{which}}
"""
_SCRUB_DUELS = f"""
UPDATE duels SET prompt = '{ERASED}', user_id = {NOBODY}, channel_id = 0, message_id = 0, answer_id = NULL,
    interaction_token = NULL, interaction_id = NULL, error = NULL, notified = 1, answer_shown = 'open'
WHERE {{which}}
"""
_SCRUB_SERIES = f"""
UPDATE series SET state = 'posted', names = '[]', prompts = '[]', recipes = '[]', skipped = json_object(),
    why = '', user_id = {NOBODY},
    channel_id = 0, ended_at = coalesce(ended_at, :now)
WHERE {{which}}
"""
_SCRUB_COMPARISONS = f"""
UPDATE comparisons SET state = 'posted', prompt = '{ERASED}', plan = '[]', measured = '[]', why = '',
    job_id = NULL, user_id = {NOBODY}, channel_id = 0, message_id = 0, ended_at = coalesce(ended_at, :now)
WHERE {{which}}
"""
_SCRUB_VOTES = "UPDATE duel_votes SET voter_id = :pseudonym, line = '' WHERE {which}"
_SCRUB_PRESET_VOTES = "UPDATE preset_votes SET user_id = :pseudonym WHERE {which}"
# Copies that others made are theirs; what they were copied from is forgotten.
_ORPHAN_FORKS = """
UPDATE presets SET forked_from = NULL WHERE forked_from IN (
    SELECT id FROM preset_versions WHERE preset_id IN (SELECT id FROM presets WHERE {which}))
"""
_UNSHARE_PRESETS = "UPDATE presets SET scope = 'private', guild_id = NULL WHERE {which}"
_OF_MEMBERS = "it is its member's, in every server"

REGISTRY: Mapping[str, Table] = {
    "clips": Table(
        holds="clips: prompt and options, measurements, where the files and the message are",
        noun="clip",
        members={
            "user_id": Rule(
                "anonymised",
                (_SCRUB_CLIPS,),
                aged=f"user_id <> {NOBODY} AND job_id IN (SELECT id FROM jobs WHERE {_JOB_IS_AGED})",
                why="length, model and rendering time, for estimates",
            )
        },
        guilds={"guild_id": Rule("kept", why=_OF_MEMBERS)},
        typed=("recipe", "facts"),
        located=("channel_id", "message_id", "file", "picture"),
        plain=(
            "id",
            "job_id",
            "created_at",
            "deleted_at",
            "preset_version",
            "message_deleted_at",
            "ephemeral",
        ),
    ),
    "jobs": Table(
        holds="requests for clips: prompt and options, language, where the answer is shown, what came of it",
        noun="request",
        members={
            "user_id": Rule(
                "anonymised",
                (_SCRUB_JOBS,),
                aged=f"user_id <> {NOBODY} AND {_JOB_IS_AGED}",
                why="length, model and times, for estimates",
            )
        },
        guilds={"guild_id": Rule("kept", why=_OF_MEMBERS)},
        typed=("recipe", "error", "chosen", "then_recipe", "locale"),
        located=("channel_id", "message_id", "answer_id", "interaction_id"),
        secret=("interaction_token",),
        plain=(
            *("id", "state", "mode", "application_id", "can_post", "max_bytes", "attempts", "created_at"),
            *("claimed_at", "finished_at", "posting_at", "notified", "preset_version", "in_duel"),
            *("answer_ephemeral", "interruptions", "isolated", "worker", "exclusive", "newcomer", "priority"),
            *("parent_clip", "takes_of", "take", "opened", "expected_seconds", "own_before"),
        ),
    ),
    "presets": Table(
        holds="presets: their names, and with whom they are shared",
        noun="preset",
        members={"owner_id": Rule("deleted", (_ORPHAN_FORKS, "DELETE FROM presets WHERE {which}"))},
        guilds={"guild_id": Rule("anonymised", (_UNSHARE_PRESETS,), why="they are private from then on")},
        typed=("name", "name_key"),
        plain=(
            *("id", "version", "scope", "code", "forked_from", "uses", "ups", "downs", "rating"),
            *("created_at", "updated_at", "deleted_at"),
        ),
    ),
    "preset_versions": Table(
        holds="what is in a preset, version by version; it goes with its preset",
        typed=("body",),
        through="preset_id IN (SELECT id FROM presets WHERE owner_id = :id)",
        plain=("id", "preset_id", "number", "example_clip", "created_at"),
    ),
    "preset_votes": Table(
        holds="thumbs up and down on presets",
        noun="rating",
        members={"user_id": Rule("anonymised", (_SCRUB_PRESET_VOTES,), why="the count stays as it is")},
        plain=("preset_id", "up", "voted_at"),
    ),
    "preset_reports": Table(
        holds="reports on presets, and which moderator settled them",
        noun="report",
        members={
            "reporter_id": _delete("preset_reports", aged="settled_at < :before"),
            "settled_by": _anonymise("preset_reports", "settled_by"),
        },
        guilds={"guild_id": _delete("preset_reports")},
        typed=("reason",),
        plain=("id", "preset_id", "reported_at", "settled_at"),
    ),
    "preset_hidden": Table(
        holds="presets that moderators hid in a server",
        members={"hidden_by": _anonymise("preset_hidden", "hidden_by")},
        guilds={"guild_id": _delete("preset_hidden")},
        plain=("preset_id", "hidden_at"),
    ),
    "preset_bans": Table(
        holds="members whom moderators stopped from sharing presets",
        members={
            "user_id": Rule("kept", why="else an erasure would lift a moderator's ban"),
            "banned_by": _anonymise("preset_bans", "banned_by"),
        },
        guilds={"guild_id": _delete("preset_bans")},
        plain=("banned_at",),
    ),
    "clip_searches": Table(
        holds="the last 30 searches in /history",
        noun="search",
        members={"user_id": _delete("clip_searches", aged="created_at < :before")},
        typed=("words",),
        plain=("id", "mode", "model", "preset_id", "in_server", "created_at"),
    ),
    "coached": Table(
        holds="the last 50 prompts that the coach was asked about",
        noun="coached prompt",
        members={"user_id": _delete("coached", aged="created_at < :before")},
        typed=("prompt",),
        plain=("id", "mode", "seconds", "created_at"),
    ),
    "coach_silenced": Table(
        holds="who wants no advice under clips",
        members={"user_id": _delete("coach_silenced")},
    ),
    "duels": Table(
        holds="duels: the prompt, who started it, where its message is",
        noun="duel",
        members={
            "user_id": Rule(
                "anonymised",
                (_SCRUB_DUELS,),
                aged=f"user_id <> {NOBODY} AND coalesce(closed_at, created_at) < :before "
                "AND state IN ('revealed', 'failed')",
                why="the topics of the prompt and the votes of others, which count",
            )
        },
        guilds={"guild_id": Rule("kept", why="the votes count")},
        typed=("prompt", "error"),
        located=("channel_id", "message_id", "answer_id", "interaction_id"),
        secret=("interaction_token",),
        plain=(
            *("id", "state", "seconds", "tags", "built_in", "application_id", "max_bytes", "created_at"),
            *("file_a", "file_b", "picture", "posting_at", "posted_at", "closes_at", "closed_at", "notified"),
            *("answer_ephemeral", "answer_shown", "series_id"),
        ),
    ),
    "series": Table(
        holds="series of duels: their prompts and settings, who started them",
        noun="series",
        members={
            "user_id": Rule(
                "anonymised",
                (_SCRUB_SERIES,),
                aged=f"user_id <> {NOBODY} AND state = 'posted' AND ended_at < :before",
                why="which duels belong together, and their votes",
            )
        },
        guilds={"guild_id": Rule("kept", why="the votes count")},
        typed=("names", "prompts", "recipes", "why"),
        located=("channel_id",),
        plain=(
            *("id", "state", "duels", "application_id", "max_bytes", "created_at", "ended_at", "posting_at"),
            "skipped",
        ),
    ),
    "comparisons": Table(
        holds="comparisons of models: the prompt, what was measured, who started them",
        noun="comparison",
        members={
            "user_id": Rule(
                "anonymised",
                (_SCRUB_COMPARISONS,),
                aged=f"user_id <> {NOBODY} AND state = 'posted' AND ended_at < :before",
                why="when they were made",
            )
        },
        guilds={"guild_id": Rule("deleted", ("DELETE FROM comparisons WHERE {which}",))},
        typed=("prompt", "plan", "why"),
        located=("channel_id", "message_id"),
        plain=(
            *("id", "state", "seeds", "measured", "job_id", "application_id", "max_bytes", "created_at"),
            "ended_at",
        ),
    ),
    "duel_sides": Table(
        holds="which model made which side of a duel",
        plain=("duel_id", "side", "mode", "model", "job_id", "tries", "contender"),
    ),
    "duel_votes": Table(
        holds="votes on duels, and what was said under “Why?”",
        noun="vote",
        members={
            "voter_id": Rule(
                "anonymised",
                (_SCRUB_VOTES,),
                why="the choice counts on, under a random number that leads to nobody; the written line goes",
            )
        },
        typed=("line",),
        plain=(
            *("duel_id", "choice", "cast_at", "seconds_to_vote", "requester", "excluded_reason", "reasons"),
            *("score_a", "score_b"),
        ),
    ),
    "vote_consents": Table(
        holds="who agreed that votes may be given to researchers",
        members={"user_id": _delete("vote_consents")},
        plain=("consented_at",),
    ),
    "guild_settings": Table(
        holds="settings of servers and their channels",
        guilds={"guild_id": _delete("guild_settings")},
        located=("channel_id",),
        plain=("name", "value"),
    ),
    "member_bans": Table(
        holds="members kept from the bot, by a server's moderators or by the owner of the bot",
        members={
            "user_id": Rule(
                "kept",
                ("UPDATE member_bans SET reason = '' WHERE {which}",),
                why="else an erasure would lift the ban; its reason goes",
            ),
            "banned_by": _anonymise("member_bans", "banned_by"),
        },
        guilds={"guild_id": _delete("member_bans")},
        typed=("reason",),
        plain=("banned_at",),
    ),
    "blocked_guilds": Table(
        holds="servers that the owner of the bot keeps from it",
        members={"blocked_by": _anonymise("blocked_guilds", "blocked_by")},
        guilds={"guild_id": Rule("kept", why="the block holds")},
        plain=("blocked_at",),
    ),
    "clip_reports": Table(
        holds="reports on clips, and which moderator settled them",
        noun="report on a clip",
        members={
            "reporter_id": _delete("clip_reports", aged="settled_at < :before"),
            "settled_by": _anonymise("clip_reports", "settled_by"),
        },
        guilds={"guild_id": _delete("clip_reports")},
        typed=("reason",),
        plain=("id", "clip_id", "reported_at", "settled_at"),
    ),
    "audit_log": Table(
        holds="what moderators and the owner of the bot did, to whom",
        members={
            "actor_id": _anonymise("audit_log", "actor_id"),
            "member_id": Rule(
                "anonymised",
                (f"UPDATE audit_log SET member_id = {NOBODY} WHERE {{which}}",),
                why="that it happened, without to whom",
            ),
        },
        guilds={"guild_id": _delete("audit_log")},
        plain=("id", "at", "act", "detail"),
    ),
    "owner_switches": Table(
        holds="switches of the owner of the bot",
        plain=("name", "set_at"),
    ),
    "clip_deletions": Table(
        holds="messages that are still to be deleted in Discord, for a day at most",
        guilds={"guild_id": Rule("kept", why="it goes by itself")},
        located=("channel_id", "message_id"),
        secret=("interaction_token",),
        through="clip_id IN (SELECT id FROM clips WHERE user_id = :id)",
        plain=("id", "clip_id", "application_id", "requested_at"),
    ),
    "erasure_requests": Table(
        holds="members whom the owner of the bot is erasing, for a few seconds while the bot runs",
        members={"user_id": _delete("erasure_requests")},
        plain=("requested_at",),
    ),
    "left_guilds": Table(
        holds="servers that the bot was removed from, for 30 days",
        guilds={"guild_id": _delete("left_guilds")},
        plain=("left_at",),
    ),
    "command_registrations": Table(
        holds="which commands Discord knows of this bot",
        plain=("application_id", "payload_sha256", "versions", "registered_at"),
    ),
    "upload_limits": Table(
        holds="how large a file a server or channel took",
        guilds={"guild_or_channel_id": _delete("upload_limits", aged="noted_at < :before")},
        plain=("max_bytes", "noted_at"),
    ),
}
"""Every table of the schema, in the order in which rows are erased: clips before the jobs that made them."""

SEARCH_INDEXES = ("preset_words", "preset_grams", "clip_words", "clip_grams")
"""Full-text indexes, which triggers update; merged after an erasure, so that no deleted word is left."""
