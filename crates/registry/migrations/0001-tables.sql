-- The tables of the registry. Everything above the last rule is a function of the log and its
-- objects: `projection` writes it, nobody else, and may empty and refill it. What is below the rule
-- is kept when the rest is rebuilt.
--
-- SQLite and PostgreSQL: BIGINT and TEXT only, booleans are 0 and 1, times are microseconds since
-- 1970, digests and keys are `sha256:…`. `position` is the index of a statement in the log.

-- How far the projection has come. One row.
CREATE TABLE projection (
    id BIGINT NOT NULL PRIMARY KEY,
    -- Entries that are applied.
    size BIGINT NOT NULL,
    -- The time of the newest: strictly growing.
    time_us BIGINT NOT NULL,
    -- The layout of the tables: another one is rebuilt.
    layout BIGINT NOT NULL,
    -- The newest number in the feed.
    change_id BIGINT NOT NULL
);

-- Every statement.
CREATE TABLE statements (
    position BIGINT NOT NULL PRIMARY KEY,
    server TEXT NOT NULL,
    version TEXT,
    -- The last part of the predicate type: `declaration`, `observation`…
    kind TEXT NOT NULL,
    -- The first key that signed.
    signer TEXT NOT NULL,
    time_us BIGINT NOT NULL
);
CREATE INDEX statements_of_server ON statements (server, position);

-- Every server name.
CREATE TABLE servers (
    server TEXT NOT NULL PRIMARY KEY,
    -- In lower case: names that differ in case alone are one name, and publishing sees to it that
    -- there is one.
    folded TEXT NOT NULL,
    -- The first and the newest statement about it.
    first BIGINT NOT NULL,
    newest BIGINT NOT NULL
);
CREATE INDEX servers_folded ON servers (folded);

-- Every version: one row of `GET /v0.1/servers`.
CREATE TABLE versions (
    server TEXT NOT NULL,
    version TEXT NOT NULL,
    -- The statement that made the row: its place in every list.
    position BIGINT NOT NULL UNIQUE,
    -- Where it is from: the empty string if it was published here, else the upstream's base URL.
    upstream TEXT NOT NULL,
    -- The statement that fixes the entry now: the declaration, or the newest observation.
    statement BIGINT NOT NULL,
    -- The key that signed the declaration; NULL of an observed entry.
    signer TEXT,
    -- The exact digest of server.json, the object with its bytes, and the bytes.
    entry TEXT NOT NULL,
    object TEXT NOT NULL,
    body TEXT NOT NULL,
    -- The declared surface, where there is one.
    surface_exact TEXT,
    surface_semantic TEXT,
    surface_object TEXT,
    -- `undeclared`, `declared`, `held`, `denied`, `countersigned`, `revoked`, `observed`, `vanished`.
    state TEXT NOT NULL,
    -- The newest countersignature.
    countersignature BIGINT,
    -- `active`, `deprecated`, `deleted`.
    status TEXT NOT NULL,
    status_message TEXT NOT NULL,
    status_us BIGINT NOT NULL,
    published_us BIGINT NOT NULL,
    -- When the row changed last, and the statement that changed it: both grow with the log.
    updated_us BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    is_latest BIGINT NOT NULL,
    PRIMARY KEY (server, version)
);
CREATE INDEX versions_updated ON versions (updated, position);

-- Keys of publishers, by server.
CREATE TABLE keys (
    server TEXT NOT NULL,
    key_id TEXT NOT NULL,
    -- The statement that introduced it, and the one that ended it.
    since BIGINT NOT NULL,
    until BIGINT,
    -- `active`, `rotated`, `revoked`.
    state TEXT NOT NULL,
    -- PEM, where a rotation gave it.
    pem TEXT,
    PRIMARY KEY (server, key_id)
);
CREATE INDEX keys_by_id ON keys (key_id);

-- What was countersigned with `hold`, and whether it was released.
CREATE TABLE holds (
    -- The countersignature.
    position BIGINT NOT NULL PRIMARY KEY,
    server TEXT NOT NULL,
    version TEXT NOT NULL,
    declaration BIGINT NOT NULL,
    -- The approval or countersignature that ended it.
    released BIGINT
);
CREATE INDEX holds_of_server ON holds (server, version);

-- What no longer holds: `version` with a version, `surface` with an exact digest, `key` with a key.
CREATE TABLE revocations (
    position BIGINT NOT NULL PRIMARY KEY,
    server TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- For keys: the index from which on they do not count.
    since BIGINT,
    reason TEXT NOT NULL
);
CREATE INDEX revocations_of ON revocations (kind, subject);

-- The newest observation of a live server by each observer from each vantage.
CREATE TABLE surfaces (
    server TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    -- `anonymous`, or the digest of issuer and scopes; empty when nothing was shown.
    authorization_class TEXT NOT NULL,
    observer TEXT NOT NULL,
    vantage TEXT NOT NULL,
    client TEXT NOT NULL,
    position BIGINT NOT NULL,
    -- `surface`, `auth-required`, `mcp-error`, `not-mcp`, `tls-error`, `unreachable`.
    outcome TEXT NOT NULL,
    -- The newest surface that was shown, kept through failures.
    exact TEXT,
    semantic TEXT,
    object TEXT,
    time_us BIGINT NOT NULL,
    PRIMARY KEY (server, endpoint, authorization_class, observer, vantage, client)
);

-- Entries of upstream registries, as they were seen last.
CREATE TABLE upstream_entries (
    upstream TEXT NOT NULL,
    server TEXT NOT NULL,
    version TEXT NOT NULL,
    position BIGINT NOT NULL,
    -- What it is, or was before it vanished.
    entry TEXT,
    object TEXT,
    status TEXT NOT NULL,
    PRIMARY KEY (upstream, server, version)
);

-- Proofs of namespaces, as they were found last.
CREATE TABLE namespaces (
    -- The server or namespace pattern that the statement is about.
    server TEXT NOT NULL,
    method TEXT NOT NULL,
    subject TEXT NOT NULL,
    position BIGINT NOT NULL,
    -- `present`, `absent`, `changed`, `unreachable`.
    state TEXT NOT NULL,
    fingerprint TEXT,
    -- When it was found present last.
    present_us BIGINT NOT NULL,
    time_us BIGINT NOT NULL,
    PRIMARY KEY (server, method, subject)
);

-- Objects that everybody may read: entries, and surfaces that are shown to everybody.
CREATE TABLE public_objects (
    digest TEXT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);

-- State changes: the feed.
CREATE TABLE changes (
    -- From 1, without gaps.
    id BIGINT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL,
    server TEXT NOT NULL,
    version TEXT,
    code TEXT NOT NULL,
    -- 0 info, 1 notice, 2 warning, 3 critical.
    severity BIGINT NOT NULL,
    summary TEXT NOT NULL,
    time_us BIGINT NOT NULL,
    -- A JSON array of findings.
    findings TEXT NOT NULL
);
CREATE INDEX changes_of_server ON changes (server, id);

-- ---------------------------------------------------------------- kept when the rest is rebuilt

-- Changes that still have to be told. A change enters once, with the transaction that records it.
CREATE TABLE outbox (
    change_id BIGINT NOT NULL PRIMARY KEY
);

-- The newest change that ever entered the outbox. One row.
CREATE TABLE outbox_mark (
    id BIGINT NOT NULL PRIMARY KEY,
    change_id BIGINT NOT NULL
);

-- Secrets that all replicas share, such as the key of cursors: base64 by name.
CREATE TABLE secrets (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
