-- Search for clips in /history.

-- What was typed for every clip that is not deleted, twice: by words, and by any three characters in a row,
-- which finds Chinese and Japanese inside a sentence.
CREATE VIRTUAL TABLE clip_words USING fts5 (
    text, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
CREATE VIRTUAL TABLE clip_grams USING fts5 (text, tokenize = 'trigram');

CREATE TRIGGER clips_found AFTER INSERT ON clips WHEN NEW.deleted_at IS NULL BEGIN
    INSERT INTO clip_words (rowid, text)
    VALUES (NEW.id, json_extract(NEW.recipe, '$.prompt')
        || coalesce(char(10) || json_extract(NEW.recipe, '$.lyrics'), ''));
    INSERT INTO clip_grams (rowid, text) SELECT rowid, text FROM clip_words WHERE rowid = NEW.id;
END;

CREATE TRIGGER clips_changed AFTER UPDATE OF recipe, deleted_at ON clips BEGIN
    DELETE FROM clip_words WHERE rowid = OLD.id;
    DELETE FROM clip_grams WHERE rowid = OLD.id;
    INSERT INTO clip_words (rowid, text)
    SELECT NEW.id, json_extract(NEW.recipe, '$.prompt')
        || coalesce(char(10) || json_extract(NEW.recipe, '$.lyrics'), '')
    WHERE NEW.deleted_at IS NULL;
    INSERT INTO clip_grams (rowid, text) SELECT rowid, text FROM clip_words WHERE rowid = NEW.id;
END;

CREATE TRIGGER clips_gone AFTER DELETE ON clips BEGIN
    DELETE FROM clip_words WHERE rowid = OLD.id;
    DELETE FROM clip_grams WHERE rowid = OLD.id;
END;

INSERT INTO clip_words (rowid, text)
SELECT id, json_extract(recipe, '$.prompt') || coalesce(char(10) || json_extract(recipe, '$.lyrics'), '')
FROM clips WHERE deleted_at IS NULL;
INSERT INTO clip_grams (rowid, text) SELECT rowid, text FROM clip_words;

CREATE INDEX clips_of_guild ON clips (guild_id, id) WHERE guild_id IS NOT NULL AND deleted_at IS NULL;

-- Searches that the buttons under their pages refer to: what was typed can be longer than a custom_id.
CREATE TABLE clip_searches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL,
    words TEXT NOT NULL,
    mode TEXT,
    model TEXT,
    preset_id INTEGER,
    -- 1 where the server's clips are searched, 0 where the member's own.
    in_server INTEGER NOT NULL CHECK (in_server IN (0, 1)),
    created_at REAL NOT NULL
) STRICT;

CREATE INDEX clip_searches_of_member ON clip_searches (user_id, id);
