-- The clip from which a job was requested, by a button under it; a clip's own parent is that of its job.
ALTER TABLE jobs ADD COLUMN parent_clip INTEGER REFERENCES clips (id) ON DELETE SET NULL;
CREATE INDEX jobs_by_parent ON jobs (parent_clip) WHERE parent_clip IS NOT NULL;
