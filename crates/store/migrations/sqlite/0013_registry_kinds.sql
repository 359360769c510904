-- What the kinds of registries need besides an account, and what their APIs tell of themselves.
ALTER TABLE registries ADD COLUMN adapter TEXT NOT NULL DEFAULT '{}';   -- JSON: API's address and account, instance, patterns
ALTER TABLE registries ADD COLUMN api_token BLOB;                       -- sealed
ALTER TABLE registries ADD COLUMN endpoints TEXT NOT NULL DEFAULT '[]'; -- JSON list: hosts by which it can be reached
