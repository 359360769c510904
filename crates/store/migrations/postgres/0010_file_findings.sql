-- For lists of other findings than vulnerabilities: what is said of them besides their columns.

ALTER TABLE part_findings ADD COLUMN extra TEXT COLLATE "C";   -- JSON: facts of its kind; NULL: none
ALTER TABLE findings ADD COLUMN extra TEXT COLLATE "C";

-- Few findings are about files, and lists of files read those alone.
CREATE INDEX part_findings_files ON part_findings (part_id, number) WHERE kind IN ('malware', 'secret');
CREATE INDEX findings_files ON findings (artifact_id, number) WHERE kind IN ('malware', 'secret');
