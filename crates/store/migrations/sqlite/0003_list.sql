-- What changed in what the list of images is made of: one row a change, so that every process that keeps the list in memory
-- (crates/store/src/listing.rs) can follow. An image: image_id. A cluster's workloads: cluster_id. A registry: neither.
-- Triggers write it, so that no statement that changes an image can forget it.
CREATE TABLE list_changes (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, -- in the order of commits, without gaps
    image_id BIGINT,
    cluster_id TEXT
);

CREATE TRIGGER images_added AFTER INSERT ON images BEGIN
    INSERT INTO list_changes (image_id) VALUES (NEW.id);
END;
CREATE TRIGGER images_changed AFTER UPDATE ON images BEGIN
    INSERT INTO list_changes (image_id) VALUES (NEW.id);
END;
CREATE TRIGGER images_removed AFTER DELETE ON images BEGIN
    INSERT INTO list_changes (image_id) VALUES (OLD.id);
END;
CREATE TRIGGER artifacts_changed AFTER UPDATE ON artifacts
WHEN (OLD.scanned IS NULL) <> (NEW.scanned IS NULL) OR OLD.risk_level IS NOT NEW.risk_level
    OR OLD.asap <> NEW.asap OR OLD.later <> NEW.later OR OLD.nntf <> NEW.nntf
    OR OLD.baseline_high <> NEW.baseline_high OR OLD.baseline_medium <> NEW.baseline_medium
    OR OLD.baseline_low <> NEW.baseline_low OR OLD.top_tenths <> NEW.top_tenths
    OR OLD.cve <> NEW.cve OR OLD.malicious_serious <> NEW.malicious_serious
    OR OLD.malicious_suspicious <> NEW.malicious_suspicious OR OLD.malicious_remind <> NEW.malicious_remind
BEGIN
    INSERT INTO list_changes (image_id) SELECT id FROM images WHERE artifact_id = NEW.id;
END;
CREATE TRIGGER registries_added AFTER INSERT ON registries BEGIN
    INSERT INTO list_changes (image_id) VALUES (NULL);
END;
CREATE TRIGGER registries_changed AFTER UPDATE ON registries BEGIN
    INSERT INTO list_changes (image_id) VALUES (NULL);
END;
CREATE TRIGGER registries_removed AFTER DELETE ON registries BEGIN
    INSERT INTO list_changes (image_id) VALUES (NULL);
END;
-- Workloads are replaced a cluster at a time, which notes the time at the cluster.
CREATE TRIGGER clusters_added AFTER INSERT ON clusters BEGIN
    INSERT INTO list_changes (cluster_id) VALUES (NEW.id);
END;
CREATE TRIGGER clusters_changed AFTER UPDATE ON clusters BEGIN
    INSERT INTO list_changes (cluster_id) VALUES (NEW.id);
END;
CREATE TRIGGER clusters_removed AFTER DELETE ON clusters BEGIN
    INSERT INTO list_changes (cluster_id) VALUES (OLD.id);
END;

-- When the latest scan ended, without a walk over all of them.
CREATE INDEX tasks_succeeded ON tasks (succeeded) WHERE succeeded IS NOT NULL;
CREATE INDEX artifacts_scanned ON artifacts (scanned) WHERE scanned IS NOT NULL;

CREATE INDEX images_repo ON images (repo_id);
