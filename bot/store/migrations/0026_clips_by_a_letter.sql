-- A single letter is found as the start of a word as quickly as two or three. Without an index for it, a search went through
-- all clips that hold a word with it. The triggers name the table alone, so they stay.
DROP TABLE clip_words;
CREATE VIRTUAL TABLE clip_words USING fts5 (
    text, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3'
);
INSERT INTO clip_words (rowid, text)
SELECT id, json_extract(recipe, '$.prompt') || coalesce(char(10) || json_extract(recipe, '$.lyrics'), '')
FROM clips WHERE deleted_at IS NULL;
