-- The queue and what came of it. Times are seconds since 1970, passed in by the program.

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    state TEXT NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'running', 'rendered', 'delivered', 'failed', 'cancelled')),
    recipe TEXT NOT NULL,
    mode TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    guild_id INTEGER,
    channel_id INTEGER NOT NULL,
    application_id INTEGER NOT NULL,
    -- The right to edit the answer to the command; erased once the job is over.
    interaction_token TEXT,
    token_expires_at REAL NOT NULL,
    -- 1 where the bot may post in the channel on its own.
    can_post INTEGER NOT NULL CHECK (can_post IN (0, 1)),
    max_bytes INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    claimed_at REAL,
    finished_at REAL,
    error TEXT,
    -- When the clip was first posted without the interaction's token; set before the request leaves.
    posting_at REAL,
    message_id INTEGER,
    -- The message that shows the job's progress, once it is known.
    answer_id INTEGER,
    -- 1 once the member was told of a failure or a cancellation.
    told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1))
) STRICT;

CREATE INDEX jobs_open ON jobs (state, user_id, id) WHERE state IN ('queued', 'running', 'rendered');
CREATE INDEX jobs_untold ON jobs (id) WHERE told = 0 AND state IN ('failed', 'cancelled');
CREATE INDEX jobs_of_member ON jobs (user_id, id);
CREATE INDEX jobs_claims ON jobs (user_id, claimed_at) WHERE claimed_at IS NOT NULL;

-- Who is next: members take turns. Each member's first waiting clip comes before anybody's second;
-- within a round, the member who was served longest ago comes first.
CREATE VIEW queue AS
SELECT id, user_id, mode, recipe, row_number() OVER (ORDER BY round, served_at, first_id) AS place
FROM (
    SELECT
        id, user_id, mode, recipe,
        row_number() OVER (PARTITION BY user_id ORDER BY id) AS round,
        min(id) OVER (PARTITION BY user_id) AS first_id,
        coalesce((SELECT max(claimed_at) FROM jobs AS served WHERE served.user_id = jobs.user_id), 0) AS served_at
    FROM jobs
    WHERE state = 'queued'
);

CREATE TABLE clips (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL UNIQUE REFERENCES jobs (id),
    recipe TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    guild_id INTEGER,
    channel_id INTEGER NOT NULL,
    message_id INTEGER,
    -- Names inside the clips' folder; empty once the files were removed.
    file TEXT NOT NULL,
    picture TEXT NOT NULL,
    facts TEXT NOT NULL,
    created_at REAL NOT NULL,
    deleted_at REAL
) STRICT;

CREATE INDEX clips_of_member ON clips (user_id, id);
