-- For the API's actions on registries and tasks: what they say of a registry, and what was asked for as a whole.

-- What is said of a registry besides its settings; no row: nothing.
CREATE TABLE registry_extras (
    registry_id BIGINT NOT NULL PRIMARY KEY REFERENCES registries (id) ON DELETE CASCADE,
    title TEXT NOT NULL,                           -- what the API calls it; empty: its name
    version TEXT NOT NULL,                         -- V1, V2; -: not said
    host_ip TEXT NOT NULL,
    vpc_id TEXT NOT NULL,
    kept_days BIGINT NOT NULL,                     -- how long images that builds report are kept; 0: until they are removed
    white_list TEXT NOT NULL,                      -- addresses and networks that builds may report from; empty: all
    namespace_tokens BLOB                          -- sealed: JSON, token by namespace
);

-- Somebody wants scans or syncs: all that was asked for at once.
CREATE TABLE orders (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, -- never used again: clients note it
    kind TEXT NOT NULL,                            -- scan, sync
    source TEXT NOT NULL,                          -- openapi, console_batch, …
    wish TEXT NOT NULL,                            -- what was selected: the same wish is not taken twice while it is open
    created BIGINT NOT NULL,
    canceled BIGINT
);
CREATE INDEX orders_kind ON orders (kind, id);

-- Each image that it is about, or each registry.
CREATE TABLE order_targets (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    order_id BIGINT NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    artifact_id BIGINT,                            -- may be gone; NULL: a sync
    registry_id BIGINT NOT NULL,                   -- may be gone
    image_uuid TEXT,                               -- may be gone
    name TEXT NOT NULL,                            -- host/namespace/repository:tag, or the registry's name
    digest TEXT,                                   -- the platform's manifest
    state TEXT NOT NULL,                           -- open, done, failed, canceled
    finished BIGINT,
    error TEXT
);
CREATE INDEX order_targets_order ON order_targets (order_id, state);
CREATE INDEX order_targets_artifact ON order_targets (artifact_id) WHERE state = 'open';
CREATE INDEX order_targets_digest ON order_targets (digest, id);

-- How many scans succeeded, by the minute.
CREATE TABLE succeeded_scans (
    minute BIGINT NOT NULL PRIMARY KEY,            -- since 1970
    number BIGINT NOT NULL
);

-- Triggers write it, so that no statement that ends a task can forget it.
CREATE TRIGGER tasks_ended_for_orders AFTER UPDATE ON tasks
WHEN OLD.state IN ('queued', 'running') AND NEW.state NOT IN ('queued', 'running') BEGIN
    UPDATE order_targets SET state = CASE NEW.state WHEN 'done' THEN 'done' WHEN 'cancelled' THEN 'canceled' ELSE 'failed' END,
        finished = NEW.finished, error = CASE WHEN NEW.state = 'done' THEN NULL ELSE NEW.error END
    WHERE artifact_id = NEW.artifact_id AND state = 'open';
END;
CREATE TRIGGER tasks_removed_for_orders AFTER DELETE ON tasks BEGIN
    UPDATE order_targets SET state = 'failed', finished = COALESCE(OLD.finished, OLD.queued),
        error = 'no image names what was to be scanned any more'
    WHERE artifact_id = OLD.artifact_id AND state = 'open';
END;
CREATE TRIGGER tasks_succeeded_counted AFTER UPDATE ON tasks
WHEN OLD.state IN ('queued', 'running') AND NEW.state = 'done' AND NEW.succeeded = NEW.finished BEGIN
    INSERT INTO succeeded_scans (minute, number) VALUES (NEW.succeeded / 60, 1)
    ON CONFLICT (minute) DO UPDATE SET number = number + 1;
END;
-- What builds report has no task.
CREATE TRIGGER artifacts_reported_for_orders AFTER UPDATE OF scanned ON artifacts
WHEN NEW.scanned IS NOT NULL AND NEW.scanned IS NOT OLD.scanned BEGIN
    UPDATE order_targets SET state = 'done', finished = NEW.scanned WHERE artifact_id = NEW.id AND state = 'open'
    AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.artifact_id = NEW.id);
END;

-- Scans that begin again and again, as the API arranges them.
CREATE TABLE cycle_tasks (
    id TEXT NOT NULL PRIMARY KEY,                  -- 32 hex digits
    kind TEXT NOT NULL,                            -- the contract's word
    name TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    first BIGINT NOT NULL,
    every BIGINT NOT NULL,
    unit TEXT NOT NULL,                            -- day, hour
    from_hour BIGINT NOT NULL,                     -- of the day, UTC: between these it may begin
    until_hour BIGINT NOT NULL,
    parameter TEXT NOT NULL,                       -- JSON, or empty
    source TEXT NOT NULL,
    client_token TEXT UNIQUE,
    due BIGINT,                                    -- when it begins next; NULL: never
    last_order BIGINT,
    created BIGINT NOT NULL
);
CREATE INDEX cycle_tasks_due ON cycle_tasks (due) WHERE enabled = 1;
