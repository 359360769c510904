-- Who decided that which vulnerability does not count, where, why and until when.
CREATE TABLE ignore_rules (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, -- never used again: people and clients note it
    vulnerability TEXT NOT NULL,
    alias TEXT,
    package TEXT,
    of_type TEXT,                                  -- cve, sca; NULL: both
    image TEXT,                                    -- an image's id, or a digest
    repositories TEXT NOT NULL,                    -- JSON list of patterns; empty: all
    source TEXT NOT NULL,                          -- image; agentless: without effect
    reason TEXT NOT NULL,
    author TEXT NOT NULL,
    expires BIGINT,
    expired BIGINT NOT NULL,                       -- it has run out, and images were counted again without it
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    last_used BIGINT                               -- when an image last came under it, or ceased to be
);
CREATE INDEX ignore_rules_expires ON ignore_rules (expires) WHERE expired = 0;

-- The numbers of images in which a rule holds; all others have those of their artifacts.
CREATE TABLE image_counters (
    image_id BIGINT NOT NULL PRIMARY KEY REFERENCES images (id) ON DELETE CASCADE,
    risk_level BIGINT NOT NULL,
    cve BIGINT NOT NULL,
    sca BIGINT NOT NULL,
    asap BIGINT NOT NULL,
    later BIGINT NOT NULL,
    nntf BIGINT NOT NULL,
    baseline_high BIGINT NOT NULL,
    baseline_medium BIGINT NOT NULL,
    baseline_low BIGINT NOT NULL,
    malicious_serious BIGINT NOT NULL,
    malicious_suspicious BIGINT NOT NULL,
    malicious_remind BIGINT NOT NULL,
    top_tenths BIGINT NOT NULL,
    lead_part BIGINT,                              -- NULL: the finding's number is one of the artifact's own
    lead_number BIGINT                             -- NULL: nothing is left
);

-- What rules take out of those numbers.
CREATE TABLE ignored_records (
    image_id BIGINT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    record TEXT NOT NULL,
    rule_id BIGINT NOT NULL REFERENCES ignore_rules (id) ON DELETE CASCADE,
    finding_id TEXT NOT NULL,
    priority TEXT,                                 -- the highest that it would have
    is_whole BIGINT NOT NULL,                      -- no package of the image is left in which it counts
    PRIMARY KEY (image_id, record, rule_id)
);
CREATE INDEX ignored_records_rule ON ignored_records (rule_id, image_id);
CREATE INDEX ignored_records_record ON ignored_records (record);

CREATE TRIGGER image_counters_added AFTER INSERT ON image_counters BEGIN
    INSERT INTO list_changes (image_id) VALUES (NEW.image_id);
END;
CREATE TRIGGER image_counters_changed AFTER UPDATE ON image_counters BEGIN
    INSERT INTO list_changes (image_id) VALUES (NEW.image_id);
END;
CREATE TRIGGER image_counters_removed AFTER DELETE ON image_counters BEGIN
    INSERT INTO list_changes (image_id) VALUES (OLD.image_id);
END;
