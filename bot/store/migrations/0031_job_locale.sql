-- Discord's locale of the member's client at the request: what they alone read of a clip is in it. Empty for older requests.
ALTER TABLE jobs ADD COLUMN locale TEXT NOT NULL DEFAULT '';
