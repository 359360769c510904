-- What changed in what the list of images is made of: one row a change, so that every process that keeps the list in memory
-- (crates/store/src/listing.rs) can follow. An image: image_id. A cluster's workloads: cluster_id. A registry: neither.
-- Triggers write it, so that no statement that changes an image can forget it.
--
-- Numbers are given one behind the last, and not by a sequence: what is rolled back must leave no gap. Whoever gives one
-- holds the lock of those who write (crates/store/src/database.rs) until it commits, so that they are in the order of
-- commits; a program that writes without the lock takes it here.
CREATE TABLE list_changes (
    number BIGINT NOT NULL PRIMARY KEY,            -- in the order of commits, without gaps
    image_id BIGINT,
    cluster_id TEXT COLLATE "C"
);

CREATE FUNCTION last_list_change() RETURNS BIGINT LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('plimsoll writer of ' || current_schema(), 0));
    RETURN (SELECT COALESCE(MAX(number), 0) FROM list_changes);
END $$;

CREATE FUNCTION note_images() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    last BIGINT := last_list_change();
BEGIN
    INSERT INTO list_changes (number, image_id) SELECT last + ROW_NUMBER() OVER (ORDER BY id), id FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER images_added AFTER INSERT ON images
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_images();
CREATE TRIGGER images_changed AFTER UPDATE ON images
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_images();
CREATE TRIGGER images_removed AFTER DELETE ON images
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_images();

CREATE FUNCTION note_artifacts() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    last BIGINT := last_list_change();
BEGIN
    INSERT INTO list_changes (number, image_id)
    SELECT last + ROW_NUMBER() OVER (ORDER BY i.id), i.id
    FROM was o JOIN becomes n ON n.id = o.id JOIN images i ON i.artifact_id = n.id
    WHERE (o.scanned IS NULL) <> (n.scanned IS NULL) OR o.risk_level IS DISTINCT FROM n.risk_level
        OR o.asap <> n.asap OR o.later <> n.later OR o.nntf <> n.nntf
        OR o.baseline_high <> n.baseline_high OR o.baseline_medium <> n.baseline_medium
        OR o.baseline_low <> n.baseline_low OR o.top_tenths <> n.top_tenths
        OR o.cve <> n.cve OR o.malicious_serious <> n.malicious_serious
        OR o.malicious_suspicious <> n.malicious_suspicious OR o.malicious_remind <> n.malicious_remind;
    RETURN NULL;
END $$;
CREATE TRIGGER artifacts_changed AFTER UPDATE ON artifacts
    REFERENCING OLD TABLE AS was NEW TABLE AS becomes FOR EACH STATEMENT EXECUTE FUNCTION note_artifacts();

CREATE FUNCTION note_registries() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    last BIGINT := last_list_change();
BEGIN
    INSERT INTO list_changes (number) SELECT last + ROW_NUMBER() OVER (ORDER BY id) FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER registries_added AFTER INSERT ON registries
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_registries();
CREATE TRIGGER registries_changed AFTER UPDATE ON registries
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_registries();
CREATE TRIGGER registries_removed AFTER DELETE ON registries
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_registries();

-- Workloads are replaced a cluster at a time, which notes the time at the cluster.
CREATE FUNCTION note_clusters() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    last BIGINT := last_list_change();
BEGIN
    INSERT INTO list_changes (number, cluster_id) SELECT last + ROW_NUMBER() OVER (ORDER BY id), id FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER clusters_added AFTER INSERT ON clusters
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_clusters();
CREATE TRIGGER clusters_changed AFTER UPDATE ON clusters
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_clusters();
CREATE TRIGGER clusters_removed AFTER DELETE ON clusters
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_clusters();

-- When the latest scan ended, without a walk over all of them.
CREATE INDEX tasks_succeeded ON tasks (succeeded) WHERE succeeded IS NOT NULL;
CREATE INDEX artifacts_scanned ON artifacts (scanned) WHERE scanned IS NOT NULL;

CREATE INDEX images_repo ON images (repo_id);
