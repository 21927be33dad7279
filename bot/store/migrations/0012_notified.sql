-- Columns and the view of the queue by the terms that the program uses.

-- 1 once the member knows of a failure or a cancellation.
ALTER TABLE jobs RENAME COLUMN told TO notified;
ALTER TABLE duels RENAME COLUMN told TO notified;
DROP INDEX jobs_untold;
DROP INDEX duels_untold;
CREATE INDEX jobs_to_notify ON jobs (id) WHERE notified = 0 AND state IN ('failed', 'cancelled');
CREATE INDEX duels_to_notify ON duels (id) WHERE state = 'failed' AND notified = 0;

-- Fair queueing: round-robin between members. `round` numbers each member's waiting jobs, so that everybody's first job
-- comes before anybody's second, whatever the number of jobs that one of them queued. Within a round the member who was
-- served longest ago is first: round-robin alone would begin anew with every job that arrives, and a member who queues
-- the next job whenever one is done would be served each time. Members never served count as served at time 0; `first_id`,
-- their oldest waiting job, orders members served at the same time. The order is computed, not stored, so it needs no
-- upkeep when jobs are cancelled; with at most a few hundred jobs waiting that takes about a millisecond.
DROP VIEW queue;
CREATE VIEW queue AS
SELECT id, user_id, mode, recipe, row_number() OVER (ORDER BY round, served_at, first_id) AS queue_position
FROM (
    SELECT
        id, user_id, mode, recipe,
        row_number() OVER (PARTITION BY user_id ORDER BY id) AS round,
        min(id) OVER (PARTITION BY user_id) AS first_id,
        coalesce((SELECT max(claimed_at) FROM jobs AS served WHERE served.user_id = jobs.user_id), 0) AS served_at
    FROM jobs
    WHERE state = 'queued'
);
