-- What an upstream says of an entry beside its status. Part of what the projection writes.
ALTER TABLE upstream_entries ADD COLUMN message TEXT NOT NULL DEFAULT '';
ALTER TABLE upstream_entries ADD COLUMN is_latest BIGINT NOT NULL DEFAULT 0;
ALTER TABLE upstream_entries ADD COLUMN published_at TEXT;

-- ---------------------------------------------------------------- kept when the rest is rebuilt

-- How far the walks of each upstream are.
CREATE TABLE mirrors (
    upstream TEXT NOT NULL PRIMARY KEY,
    -- The number of the walk that runs, or ran last.
    walk BIGINT NOT NULL,
    is_running BIGINT NOT NULL,
    -- Where a walk of what is recent began; NULL of a full sweep.
    since TEXT,
    started_us BIGINT NOT NULL,
    -- Full sweeps that came to their end.
    sweeps BIGINT NOT NULL,
    -- The last of these, and when it ended.
    swept BIGINT NOT NULL,
    swept_us BIGINT NOT NULL,
    -- The newest `updatedAt` that was received in walks that came to their end.
    newest TEXT
);

-- The pages of the walk that runs and of the last full sweep.
CREATE TABLE mirror_pages (
    upstream TEXT NOT NULL,
    walk BIGINT NOT NULL,
    page BIGINT NOT NULL,
    -- The cursor that it was asked with; empty for the first.
    cursor TEXT NOT NULL,
    next TEXT,
    etag TEXT,
    newest TEXT,
    -- What it listed: sixteen bytes of a hash for each row, in hex.
    seen TEXT NOT NULL,
    PRIMARY KEY (upstream, walk, page)
);

-- Entries that the last full sweeps did not list, and how many of them in a row.
CREATE TABLE mirror_missing (
    upstream TEXT NOT NULL,
    server TEXT NOT NULL,
    version TEXT NOT NULL,
    sweeps BIGINT NOT NULL,
    PRIMARY KEY (upstream, server, version)
);
