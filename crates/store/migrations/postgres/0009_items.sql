-- Findings besides vulnerabilities: rules ignore them, too, and lists ask which images have them.
ALTER TABLE ignore_rules ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'vulnerability';
ALTER TABLE ignore_rules ADD COLUMN path TEXT COLLATE "C";
ALTER TABLE ignore_rules ADD COLUMN md5 TEXT COLLATE "C";
ALTER TABLE ignore_rules ADD COLUMN false_positive BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ignore_rules ADD COLUMN switched_off BIGINT NOT NULL DEFAULT 0; -- what it names is not asked for at all
CREATE INDEX ignore_rules_name ON ignore_rules (kind, UPPER(vulnerability), image);
ALTER TABLE ignored_records ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'vulnerability';
CREATE INDEX ignored_records_other ON ignored_records (kind, image_id) WHERE kind <> 'vulnerability';

CREATE INDEX part_findings_other ON part_findings (kind, part_id) WHERE kind <> 'vulnerability';
CREATE INDEX findings_other ON findings (kind, artifact_id) WHERE kind <> 'vulnerability';

-- The part of its inventory that belongs to no package. Where an earlier program left it out, the next one that opens the
-- database fills it in.
ALTER TABLE artifacts ADD COLUMN remainder_id BIGINT;
CREATE INDEX artifacts_remainder ON artifacts (remainder_id) WHERE remainder_id IS NOT NULL;
CREATE INDEX artifacts_unfilled ON artifacts (inventory_id) WHERE inventory_id IS NOT NULL AND remainder_id IS NULL;
