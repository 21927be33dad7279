-- A series of duels among contenders, one duel after another. `ended`: its result is still to be posted.
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    state TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'ended', 'posted')),
    -- A JSON array of what the contenders are called.
    names TEXT NOT NULL,
    -- A JSON array a prompt, each with a recipe a contender; seeds are drawn anew for each duel.
    recipes TEXT NOT NULL,
    duels INTEGER NOT NULL CHECK (duels > 0),
    user_id INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    application_id INTEGER NOT NULL,
    max_bytes INTEGER NOT NULL,
    created_at REAL NOT NULL,
    ended_at REAL,
    -- Why it ended before all its duels were over; empty where it did not.
    why TEXT NOT NULL DEFAULT '',
    -- When its result was first posted; set before the request leaves.
    posting_at REAL
) STRICT;
ALTER TABLE duels ADD COLUMN series_id INTEGER REFERENCES series (id);
CREATE INDEX duels_of_series ON duels (series_id) WHERE series_id IS NOT NULL;
-- The number of a side's contender in its series, from 0.
ALTER TABLE duel_sides ADD COLUMN contender INTEGER;
