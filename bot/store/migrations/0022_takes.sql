-- Takes: jobs of one request, alike but for their seeds, whose clips are posted together in one message.
-- The first of them holds the answer, its token and the record of the delivery for all.
ALTER TABLE jobs ADD COLUMN takes_of INTEGER REFERENCES jobs (id);
-- 1 for the first; 0 for a job that is no take.
ALTER TABLE jobs ADD COLUMN take INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_of_takes ON jobs (takes_of) WHERE takes_of IS NOT NULL;
