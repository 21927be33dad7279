-- Any two models or settings meet in a duel, so both sides may have one mode: the table without UNIQUE (duel_id, mode).
CREATE TABLE new_sides (
    duel_id INTEGER NOT NULL REFERENCES duels (id),
    side TEXT NOT NULL CHECK (side IN ('a', 'b')),
    mode TEXT NOT NULL,
    model TEXT NOT NULL,
    job_id INTEGER NOT NULL UNIQUE REFERENCES jobs (id),
    tries INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (duel_id, side)
) STRICT, WITHOUT ROWID;
INSERT INTO new_sides (duel_id, side, mode, model, job_id, tries)
SELECT duel_id, side, mode, model, job_id, tries FROM duel_sides;
DROP TABLE duel_sides;
ALTER TABLE new_sides RENAME TO duel_sides;
