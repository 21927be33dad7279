-- What was typed, a prompt a row of `recipes`, whose prompts a preset puts into words of its own. '[]' in older series.
ALTER TABLE series ADD COLUMN prompts TEXT NOT NULL DEFAULT '[]';
-- The prompts that are left out: a JSON object of their numbers from 0, each with the reason.
ALTER TABLE series ADD COLUMN skipped TEXT NOT NULL DEFAULT '{}';
