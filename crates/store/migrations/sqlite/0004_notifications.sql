-- Who wants to hear of what changed, what is on its way to them, and what images' counters were.

CREATE TABLE subscriptions (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, -- never used again: what is sealed is bound to it
    name TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    shown TEXT NOT NULL,                           -- its destination as lists show it
    destination BLOB NOT NULL,                     -- sealed: JSON; an address may hold a token
    secret BLOB,                                   -- sealed
    wanted TEXT NOT NULL,                          -- JSON: what, of which images, when
    created BIGINT NOT NULL
);

-- The outbox. One row a message, in the transaction of what it tells of.
CREATE TABLE messages (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,                 -- the same in every attempt: receivers know a repetition by it
    subscription_id BIGINT NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,                            -- changed, digest, scanned, test
    source TEXT NOT NULL,                          -- what it tells of; at most one message a subscription
    state TEXT NOT NULL,                           -- queued, running, done, failed
    attempts BIGINT NOT NULL,
    generation BIGINT NOT NULL,                    -- raised by each claim: the fencing number
    worker TEXT,
    lease_until BIGINT,
    due BIGINT NOT NULL,                           -- not before
    created BIGINT NOT NULL,
    finished BIGINT,
    error TEXT,
    body TEXT,                                     -- JSON; NULL: not made yet
    UNIQUE (subscription_id, source)
);
CREATE INDEX messages_state ON messages (state, due);

-- What a message is made of: refreshes, and artifacts that were scanned for the first time. 0: none.
CREATE TABLE message_sources (
    message_id BIGINT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    refresh_id BIGINT NOT NULL,
    artifact_id BIGINT NOT NULL,
    PRIMARY KEY (message_id, refresh_id, artifact_id)
) WITHOUT ROWID;

-- Digests of snapshots by short numbers.
CREATE TABLE snapshots (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    digest TEXT NOT NULL UNIQUE
);

-- What an artifact's counters became, a row a change.
CREATE TABLE counter_history (
    artifact_id BIGINT NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    changed BIGINT NOT NULL,
    why TEXT NOT NULL,                             -- scan, refresh, rule
    snapshot_id BIGINT,                            -- NULL: none was in use
    counters BLOB NOT NULL,
    PRIMARY KEY (artifact_id, changed)
) WITHOUT ROWID;
CREATE INDEX counter_history_changed ON counter_history (changed);

CREATE INDEX refreshes_finished ON refreshes (finished) WHERE finished IS NOT NULL;
