-- Those who come to us: Harbor with wishes for scans, registries with hints, builds with reports.

-- By which token whoever speaks for a registry is known. A new one of a purpose replaces the one before.
CREATE TABLE registry_tokens (
    registry_id BIGINT NOT NULL REFERENCES registries (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,                         -- hook, report, scanner
    hash TEXT NOT NULL,                            -- SHA-256
    created BIGINT NOT NULL,
    PRIMARY KEY (registry_id, purpose)
) WITHOUT ROWID;

-- Scans that another system asked for, and comes back for.
CREATE TABLE requested_scans (
    id TEXT NOT NULL PRIMARY KEY,                  -- random: what is sealed is bound to it
    registry_id BIGINT NOT NULL REFERENCES registries (id) ON DELETE CASCADE,
    wish TEXT NOT NULL,                            -- JSON: what is to be scanned, as it was asked for
    credential BLOB,                               -- sealed; NULL: there is none, or the scan has ended
    state TEXT NOT NULL,                           -- queued, running, done, failed
    attempts BIGINT NOT NULL,
    generation BIGINT NOT NULL,                    -- raised by each claim: the fencing number
    worker TEXT,
    lease_until BIGINT,
    due BIGINT NOT NULL,                           -- not before
    created BIGINT NOT NULL,
    finished BIGINT,
    error TEXT,
    report BLOB                                    -- JSON, zstd
);
CREATE INDEX requested_scans_state ON requested_scans (state, due);
CREATE INDEX requested_scans_created ON requested_scans (created);

-- What registries' webhooks say has changed: looked at again, and forgotten.
CREATE TABLE hook_hints (
    registry_id BIGINT NOT NULL REFERENCES registries (id) ON DELETE CASCADE,
    path TEXT NOT NULL,                            -- '': anything
    tag TEXT NOT NULL,                             -- '': any
    number BIGINT NOT NULL,                        -- how often it was said; what is said meanwhile is looked at again
    attempts BIGINT NOT NULL,
    worker TEXT,
    lease_until BIGINT,                            -- NULL: nobody looks
    due BIGINT NOT NULL,                           -- not before
    received BIGINT NOT NULL,
    error TEXT,
    PRIMARY KEY (registry_id, path, tag)
) WITHOUT ROWID;
CREATE INDEX hook_hints_due ON hook_hints (due);

-- Which build made an image that a build reported.
CREATE TABLE image_builds (
    image_id BIGINT NOT NULL PRIMARY KEY REFERENCES images (id) ON DELETE CASCADE,
    system TEXT NOT NULL,                          -- jenkins, github, gitlab, tekton, other
    job TEXT,
    build TEXT,
    url TEXT,
    source_commit TEXT,
    source_branch TEXT,
    reported BIGINT NOT NULL
);
