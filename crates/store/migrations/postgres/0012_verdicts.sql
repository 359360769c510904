-- What a server's policy says of each image, kept so that lists can show it and be filtered by it.
CREATE TABLE image_verdicts (
    image_id BIGINT NOT NULL PRIMARY KEY REFERENCES images (id) ON DELETE CASCADE,
    verdict TEXT COLLATE "C" NOT NULL              -- pass, warn, deny
);
CREATE TRIGGER image_verdicts_added AFTER INSERT ON image_verdicts
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_image_counters();
CREATE TRIGGER image_verdicts_changed AFTER UPDATE ON image_verdicts
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_image_counters();
CREATE TRIGGER image_verdicts_removed AFTER DELETE ON image_verdicts
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_image_counters();

-- Images to be judged: something that a policy looks at is another than it was. Triggers write it, as long as there is a policy
-- (the setting `policy.judging`), so that no statement that changes an image can forget it.
CREATE TABLE verdicts_due (
    image_id BIGINT NOT NULL PRIMARY KEY,          -- may be gone
    number BIGINT NOT NULL                         -- how often it changed; what is judged meanwhile stays due
);
CREATE FUNCTION images_are_due() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM settings WHERE name = 'policy.judging') THEN
        INSERT INTO verdicts_due (image_id, number) SELECT DISTINCT id, 1 FROM changed
        ON CONFLICT (image_id) DO UPDATE SET number = verdicts_due.number + 1;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER images_added_are_due AFTER INSERT ON images
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION images_are_due();
CREATE TRIGGER images_changed_are_due AFTER UPDATE ON images
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION images_are_due();
CREATE FUNCTION images_of_artifacts_are_due() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM settings WHERE name = 'policy.judging') THEN
        INSERT INTO verdicts_due (image_id, number)
        SELECT DISTINCT i.id, 1 FROM changed c JOIN images i ON i.artifact_id = c.id
        ON CONFLICT (image_id) DO UPDATE SET number = verdicts_due.number + 1;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER artifacts_changed_are_due AFTER UPDATE ON artifacts
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION images_of_artifacts_are_due();
CREATE FUNCTION images_of_records_are_due() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM settings WHERE name = 'policy.judging') THEN
        INSERT INTO verdicts_due (image_id, number) SELECT DISTINCT image_id, 1 FROM changed
        ON CONFLICT (image_id) DO UPDATE SET number = verdicts_due.number + 1;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ignored_records_added_are_due AFTER INSERT ON ignored_records
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION images_of_records_are_due();
CREATE TRIGGER ignored_records_removed_are_due AFTER DELETE ON ignored_records
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION images_of_records_are_due();
