-- The limits that a 413 revealed, by the name that Discord's documentation uses.
ALTER TABLE place_limits RENAME TO upload_limits;
ALTER TABLE upload_limits RENAME COLUMN place_id TO guild_or_channel_id;
