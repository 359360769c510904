-- For lists of vulnerabilities: since when each is known, and which no longer count.

-- Since when a part has a finding, and when what is said of it last changed; of those that are there already, since the first
-- scan that is known.
ALTER TABLE part_findings ADD COLUMN first_seen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE part_findings ADD COLUMN modified BIGINT NOT NULL DEFAULT 0;
ALTER TABLE findings ADD COLUMN first_seen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE findings ADD COLUMN modified BIGINT NOT NULL DEFAULT 0;

UPDATE part_findings SET first_seen = COALESCE((SELECT MIN(a.scanned) FROM artifacts a), 0),
    modified = COALESCE((SELECT MIN(a.scanned) FROM artifacts a), 0);
UPDATE findings SET first_seen = COALESCE((SELECT a.scanned FROM artifacts a WHERE a.id = findings.artifact_id), 0),
    modified = COALESCE((SELECT a.scanned FROM artifacts a WHERE a.id = findings.artifact_id), 0);

-- When a scan could first read it.
ALTER TABLE artifacts ADD COLUMN first_scanned BIGINT;
UPDATE artifacts SET first_scanned = scanned;

-- Raised with each refresh that finds something else: whoever keeps parts in memory reads those that are higher.
ALTER TABLE parts ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
CREATE INDEX parts_revision ON parts (revision) WHERE revision > 0;

-- Vulnerabilities that do not count: suppressed (a source says that the part is not affected), or ended (no advisory says any
-- more that it is).
CREATE TABLE closed_findings (
    part_id BIGINT NOT NULL REFERENCES parts (id) ON DELETE CASCADE,
    record TEXT NOT NULL,
    state TEXT NOT NULL,                           -- suppressed, ended
    first_seen BIGINT NOT NULL,
    modified BIGINT NOT NULL,                      -- since when it does not count
    finding BLOB NOT NULL,                         -- as it is, or was at last: JSON, zstd
    PRIMARY KEY (part_id, record)
);

-- What the tag named before it last moved: vulnerabilities that its content had and the present one has not are fixed.
ALTER TABLE images ADD COLUMN previous_artifact_id BIGINT REFERENCES artifacts (id) ON DELETE SET NULL;
CREATE INDEX images_previous ON images (previous_artifact_id);

-- Somebody asked for vulnerabilities of an image to be fixed.
CREATE TABLE fix_requests (
    image_id BIGINT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    record TEXT NOT NULL,
    requested BIGINT NOT NULL,
    new_tag TEXT,                                  -- as which the fixed image is to be pushed
    PRIMARY KEY (image_id, record)
);
