-- Blind duels: two clips of one prompt, and what was voted on them. Times are seconds since 1970.

CREATE TABLE duels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- rendering: both clips are being made; ready: the neutral files are there; open: posted, takes votes;
    -- closed: counted, not yet shown; revealed: over; failed: no duel came of it.
    state TEXT NOT NULL DEFAULT 'rendering'
        CHECK (state IN ('rendering', 'ready', 'open', 'closed', 'revealed', 'failed')),
    prompt TEXT NOT NULL,
    seconds REAL NOT NULL,
    -- A JSON array, "genre:jazz" for one.
    tags TEXT NOT NULL,
    built_in INTEGER NOT NULL CHECK (built_in IN (0, 1)),
    user_id INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    application_id INTEGER NOT NULL,
    -- The right to edit the answer to the command; erased once the duel is posted or has failed.
    interaction_token TEXT,
    token_expires_at REAL NOT NULL,
    max_bytes INTEGER NOT NULL,
    created_at REAL NOT NULL,
    -- Names inside the clips' folder; empty until they are made and after the duel is over.
    file_a TEXT NOT NULL DEFAULT '',
    file_b TEXT NOT NULL DEFAULT '',
    picture TEXT NOT NULL DEFAULT '',
    -- When the duel was first posted; set before the request leaves.
    posting_at REAL,
    message_id INTEGER,
    -- When Discord says that the message was made; votes are timed from here.
    posted_at REAL,
    closes_at REAL,
    closed_at REAL,
    error TEXT,
    -- 1 once the requester was told of a failure.
    told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),
    CHECK (state NOT IN ('open', 'closed', 'revealed')
        OR (message_id IS NOT NULL AND posted_at IS NOT NULL AND closes_at IS NOT NULL))
) STRICT;

CREATE INDEX duels_going ON duels (state, id) WHERE state IN ('rendering', 'ready', 'open', 'closed');
CREATE INDEX duels_untold ON duels (id) WHERE state = 'failed' AND told = 0;
CREATE INDEX duels_of_guild ON duels (guild_id, id);

CREATE TABLE duel_sides (
    duel_id INTEGER NOT NULL REFERENCES duels (id),
    side TEXT NOT NULL CHECK (side IN ('a', 'b')),
    mode TEXT NOT NULL,
    model TEXT NOT NULL,
    job_id INTEGER NOT NULL UNIQUE REFERENCES jobs (id),
    tries INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (duel_id, side),
    UNIQUE (duel_id, mode)
) STRICT, WITHOUT ROWID;

-- 1 for a clip that a duel waits for: it is shown with the duel, and nowhere before.
ALTER TABLE jobs ADD COLUMN in_duel INTEGER NOT NULL DEFAULT 0 CHECK (in_duel IN (0, 1));

CREATE TABLE duel_votes (
    duel_id INTEGER NOT NULL REFERENCES duels (id),
    voter_id INTEGER NOT NULL,
    choice TEXT NOT NULL CHECK (choice IN ('a', 'b', 'both_good', 'both_bad')),
    cast_at REAL NOT NULL,
    -- From the duel's message to the tap, by Discord's clock.
    seconds_to_vote REAL NOT NULL CHECK (seconds_to_vote >= 0),
    requester INTEGER NOT NULL CHECK (requester IN (0, 1)),
    -- Why the vote is kept but not counted.
    excluded_reason TEXT,
    -- What was said under "Why?": a JSON array, a line, and 0 to 10 a side.
    reasons TEXT NOT NULL DEFAULT '[]',
    line TEXT NOT NULL DEFAULT '',
    score_a INTEGER CHECK (score_a BETWEEN 0 AND 10),
    score_b INTEGER CHECK (score_b BETWEEN 0 AND 10),
    PRIMARY KEY (duel_id, voter_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX duel_votes_of_member ON duel_votes (voter_id, cast_at);

-- Who agreed that their votes and prompts may be given to researchers.
CREATE TABLE vote_consents (
    user_id INTEGER PRIMARY KEY,
    consented_at REAL NOT NULL
) STRICT;
