-- Permission: settings of servers and channels, bans, blocks, reported clips, and the audit log.

CREATE TABLE guild_settings (
    guild_id INTEGER NOT NULL,
    -- 0 for the whole server.
    channel_id INTEGER NOT NULL,
    -- A row of bot/policy/settings.py; what is not here has its default.
    name TEXT NOT NULL,
    -- JSON.
    value TEXT NOT NULL,
    PRIMARY KEY (guild_id, channel_id, name)
) STRICT, WITHOUT ROWID;

-- Members kept from the bot: in one server by its moderators, everywhere (server 0) by the bot's owner.
CREATE TABLE member_bans (
    guild_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    banned_by INTEGER NOT NULL,
    banned_at REAL NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (guild_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE blocked_guilds (
    guild_id INTEGER PRIMARY KEY,
    blocked_by INTEGER NOT NULL,
    blocked_at REAL NOT NULL
) STRICT;

CREATE TABLE clip_reports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    clip_id INTEGER NOT NULL REFERENCES clips (id),
    guild_id INTEGER NOT NULL,
    reporter_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    reported_at REAL NOT NULL,
    settled_at REAL,
    settled_by INTEGER,
    UNIQUE (clip_id, reporter_id)
) STRICT;

CREATE INDEX clip_reports_queue ON clip_reports (guild_id, clip_id) WHERE settled_at IS NULL;

-- Acts of moderators, managers and the bot's owner: who did what, when, to whom or what.
CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- 0 for acts of the bot's owner on the whole bot.
    guild_id INTEGER NOT NULL,
    at REAL NOT NULL,
    actor_id INTEGER NOT NULL,
    act TEXT NOT NULL,
    -- The member whom it concerns, where there is one.
    member_id INTEGER,
    -- One line in plain words; what members typed is not in it.
    detail TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX audit_log_of_guild ON audit_log (guild_id, id);

-- Switches of the bot's owner that outlive a restart, "paused" for one.
CREATE TABLE owner_switches (name TEXT PRIMARY KEY, set_at REAL NOT NULL) STRICT;

-- Requests of a day, for limits on seconds of audio.
CREATE INDEX jobs_of_guild ON jobs (guild_id, created_at) WHERE guild_id IS NOT NULL;
CREATE INDEX jobs_of_member_by_time ON jobs (user_id, created_at);
