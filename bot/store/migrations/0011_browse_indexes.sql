-- Each order in which presets are browsed, and the start of a name, as an index: a page is read from the front of
-- one, where it took a scan and a sort of all presets. `presets_by_rating` is there already.
CREATE INDEX presets_listed_by_use ON presets (uses DESC, rating DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX presets_listed_by_age ON presets (created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX presets_listed_by_name ON presets (name_key) WHERE deleted_at IS NULL;
