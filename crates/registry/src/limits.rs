//! Bounds, each with its reason.

use std::time::Duration;

// The HTTP client.

/// How long a connection may take to stand, its name resolved and TLS agreed.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// How long the first byte of an answer may take once there is a connection.
pub const FIRST_BYTE_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a request may take in all, where its asker says nothing else.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a body may be, where its asker says nothing else: more than any metadata document.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// What is reserved for a body that announces its length; a lie costs no more than this.
pub const BODY_BYTES_RESERVED_MAX: usize = 64 << 10;

/// Redirects that are followed, each checked like the first.
pub const REDIRECTS_MAX: u8 = 3;

/// Origins whose connections are kept; the one unused for longest makes room.
pub const ORIGINS_MAX: usize = 64;

/// Idle connections that are kept to one origin.
pub const IDLE_CONNECTIONS_MAX: usize = 4;

/// How long an idle connection is kept.
pub const IDLE_TIME_MAX: Duration = Duration::from_secs(30);
/// How soon a projection that failed tries again.
pub const PROJECTION_RETRY_MIN: Duration = Duration::from_millis(100);
/// How late at most: an operator who repaired the database should not have to wait.
pub const PROJECTION_RETRY_MAX: Duration = Duration::from_secs(10);
/// How often a replica that does not apply entries looks how far the tables are: a submitter waits as
/// long as that at most beyond the work itself.
pub const PROJECTION_POLL: Duration = Duration::from_millis(50);
/// How long a submitter waits for the tables to have its statement. It is in the log by then; the
/// answer says so if the tables are late.
pub const PROJECTION_WAIT_MAX: Duration = Duration::from_secs(10);
/// How far in the future a statement may claim to be made: the clocks of publishers are not ours.
pub const CLOCK_SKEW_S_MAX: u64 = 300;

// server.json.

/// Largest server.json: real ones stay below 20 kB, and a page of 100 has to fit into what a mirror
/// takes as one answer (16 MiB).
pub const SERVER_JSON_BYTES_MAX: usize = 128 << 10;

/// Deepest nesting of server.json: the schema needs 7, the publisher's own `_meta` a few more.
pub const SERVER_JSON_DEPTH_MAX: usize = 32;

/// Elements of one list of server.json: the longest real one has some 60 environment variables.
pub const SERVER_JSON_ELEMENTS_MAX: usize = 1_000;

/// Faults that are reported of one server.json: more do not help a person.
pub const SERVER_JSON_FAULTS_MAX: usize = 32;

/// The publisher's own `_meta`, in canonical JSON: the official registry's limit.
pub const PUBLISHER_META_BYTES_MAX: usize = 4_096;

// The mirror.

/// A page of an upstream: a hundred rows of 3 kB are usual, and a row may hold a long README.
pub const PAGE_BYTES_MAX: usize = 16 << 20;

/// Rows of one page; a hundred are asked for.
pub const PAGE_ROWS_MAX: usize = 1_000;

/// Pages of one sweep: the largest upstream has 840 of a hundred rows.
pub const PAGES_MAX: u32 = 20_000;

/// A cursor; real ones are a name and a version, or an opaque string of that length.
pub const CURSOR_BYTES_MAX: usize = 2_048;

/// A name: 200 characters by the schema, and old rows exceed it.
pub const NAME_BYTES_MAX: usize = 512;

/// A version: 255 characters by the schema.
pub const VERSION_BYTES_MAX: usize = 512;

/// What is kept of a status and its message, in characters: statements hold it.
pub const STATUS_CHARS_MAX: usize = 500;

// The projection.

/// How soon a projection that failed tries again.
pub const PROJECTION_RETRY_MIN: Duration = Duration::from_millis(100);
/// How late at most: an operator who repaired the database should not have to wait.
pub const PROJECTION_RETRY_MAX: Duration = Duration::from_secs(10);
/// How often a replica that does not apply entries looks how far the tables are: a submitter waits as
/// long as that at most beyond the work itself.
pub const PROJECTION_POLL: Duration = Duration::from_millis(50);
/// How long a submitter waits for the tables to have its statement. It is in the log by then; the
/// answer says so if the tables are late.
pub const PROJECTION_WAIT_MAX: Duration = Duration::from_secs(10);
/// How far in the future a statement may claim to be made: the clocks of publishers are not ours.
pub const CLOCK_SKEW_S_MAX: u64 = 300;

// What a statement of the mirror or the monitor says of changes.

/// Findings of one statement: a statement has 65,535 bytes, and nobody reads more.
pub const FINDINGS_MAX: usize = 32;

/// The place of a finding, in characters.
pub const PLACE_CHARS_MAX: usize = 300;
