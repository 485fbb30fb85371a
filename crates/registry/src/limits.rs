//! Bounds, each with its reason.

mod feed;
mod outside;
mod publish;
mod witness;

use std::time::Duration;

pub use feed::*;
pub use outside::*;
pub use publish::*;
pub use witness::*;

// The projection.

/// How soon a projection that failed tries again.
pub const PROJECTION_RETRY_MIN: Duration = Duration::from_millis(100);
/// How late at most: an operator who repaired the database should not have to wait.
pub const PROJECTION_RETRY_MAX: Duration = Duration::from_secs(10);
/// How often a replica that does not apply entries looks how far the tables are: a submitter waits as
/// long as that at most beyond the work itself.
pub const PROJECTION_POLL: Duration = Duration::from_millis(50);
/// How often whoever applies entries looks whether the tables are still as it left them: one query.
pub const PROJECTION_LOOK: Duration = Duration::from_secs(1);
/// How long a submitter waits for the tables to have its statement. It is in the log by then; the
/// answer says so if the tables are late.
pub const PROJECTION_WAIT_MAX: Duration = Duration::from_secs(10);
/// How far in the future a statement may claim to be made: the clocks of publishers are not ours.
pub const CLOCK_SKEW_S_MAX: u64 = 300;

// The API.

/// Rows of a page, where a client asks for none in particular: as the official registry.
pub const PAGE_ROWS_USUAL: usize = 30;

/// Rows of a page at most: as the official registry.
pub const PAGE_ROWS_SERVED_MAX: usize = 100;

/// Versions of one server in one answer, the newest: the official API has no pages there.
pub const VERSIONS_SERVED_MAX: usize = 1_000;

/// A query string: a cursor, a name and a time fit several times.
pub const QUERY_BYTES_MAX: usize = 4_096;

/// How often the proofs of a bundle are made again when a checkpoint is published meanwhile: one is
/// published a few times a second at most, and a bundle takes milliseconds.
pub const BUNDLE_TRIES_MAX: usize = 8;

/// Connections at once; one more waits. Each takes some 20 kB and a file descriptor.
pub const CONNECTIONS_MAX: usize = 4_096;

/// How long the head of a request may take to come.
pub const REQUEST_HEAD_TIME_MAX: Duration = Duration::from_secs(10);

/// How long requests that are being answered may go on once the service is asked to stop.
pub const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);

/// The head of a request: a token, a cursor and a long name fit.
pub const REQUEST_HEAD_BYTES_MAX: usize = 32 << 10;
