-- Proofs of namespaces that were used: each counts once. Kept when the rest is rebuilt.
CREATE TABLE spent_proofs (
    -- The digest of its kind and of what was signed or issued.
    proof TEXT NOT NULL PRIMARY KEY,
    -- When it is over by itself, in seconds since 1970.
    expires_s BIGINT NOT NULL
);
CREATE INDEX spent_proofs_over ON spent_proofs (expires_s);
