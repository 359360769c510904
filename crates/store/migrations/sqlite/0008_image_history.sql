-- What the counters of an image became in which rules hold, a row a change.
CREATE TABLE image_counter_history (
    image_id BIGINT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    changed BIGINT NOT NULL,
    why TEXT NOT NULL,                             -- scan, refresh, rule
    snapshot_id BIGINT,                            -- NULL: none was in use
    own BIGINT NOT NULL,                           -- 0: since then it has its artifact's again
    counters BLOB NOT NULL,
    PRIMARY KEY (image_id, changed)
) WITHOUT ROWID;
CREATE INDEX image_counter_history_changed ON image_counter_history (changed);
