-- Which job ended the worker is known only where a single one was running. So `attempts` counts the worker
-- processes that ended while a job ran alone, `interruptions` the times that the bot was killed then, and a job
-- that was running beside others is isolated: it is rendered again with nothing beside it.
ALTER TABLE jobs ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN isolated INTEGER NOT NULL DEFAULT 0 CHECK (isolated IN (0, 1));
