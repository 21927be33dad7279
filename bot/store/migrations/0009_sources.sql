-- A recipe's sources stand by role: melody, start, initial, reference. Before, two keys of their own held them.
-- The prompt and the options stay where they are; the texts are rewritten without their blanks.
UPDATE jobs SET recipe = json_remove(
    json_set(recipe, '$.sources', json_object('melody', json_extract(recipe, '$.melody'))), '$.melody'
) WHERE json_extract(recipe, '$.melody') IS NOT NULL;
UPDATE clips SET recipe = json_remove(
    json_set(recipe, '$.sources', json_object('melody', json_extract(recipe, '$.melody'))), '$.melody'
) WHERE json_extract(recipe, '$.melody') IS NOT NULL;
UPDATE jobs SET recipe = json_remove(
    json_set(recipe, '$.task', 'continue', '$.sources', json_patch(
        coalesce(json_extract(recipe, '$.sources'), '{}'),
        json_object('start', json_extract(recipe, '$.source_clip'))
    )), '$.source_clip'
) WHERE json_extract(recipe, '$.source_clip') IS NOT NULL;
UPDATE clips SET recipe = json_remove(
    json_set(recipe, '$.task', 'continue', '$.sources', json_patch(
        coalesce(json_extract(recipe, '$.sources'), '{}'),
        json_object('start', json_extract(recipe, '$.source_clip'))
    )), '$.source_clip'
) WHERE json_extract(recipe, '$.source_clip') IS NOT NULL;
