-- Clusters that are watched, and what they tell of containers besides what these run.

ALTER TABLE workloads ADD COLUMN role TEXT NOT NULL DEFAULT 'main';      -- main, init, ephemeral
ALTER TABLE workloads ADD COLUMN state TEXT NOT NULL DEFAULT 'unknown';  -- unknown, waiting, running, terminated
ALTER TABLE workloads ADD COLUMN container_id TEXT NOT NULL DEFAULT '';
ALTER TABLE workloads ADD COLUMN node TEXT NOT NULL DEFAULT '';
ALTER TABLE workloads ADD COLUMN platform TEXT;                          -- of the node
ALTER TABLE workloads ADD COLUMN pod_ip TEXT NOT NULL DEFAULT '';
ALTER TABLE workloads ADD COLUMN host_ip TEXT NOT NULL DEFAULT '';
ALTER TABLE workloads ADD COLUMN created BIGINT;

-- How a cluster's API is reached, and who watches it. A cluster without such a row was told of by somebody else.
CREATE TABLE cluster_connections (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, -- what the contract calls a cluster's access by
    cluster_id TEXT NOT NULL UNIQUE REFERENCES clusters (id) ON DELETE CASCADE,
    name TEXT NOT NULL UNIQUE,
    server TEXT NOT NULL,                          -- where the API is
    access BLOB,                                   -- sealed JSON; NULL: from within, by the account of the process
    version TEXT NOT NULL,                         -- of Kubernetes
    problem TEXT,
    heard BIGINT,                                  -- when the whole was last read
    generation BIGINT NOT NULL,                    -- raised by each claim and change: the fencing number
    worker TEXT,
    lease_until BIGINT,                            -- NULL: nobody watches
    created BIGINT NOT NULL
);

-- Keys by which a cluster that cannot be reached tells by itself what it runs.
CREATE TABLE cluster_keys (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    cluster_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    vendor TEXT NOT NULL,
    cpu_arch TEXT NOT NULL,
    group_id TEXT NOT NULL,
    expires BIGINT NOT NULL,                       -- 0: never
    hash TEXT NOT NULL,                            -- SHA-256
    created BIGINT NOT NULL,
    used BIGINT
);
