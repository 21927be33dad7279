-- 1 where nothing was requested: the member opened a file of a clip, which is kept like a clip of this bot.
ALTER TABLE jobs ADD COLUMN opened INTEGER NOT NULL DEFAULT 0 CHECK (opened IN (0, 1));
