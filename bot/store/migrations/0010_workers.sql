-- Several workers render at once. `worker` is the number of the one that a running job was given to. An isolated
-- job has its worker to itself; an exclusive one, requeued after the bot itself was killed, has all of them.
ALTER TABLE jobs ADD COLUMN worker INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN exclusive INTEGER NOT NULL DEFAULT 0 CHECK (exclusive IN (0, 1));
UPDATE jobs SET exclusive = isolated;
