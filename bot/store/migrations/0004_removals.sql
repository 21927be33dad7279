-- Removals: what is deleted here and in Discord together, and what was deleted in Discord alone.

-- When somebody else deleted the clip's message in Discord; the clip itself is still there.
ALTER TABLE clips ADD COLUMN message_deleted_at REAL;

-- Deletions that are decided and not finished: one row a message. The clip counts as deleted from the moment
-- that its row is here; the row goes once message and files are gone.
CREATE TABLE clip_deletions (
    id INTEGER PRIMARY KEY,
    clip_id INTEGER NOT NULL REFERENCES clips (id),
    guild_id INTEGER,
    channel_id INTEGER NOT NULL,
    -- The message to delete; none where only the files are left.
    message_id INTEGER,
    application_id INTEGER NOT NULL,
    -- The right to delete the message where the bot is not a member: of the press that asked for it.
    interaction_token TEXT,
    requested_at REAL NOT NULL
) STRICT;

-- Which job, clip or duel a message of Discord belongs to.
CREATE INDEX clips_by_message ON clips (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX jobs_by_answer ON jobs (answer_id) WHERE answer_id IS NOT NULL;
CREATE INDEX duels_by_message ON duels (message_id) WHERE message_id IS NOT NULL;

-- Clips of a duel that failed between two transactions.
UPDATE jobs SET
    state = CASE state WHEN 'rendered' THEN 'failed' ELSE 'cancelled' END,
    error = coalesce(error, (SELECT duels.error FROM duel_sides JOIN duels ON duels.id = duel_id
                             WHERE job_id = jobs.id)),
    told = 1, interaction_token = NULL
WHERE state IN ('queued', 'running', 'rendered')
  AND id IN (SELECT job_id FROM duel_sides JOIN duels ON duels.id = duel_id WHERE duels.state = 'failed');
