-- What Discord last took as an application's commands, so that a start sends them only when something changed.
CREATE TABLE command_registrations (
    application_id INTEGER PRIMARY KEY,
    -- SHA-256 of the payload, in hex.
    payload_sha256 TEXT NOT NULL,
    -- Discord's id and version of each command, as JSON: another program may have registered others since.
    versions TEXT NOT NULL,
    registered_at REAL NOT NULL
) STRICT;
