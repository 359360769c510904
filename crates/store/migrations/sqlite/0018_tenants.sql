-- Whose a registry is: tenants take turns, and within each of them its registries. '': the site itself.
ALTER TABLE registries ADD COLUMN tenant TEXT NOT NULL DEFAULT '';

-- How much of the workers a tenant's scans have taken.
CREATE TABLE tenant_shares (
    tenant TEXT NOT NULL PRIMARY KEY,
    turn BIGINT NOT NULL                           -- when it is its turn again, counted in claims
) WITHOUT ROWID;

-- In which trace it was asked for (W3C `traceparent`); NULL: in none.
ALTER TABLE tasks ADD COLUMN traceparent TEXT;
ALTER TABLE requested_scans ADD COLUMN traceparent TEXT;
