-- What was asked for after a push goes between a person's wish (0) and a schedule's (until now 1).
UPDATE tasks SET origin = 2 WHERE origin = 1;

-- Why a task stays failed: attempts, final, worker-lost, unreadable; NULL: it did not, or before this was noted.
ALTER TABLE tasks ADD COLUMN reason TEXT;

-- Claims look for the oldest task of each registry and origin.
CREATE INDEX tasks_claim ON tasks (registry_id, origin, queued, id, due) WHERE state = 'queued';
CREATE INDEX tasks_finished ON tasks (finished);

-- Claims ask registry by registry: an open task names one that is there.
UPDATE tasks SET registry_id = (SELECT MIN(i.registry_id) FROM images i WHERE i.artifact_id = tasks.artifact_id)
WHERE NOT EXISTS (SELECT 1 FROM registries r WHERE r.id = tasks.registry_id)
AND EXISTS (SELECT 1 FROM images i WHERE i.artifact_id = tasks.artifact_id);

-- How much of the workers a registry's scans may take.
CREATE TABLE registry_shares (
    registry_id BIGINT NOT NULL PRIMARY KEY REFERENCES registries (id) ON DELETE CASCADE,
    scans_per_hour BIGINT,                         -- NULL: as many as there are workers for
    turn BIGINT NOT NULL,                          -- when it is its turn again, counted in claims
    credit BIGINT NOT NULL,                        -- scans that it may begin, in 1/3600
    credited BIGINT NOT NULL                       -- when that was
);

-- What is done again and again, by the clock.
CREATE TABLE schedules (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,                            -- sync, scan
    registry_id BIGINT REFERENCES registries (id) ON DELETE CASCADE, -- NULL: all
    cron TEXT NOT NULL,
    due BIGINT NOT NULL,                           -- the next time
    generation BIGINT NOT NULL,                    -- raised by each claim: the fencing number
    worker TEXT,
    lease_until BIGINT,                            -- NULL: nobody is doing it
    finished BIGINT,                               -- last end, well or not
    problem TEXT,                                  -- why it did not end well; NULL: it did, or was not done yet
    created BIGINT NOT NULL
);
CREATE INDEX schedules_due ON schedules (due);
CREATE INDEX schedules_registry ON schedules (registry_id);
