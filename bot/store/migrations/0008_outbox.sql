-- What the answer to the command shows of a duel, so that it is brought up to date after a kill.
ALTER TABLE duels ADD COLUMN answer_shown TEXT NOT NULL DEFAULT ''
    CHECK (answer_shown IN ('', 'rendering', 'open'));
UPDATE duels SET answer_shown = CASE WHEN state IN ('rendering', 'ready') THEN 'rendering' ELSE 'open' END;
CREATE INDEX duels_unanswered ON duels (id) WHERE answer_shown <> 'open';

-- What a place was seen to take after it had refused a clip that was within the limit it announced.
CREATE TABLE place_limits (
    -- The server, or the channel outside of servers.
    place_id INTEGER PRIMARY KEY,
    max_bytes INTEGER NOT NULL,
    noted_at REAL NOT NULL
) STRICT;
