-- How images are used: what somebody said of images, repositories, clusters and registries.
CREATE TABLE image_contexts (
    scope TEXT COLLATE "C" NOT NULL,                           -- image, repository, cluster, registry
    name TEXT COLLATE "C" NOT NULL,
    exposure TEXT COLLATE "C",                                 -- internal, unknown, internet; NULL: nothing is said of it
    importance TEXT COLLATE "C",                               -- test, common, important; NULL: nothing is said of it
    PRIMARY KEY (scope, name)
);

-- In which use of its images a package is judged; NULL: nothing is known of it. What artifacts.digest names has it behind a
-- semicolon.
ALTER TABLE parts ADD COLUMN context TEXT COLLATE "C";
