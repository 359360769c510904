-- How images are used: what somebody said of images, repositories, clusters and registries.
CREATE TABLE image_contexts (
    scope TEXT NOT NULL,                           -- image, repository, cluster, registry
    name TEXT NOT NULL,
    exposure TEXT,                                 -- internal, unknown, internet; NULL: nothing is said of it
    importance TEXT,                               -- test, common, important; NULL: nothing is said of it
    PRIMARY KEY (scope, name)
) WITHOUT ROWID;

-- In which use of its images a package is judged; NULL: nothing is known of it. What artifacts.digest names has it behind a
-- semicolon.
ALTER TABLE parts ADD COLUMN context TEXT;
