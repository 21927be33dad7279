-- Presets, what members think of them, and what the coach remembers. Owner 0 is the bot itself; guild 0 is
-- everywhere, where the bot's owner decides.

CREATE TABLE presets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    -- What names are compared by: without regard to case and width.
    name_key TEXT NOT NULL,
    -- The number of the newest version.
    version INTEGER NOT NULL DEFAULT 1,
    scope TEXT NOT NULL DEFAULT 'private' CHECK (scope IN ('private', 'server', 'public')),
    -- The server it is shared with.
    guild_id INTEGER CHECK ((scope = 'server') = (guild_id IS NOT NULL)),
    -- What anyone can type to find it, from the first sharing on.
    code TEXT UNIQUE,
    forked_from INTEGER REFERENCES preset_versions (id),
    uses INTEGER NOT NULL DEFAULT 0,
    ups INTEGER NOT NULL DEFAULT 0,
    downs INTEGER NOT NULL DEFAULT 0,
    -- The lower bound of Wilson's interval for the share of thumbs up.
    rating REAL NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    -- Set where the owner deleted it while others build on it.
    deleted_at REAL
) STRICT;

CREATE UNIQUE INDEX presets_of_owner ON presets (owner_id, name_key) WHERE deleted_at IS NULL;
CREATE INDEX presets_of_server ON presets (guild_id, uses DESC) WHERE deleted_at IS NULL AND scope = 'server';
CREATE INDEX presets_by_name ON presets (name_key) WHERE deleted_at IS NULL AND scope = 'public';
CREATE INDEX presets_by_use ON presets (uses DESC, rating DESC, id) WHERE deleted_at IS NULL AND scope = 'public';
CREATE INDEX presets_by_rating ON presets (rating DESC, uses DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX presets_forked ON presets (forked_from) WHERE forked_from IS NOT NULL;

CREATE TABLE preset_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    preset_id INTEGER NOT NULL REFERENCES presets (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    example_clip INTEGER REFERENCES clips (id),
    created_at REAL NOT NULL,
    UNIQUE (preset_id, number)
) STRICT;

CREATE TRIGGER preset_versions_never_change BEFORE UPDATE ON preset_versions BEGIN
    SELECT raise(ABORT, 'a version of a preset never changes');
END;

ALTER TABLE jobs ADD COLUMN preset_version INTEGER REFERENCES preset_versions (id) ON DELETE SET NULL;
ALTER TABLE clips ADD COLUMN preset_version INTEGER REFERENCES preset_versions (id) ON DELETE SET NULL;
CREATE INDEX jobs_with_preset ON jobs (preset_version) WHERE preset_version IS NOT NULL;
CREATE INDEX clips_with_preset ON clips (preset_version, user_id) WHERE preset_version IS NOT NULL;

CREATE TRIGGER clips_count_use AFTER INSERT ON clips WHEN NEW.preset_version IS NOT NULL BEGIN
    UPDATE presets SET uses = uses + 1
    WHERE id = (SELECT preset_id FROM preset_versions WHERE id = NEW.preset_version);
END;

CREATE TABLE preset_votes (
    preset_id INTEGER NOT NULL REFERENCES presets (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL,
    up INTEGER NOT NULL CHECK (up IN (0, 1)),
    voted_at REAL NOT NULL,
    PRIMARY KEY (preset_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE preset_reports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    preset_id INTEGER NOT NULL REFERENCES presets (id) ON DELETE CASCADE,
    guild_id INTEGER NOT NULL,
    reporter_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    reported_at REAL NOT NULL,
    settled_at REAL,
    settled_by INTEGER
) STRICT;

CREATE UNIQUE INDEX preset_reports_open ON preset_reports (preset_id, guild_id, reporter_id) WHERE settled_at IS NULL;
CREATE INDEX preset_reports_queue ON preset_reports (guild_id, preset_id) WHERE settled_at IS NULL;

CREATE TABLE preset_hidden (
    preset_id INTEGER NOT NULL REFERENCES presets (id) ON DELETE CASCADE,
    guild_id INTEGER NOT NULL,
    hidden_by INTEGER NOT NULL,
    hidden_at REAL NOT NULL,
    PRIMARY KEY (preset_id, guild_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE preset_bans (
    user_id INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    banned_by INTEGER NOT NULL,
    banned_at REAL NOT NULL,
    PRIMARY KEY (user_id, guild_id)
) STRICT, WITHOUT ROWID;

-- The newest version of every preset, twice: by words, and by any three characters in a row, which finds
-- Chinese and Japanese inside a sentence.
CREATE VIRTUAL TABLE preset_words USING fts5 (
    name, description, tags, template, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3'
);
CREATE VIRTUAL TABLE preset_grams USING fts5 (name, description, tags, template, tokenize = 'trigram');

CREATE TRIGGER preset_versions_found AFTER INSERT ON preset_versions BEGIN
    DELETE FROM preset_words WHERE rowid = NEW.preset_id;
    DELETE FROM preset_grams WHERE rowid = NEW.preset_id;
    INSERT INTO preset_words (rowid, name, description, tags, template)
    SELECT
        id, name, coalesce(json_extract(NEW.body, '$.description'), ''),
        coalesce((SELECT group_concat(value, ' ') FROM json_each(NEW.body, '$.tags')), ''),
        json_extract(NEW.body, '$.template')
    FROM presets WHERE id = NEW.preset_id;
    INSERT INTO preset_grams (rowid, name, description, tags, template)
    SELECT rowid, name, description, tags, template FROM preset_words WHERE rowid = NEW.preset_id;
END;

CREATE TRIGGER presets_renamed AFTER UPDATE OF name ON presets BEGIN
    UPDATE preset_words SET name = NEW.name WHERE rowid = NEW.id;
    UPDATE preset_grams SET name = NEW.name WHERE rowid = NEW.id;
END;

CREATE TRIGGER presets_lost AFTER UPDATE OF deleted_at ON presets WHEN NEW.deleted_at IS NOT NULL BEGIN
    DELETE FROM preset_words WHERE rowid = NEW.id;
    DELETE FROM preset_grams WHERE rowid = NEW.id;
END;

CREATE TRIGGER presets_gone AFTER DELETE ON presets BEGIN
    DELETE FROM preset_words WHERE rowid = OLD.id;
    DELETE FROM preset_grams WHERE rowid = OLD.id;
END;

-- Prompts that buttons under the coach's answers refer to.
CREATE TABLE coached (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL,
    prompt TEXT NOT NULL,
    mode TEXT NOT NULL,
    seconds REAL,
    created_at REAL NOT NULL
) STRICT;

CREATE INDEX coached_of_member ON coached (user_id, id);

-- Members who do not want the coach's line under their clips.
CREATE TABLE coach_silenced (user_id INTEGER PRIMARY KEY) STRICT;
