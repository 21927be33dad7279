-- SQLite takes a partial index only where the query repeats its condition. Those that look for what is queued or running
-- name fewer states than jobs_open did, so that they went through all jobs of all years.
DROP INDEX jobs_open;
CREATE INDEX jobs_by_state ON jobs (state, user_id, id);
