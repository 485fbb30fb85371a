-- Grants, what they have used, and what ends them. Times are seconds since 1970.

CREATE TABLE authz_grants (
    txn TEXT PRIMARY KEY NOT NULL,
    -- The hash of the token that founded it.
    root TEXT NOT NULL UNIQUE,
    subject_iss TEXT NOT NULL,
    subject_sub TEXT NOT NULL,
    client_iss TEXT NOT NULL,
    client_id TEXT NOT NULL,
    -- JSON: scopes by resource.
    ceiling TEXT NOT NULL,
    -- JSON: authorization_details.
    details TEXT NOT NULL,
    expires_s BIGINT NOT NULL,
    depth_max BIGINT NOT NULL,
    root_issued_s BIGINT NOT NULL,
    revoked_s BIGINT,
    reason TEXT,
    exchanges BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX authz_grants_by_expiry ON authz_grants (expires_s);

-- The targets that each parent token of a grant was exchanged for.
CREATE TABLE authz_targets (
    parent TEXT NOT NULL,
    target TEXT NOT NULL,
    txn TEXT NOT NULL,
    PRIMARY KEY (parent, target)
);
CREATE INDEX authz_targets_by_grant ON authz_targets (txn);

-- The newest event that ends grants, of each subject. Kept for good: it is older than no root token
-- that it ends, however long that lives.
CREATE TABLE authz_epochs (
    iss TEXT NOT NULL,
    sub TEXT NOT NULL,
    at_s BIGINT NOT NULL,
    PRIMARY KEY (iss, sub)
);

-- What counts once: proofs, assertions, events.
CREATE TABLE authz_used (
    name TEXT PRIMARY KEY NOT NULL,
    until_s BIGINT NOT NULL
);
CREATE INDEX authz_used_by_end ON authz_used (until_s);
