-- How long a job was to take by the queue as it stood at its request, in seconds until delivery, and how many jobs of its
-- member waited before it: what came of it tells how far such an estimate is off.
ALTER TABLE jobs ADD COLUMN expected_seconds REAL;
ALTER TABLE jobs ADD COLUMN own_before INTEGER;
