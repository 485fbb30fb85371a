-- One row per log. `term` fences: each taking of the lead raises it, and a commit names it. `beat`
-- rises while the leader lives, so that nobody needs a clock to tell.
CREATE TABLE IF NOT EXISTS log_heads (
    origin text PRIMARY KEY,
    size bigint NOT NULL,
    head text NOT NULL,
    settled_size bigint NOT NULL DEFAULT 0,
    published_size bigint NOT NULL DEFAULT -1,
    published text,
    holder text,
    term bigint NOT NULL DEFAULT 0,
    beat bigint NOT NULL DEFAULT 0,
    CHECK (size >= settled_size AND size >= published_size)
);
-- One row per commit: its entries, and the head over all entries up to `size`.
CREATE TABLE IF NOT EXISTS log_batches (
    origin text NOT NULL REFERENCES log_heads,
    start bigint NOT NULL,
    size bigint NOT NULL,
    entries bytea[] NOT NULL,
    head text NOT NULL,
    PRIMARY KEY (origin, start),
    CHECK (size > start)
);
-- Objects on their way to the object store.
CREATE TABLE IF NOT EXISTS log_objects (
    digest text PRIMARY KEY,
    bytes bytea NOT NULL
);
-- What replicas hand to the leader. An entry waits once, however often it is handed in.
CREATE TABLE IF NOT EXISTS log_submissions (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    origin text NOT NULL REFERENCES log_heads,
    digest bytea NOT NULL,
    entry bytea NOT NULL,
    UNIQUE (origin, digest)
);
-- These rows live for moments: compressing them would cost more than it saves.
ALTER TABLE log_batches ALTER COLUMN entries SET STORAGE EXTERNAL;
ALTER TABLE log_objects ALTER COLUMN bytes SET STORAGE EXTERNAL;
