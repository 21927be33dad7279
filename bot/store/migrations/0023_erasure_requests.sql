-- Members whom the owner of the bot erases on the command line while the bot runs: it carries that out itself, because it alone
-- knows what renders for them and deletes their messages.
CREATE TABLE erasure_requests (
    user_id INTEGER PRIMARY KEY,
    requested_at REAL NOT NULL
) STRICT;
