-- Which sensitive files are none.
CREATE TABLE event_rules (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, -- never used again: clients note it
    event_key TEXT NOT NULL,
    event_name TEXT NOT NULL,
    conditions TEXT NOT NULL,                      -- JSON
    scenario TEXT NOT NULL,                        -- JSON
    note TEXT NOT NULL,
    source TEXT NOT NULL,
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL
);
