-- Comparisons of models: their clips are made one after another, each an ordinary job that is measured and then deleted.
-- `ended`: the result is still to be shown.
CREATE TABLE comparisons (
    id INTEGER PRIMARY KEY,
    state TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'ended', 'posted')),
    prompt TEXT NOT NULL,
    seeds INTEGER NOT NULL,
    -- A JSON array of the clips in their order.
    plan TEXT NOT NULL,
    -- A JSON array of what was measured of the first clips of the plan.
    measured TEXT NOT NULL DEFAULT '[]',
    -- The job of the clip that is being made.
    job_id INTEGER REFERENCES jobs (id),
    user_id INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    application_id INTEGER NOT NULL,
    max_bytes INTEGER NOT NULL,
    -- The message with the progress, which becomes the result.
    message_id INTEGER NOT NULL,
    created_at REAL NOT NULL,
    ended_at REAL,
    -- Why it ended before all its clips were measured; empty where it did not.
    why TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX comparisons_going ON comparisons (state) WHERE state <> 'posted';
