-- What delivery knows of the answer to a command. Discord's own refusal says when a token is dead.

ALTER TABLE jobs DROP COLUMN token_expires_at;
-- Discord's id of the interaction: when it was made by Discord's clock, and how its answer is recognised.
ALTER TABLE jobs ADD COLUMN interaction_id INTEGER;
-- 1 where only the member sees the answer, which the bot's own token then cannot reach.
ALTER TABLE jobs ADD COLUMN answer_ephemeral INTEGER NOT NULL DEFAULT 0 CHECK (answer_ephemeral IN (0, 1));

-- 1 where only the member sees the message, which Discord forgets when its client restarts.
ALTER TABLE clips ADD COLUMN ephemeral INTEGER NOT NULL DEFAULT 0 CHECK (ephemeral IN (0, 1));

ALTER TABLE duels DROP COLUMN token_expires_at;
ALTER TABLE duels ADD COLUMN interaction_id INTEGER;
ALTER TABLE duels ADD COLUMN answer_id INTEGER;
ALTER TABLE duels ADD COLUMN answer_ephemeral INTEGER NOT NULL DEFAULT 0 CHECK (answer_ephemeral IN (0, 1));
