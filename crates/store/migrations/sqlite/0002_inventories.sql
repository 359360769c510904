-- What artifacts hold, each thing once: packages that are matched once however many images have them, and inventories that
-- artifacts share. Artifacts that were scanned before keep their whole report until their next scan.

-- A distinct package without the places where it lies, or a remainder: what a scan found that belongs to no package.
CREATE TABLE parts (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, -- never used again, and a refresh walks them by it
    key BLOB NOT NULL UNIQUE,                      -- SHA-256 of what it is
    ecosystem TEXT,                                -- NULL: a remainder
    release TEXT,
    name TEXT,
    purl TEXT,
    asked TEXT,                                    -- ecosystem, line feed, name: what the snapshot is asked for
    content BLOB NOT NULL,                         -- JSON; a remainder's is packed (zstd)
    matched BLOB,                                  -- findings and gaps: JSON, zstd; NULL: none
    gaps TEXT,                                     -- gaps of matching: JSON; NULL: none
    stale BIGINT NOT NULL DEFAULT 0,               -- a score was too old to be used
    tally BLOB NOT NULL,                           -- what it adds to counters
    lead BLOB,                                     -- how its most urgent finding sorts; NULL: none
    lead_number BIGINT,
    until BIGINT                                   -- from which date of a snapshot on its findings may be others
);
CREATE INDEX parts_asked ON parts (asked) WHERE asked IS NOT NULL;
CREATE INDEX parts_name ON parts (name) WHERE name IS NOT NULL;
CREATE INDEX parts_purl ON parts (purl) WHERE purl IS NOT NULL;
CREATE INDEX parts_until ON parts (until) WHERE until IS NOT NULL;

CREATE TABLE part_findings (
    part_id BIGINT NOT NULL REFERENCES parts (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    kind TEXT NOT NULL,
    finding_id TEXT NOT NULL,
    record TEXT NOT NULL,
    subject TEXT,                                  -- NULL: the part's package URL
    level TEXT NOT NULL,
    priority TEXT,
    tenths BIGINT,
    fix_version TEXT,
    title TEXT NOT NULL,
    PRIMARY KEY (part_id, number)
) WITHOUT ROWID;

-- Every name that people search a finding by, in upper case.
CREATE TABLE part_names (
    name TEXT NOT NULL,
    part_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (name, part_id, number)
) WITHOUT ROWID;

-- A set of parts with the places where they lie.
CREATE TABLE inventories (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,
    parts BLOB NOT NULL,                           -- numbers of packages in the report's order, then the remainder's
    places BLOB NOT NULL,                          -- where each lies: zstd
    counters BLOB NOT NULL,
    verdict TEXT NOT NULL,
    gaps TEXT,                                     -- what the snapshot cannot answer of all packages together: JSON; NULL: none
    lead_part BIGINT,
    lead_number BIGINT
);

-- Which inventories hold a part, 4,096 numbers of inventories a row.
CREATE TABLE part_inventories (
    part_id BIGINT NOT NULL REFERENCES parts (id) ON DELETE CASCADE,
    block BIGINT NOT NULL,
    inventories BLOB NOT NULL,
    PRIMARY KEY (part_id, block)
) WITHOUT ROWID;

-- How many images have an inventory, 256 numbers of inventories a row.
CREATE TABLE inventory_images (
    block BIGINT NOT NULL PRIMARY KEY,
    images BLOB NOT NULL
);

ALTER TABLE artifacts ADD COLUMN inventory_id BIGINT REFERENCES inventories (id); -- NULL: its report is kept whole
CREATE INDEX artifacts_inventory ON artifacts (inventory_id);

-- For lists of affected images in their order.
CREATE INDEX images_order ON images (registry_id, namespace, repository, tag, artifact_id);

-- What all parts are matched with.
CREATE TABLE fleet (
    id BIGINT NOT NULL PRIMARY KEY,
    snapshot TEXT,                                 -- NULL: there was none
    feed TEXT,                                     -- the snapshot's state: JSON
    matcher TEXT NOT NULL,                         -- version of the rules
    refresh_id BIGINT                              -- the refresh that is under way
);

-- Each time that all parts were brought to another snapshot.
CREATE TABLE refreshes (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    snapshot_before TEXT,
    snapshot TEXT,
    phase TEXT NOT NULL,                           -- match, count, done
    everything BIGINT NOT NULL,                    -- every part is matched again
    every_gap BIGINT NOT NULL,                     -- every inventory's gaps are looked at again
    next BIGINT NOT NULL,                          -- part or inventory to go on behind
    started BIGINT NOT NULL,
    finished BIGINT,
    parts BIGINT NOT NULL DEFAULT 0,               -- matched again
    changed BIGINT NOT NULL DEFAULT 0,             -- of them, with another result
    artifacts BIGINT NOT NULL DEFAULT 0            -- whose numbers changed
);

-- The parts of a refresh that is under way: to be matched, or matched with another result.
CREATE TABLE refresh_parts (
    refresh_id BIGINT NOT NULL REFERENCES refreshes (id) ON DELETE CASCADE,
    part_id BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    counts BIGINT NOT NULL,                        -- its inventories are to be counted again
    changes TEXT NOT NULL,                         -- finding id to priority before and after: JSON
    PRIMARY KEY (refresh_id, part_id)
) WITHOUT ROWID;

-- What a refresh changed, a vulnerability a row.
CREATE TABLE refresh_deltas (
    refresh_id BIGINT NOT NULL REFERENCES refreshes (id) ON DELETE CASCADE,
    finding_id TEXT NOT NULL,
    priority_before TEXT,
    priority TEXT,
    images BIGINT NOT NULL,
    newly BIGINT NOT NULL,
    cleared BIGINT NOT NULL,
    newly_in BLOB NOT NULL,                        -- inventories
    cleared_in BLOB NOT NULL,
    PRIMARY KEY (refresh_id, finding_id)
) WITHOUT ROWID;
CREATE INDEX refresh_deltas_finding ON refresh_deltas (finding_id, refresh_id);
