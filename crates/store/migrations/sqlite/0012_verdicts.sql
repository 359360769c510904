-- What a server's policy says of each image, kept so that lists can show it and be filtered by it.
CREATE TABLE image_verdicts (
    image_id BIGINT NOT NULL PRIMARY KEY REFERENCES images (id) ON DELETE CASCADE,
    verdict TEXT NOT NULL                          -- pass, warn, deny
);
CREATE TRIGGER image_verdicts_added AFTER INSERT ON image_verdicts BEGIN
    INSERT INTO list_changes (image_id) VALUES (NEW.image_id);
END;
CREATE TRIGGER image_verdicts_changed AFTER UPDATE ON image_verdicts BEGIN
    INSERT INTO list_changes (image_id) VALUES (NEW.image_id);
END;
CREATE TRIGGER image_verdicts_removed AFTER DELETE ON image_verdicts BEGIN
    INSERT INTO list_changes (image_id) VALUES (OLD.image_id);
END;

-- Images to be judged: something that a policy looks at is another than it was. Triggers write it, as long as there is a policy
-- (the setting `policy.judging`), so that no statement that changes an image can forget it.
CREATE TABLE verdicts_due (
    image_id BIGINT NOT NULL PRIMARY KEY,          -- may be gone
    number BIGINT NOT NULL                         -- how often it changed; what is judged meanwhile stays due
);
CREATE TRIGGER images_added_are_due AFTER INSERT ON images
WHEN EXISTS (SELECT 1 FROM settings WHERE name = 'policy.judging') BEGIN
    INSERT INTO verdicts_due (image_id, number) VALUES (NEW.id, 1)
    ON CONFLICT (image_id) DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER images_changed_are_due AFTER UPDATE ON images
WHEN EXISTS (SELECT 1 FROM settings WHERE name = 'policy.judging') BEGIN
    INSERT INTO verdicts_due (image_id, number) VALUES (NEW.id, 1)
    ON CONFLICT (image_id) DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER artifacts_changed_are_due AFTER UPDATE ON artifacts
WHEN EXISTS (SELECT 1 FROM settings WHERE name = 'policy.judging') BEGIN
    INSERT INTO verdicts_due (image_id, number) SELECT id, 1 FROM images WHERE artifact_id = NEW.id
    ON CONFLICT (image_id) DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER ignored_records_added_are_due AFTER INSERT ON ignored_records
WHEN EXISTS (SELECT 1 FROM settings WHERE name = 'policy.judging') BEGIN
    INSERT INTO verdicts_due (image_id, number) VALUES (NEW.image_id, 1)
    ON CONFLICT (image_id) DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER ignored_records_removed_are_due AFTER DELETE ON ignored_records
WHEN EXISTS (SELECT 1 FROM settings WHERE name = 'policy.judging') BEGIN
    INSERT INTO verdicts_due (image_id, number) VALUES (OLD.image_id, 1)
    ON CONFLICT (image_id) DO UPDATE SET number = number + 1;
END;
