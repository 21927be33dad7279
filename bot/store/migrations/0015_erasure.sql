-- Erasure of a member's data, and of a server's after the bot was removed from it.

-- A message to delete need not carry a clip: a failed job's answer and a duel show a member's prompt too.
CREATE TABLE clip_deletions_of_any_message (
    id INTEGER PRIMARY KEY,
    -- The clip whose message it is, if any.
    clip_id INTEGER REFERENCES clips (id),
    guild_id INTEGER,
    channel_id INTEGER NOT NULL,
    -- The message to delete; none where only the files are left.
    message_id INTEGER,
    application_id INTEGER NOT NULL,
    -- The right to delete the message where the bot is not a member: of the press that asked for it.
    interaction_token TEXT,
    requested_at REAL NOT NULL
) STRICT;
INSERT INTO clip_deletions_of_any_message
    (id, clip_id, guild_id, channel_id, message_id, application_id, interaction_token, requested_at)
SELECT id, clip_id, guild_id, channel_id, message_id, application_id, interaction_token, requested_at
FROM clip_deletions;
DROP TABLE clip_deletions;
ALTER TABLE clip_deletions_of_any_message RENAME TO clip_deletions;

-- Servers that the bot was removed from, until their own data is erased.
CREATE TABLE left_guilds (
    guild_id INTEGER PRIMARY KEY,
    left_at REAL NOT NULL
) STRICT;

CREATE INDEX duels_of_member ON duels (user_id, id);
CREATE INDEX jobs_by_end ON jobs (finished_at) WHERE finished_at IS NOT NULL;
