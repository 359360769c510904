-- The start. Times are seconds since 1970, digests are `sha256:<hex>`, flags are 0 or 1.
-- Texts compare byte by byte (SQLite's default; PostgreSQL: COLLATE "C").

-- Proves that master.key is the key of this database.
CREATE TABLE master_key (
    id BIGINT NOT NULL PRIMARY KEY,
    check_value BLOB NOT NULL
);

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE registries (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, -- never used again: sealed passwords are bound to it
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    reported_type TEXT NOT NULL,
    scheme TEXT NOT NULL,
    host TEXT NOT NULL,
    port BIGINT,
    authority TEXT NOT NULL,                       -- host[:port] as in image references, docker.io for Docker Hub
    docker_hub BIGINT NOT NULL,
    username TEXT,
    password BLOB,                                 -- sealed
    region_id TEXT NOT NULL,
    net_type BIGINT NOT NULL,
    ca_pem TEXT,
    repositories TEXT NOT NULL,                    -- JSON list; empty: the catalog
    platform TEXT,
    problem TEXT,
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL
);

-- What a platform manifest's digest names, scanned once.
CREATE TABLE artifacts (
    id INTEGER NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    platform TEXT NOT NULL,
    orphaned BIGINT,                               -- since when no image names it
    scanned BIGINT,                                -- when the report was stored; NULL: no scan could read the image yet
    verdict TEXT,
    report_digest TEXT,
    snapshot TEXT,
    detectors_version TEXT,
    risk_level BIGINT,
    cve BIGINT NOT NULL DEFAULT 0,
    sca BIGINT NOT NULL DEFAULT 0,
    asap BIGINT NOT NULL DEFAULT 0,
    later BIGINT NOT NULL DEFAULT 0,
    nntf BIGINT NOT NULL DEFAULT 0,
    baseline_high BIGINT NOT NULL DEFAULT 0,
    baseline_medium BIGINT NOT NULL DEFAULT 0,
    baseline_low BIGINT NOT NULL DEFAULT 0,
    malicious_serious BIGINT NOT NULL DEFAULT 0,
    malicious_suspicious BIGINT NOT NULL DEFAULT 0,
    malicious_remind BIGINT NOT NULL DEFAULT 0,
    top_tenths BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX artifacts_orphaned ON artifacts (orphaned) WHERE orphaned IS NOT NULL;

-- Apart from `artifacts`, so that lists do not read past them.
CREATE TABLE reports (
    artifact_id BIGINT NOT NULL PRIMARY KEY REFERENCES artifacts (id) ON DELETE CASCADE,
    report BLOB NOT NULL                           -- JSON, zstd
);

CREATE TABLE images (
    id INTEGER NOT NULL PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    repo_id TEXT NOT NULL,
    registry_id BIGINT NOT NULL REFERENCES registries (id) ON DELETE CASCADE,
    namespace TEXT NOT NULL,
    repository TEXT NOT NULL,
    tag TEXT NOT NULL,
    reference TEXT NOT NULL,                       -- namespace/repository:tag
    digest TEXT NOT NULL,
    manifest_digest TEXT NOT NULL,
    artifact_id BIGINT NOT NULL REFERENCES artifacts (id),
    image_id TEXT NOT NULL,
    size BIGINT NOT NULL,
    repo_type TEXT NOT NULL,
    tag_immutable BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    UNIQUE (registry_id, namespace, repository, tag)
);
CREATE INDEX images_digest ON images (digest);
CREATE INDEX images_manifest_digest ON images (manifest_digest);
CREATE INDEX images_image_id ON images (image_id);
CREATE INDEX images_artifact ON images (artifact_id);
CREATE INDEX images_reference ON images (reference);
CREATE INDEX images_namespace ON images (namespace, repository, tag);
CREATE INDEX images_repository ON images (repository, tag);

-- One row per artifact that was ever to be scanned; used again for each scan.
CREATE TABLE tasks (
    id INTEGER NOT NULL PRIMARY KEY,
    artifact_id BIGINT NOT NULL UNIQUE REFERENCES artifacts (id) ON DELETE CASCADE,
    registry_id BIGINT NOT NULL,                   -- whose share of the workers it takes
    state TEXT NOT NULL,                           -- queued, running, done, failed
    origin BIGINT NOT NULL,                        -- 0 a person, 1 a schedule
    attempts BIGINT NOT NULL,
    generation BIGINT NOT NULL,                    -- raised by each claim: the fencing number
    worker TEXT,
    lease_until BIGINT,
    due BIGINT NOT NULL,                           -- not before
    queued BIGINT NOT NULL,
    finished BIGINT,                               -- last end, well or not
    succeeded BIGINT,                              -- last end with a report that could read the image
    error TEXT
);
CREATE INDEX tasks_state ON tasks (state, due);

CREATE TABLE findings (
    artifact_id BIGINT NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    kind TEXT NOT NULL,
    finding_id TEXT NOT NULL,
    record TEXT NOT NULL,
    subject TEXT NOT NULL,
    level TEXT NOT NULL,
    priority TEXT,
    tenths BIGINT,
    fix_version TEXT,
    title TEXT NOT NULL,
    PRIMARY KEY (artifact_id, number)
);

-- Every name that people search a finding by: its id, aliases and advisories, in upper case.
CREATE TABLE finding_names (
    name TEXT NOT NULL,
    artifact_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (name, artifact_id, number),
    FOREIGN KEY (artifact_id, number) REFERENCES findings (artifact_id, number) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX finding_names_finding ON finding_names (artifact_id, number);

CREATE TABLE access_keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    secret BLOB NOT NULL,                          -- sealed
    policy TEXT NOT NULL,                          -- JSON
    active BIGINT NOT NULL,
    created BIGINT NOT NULL,
    last_used BIGINT                               -- midnight of the day
);

CREATE TABLE nonces (
    key_id TEXT NOT NULL,
    nonce TEXT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (key_id, nonce)
);
CREATE INDEX nonces_expires ON nonces (expires);

CREATE TABLE sessions (
    hash TEXT NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    idle_until BIGINT NOT NULL
);

CREATE TABLE clusters (
    id TEXT NOT NULL PRIMARY KEY,
    updated BIGINT NOT NULL
);

-- Containers run the image whose manifest, index or configuration has their digest; without digest the one of their
-- reference.
CREATE TABLE workloads (
    cluster_id TEXT NOT NULL REFERENCES clusters (id) ON DELETE CASCADE,
    namespace TEXT NOT NULL,
    app TEXT NOT NULL,
    pod TEXT NOT NULL,
    container TEXT NOT NULL,
    image TEXT NOT NULL,
    digest TEXT NOT NULL,                          -- empty: not known
    authority TEXT NOT NULL,                       -- of the image as written; empty if that is no reference
    reference TEXT NOT NULL,                       -- namespace/repository:tag; empty likewise
    PRIMARY KEY (cluster_id, namespace, pod, container)
);
CREATE INDEX workloads_namespace ON workloads (namespace);
CREATE INDEX workloads_app ON workloads (app);
CREATE INDEX workloads_digest ON workloads (digest);
CREATE INDEX workloads_reference ON workloads (reference);
