-- The recipe that is queued once a job's clip is rendered, made from that clip, which is not posted itself.
ALTER TABLE jobs ADD COLUMN then_recipe TEXT;
