-- What the counters of an image became in which rules hold, a row a change.
CREATE TABLE image_counter_history (
    image_id BIGINT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    changed BIGINT NOT NULL,
    why TEXT COLLATE "C" NOT NULL,                             -- scan, refresh, rule
    snapshot_id BIGINT,                            -- NULL: none was in use
    own BIGINT NOT NULL,                           -- 0: since then it has its artifact's again
    counters BYTEA NOT NULL,
    PRIMARY KEY (image_id, changed)
);
CREATE INDEX image_counter_history_changed ON image_counter_history (changed);
