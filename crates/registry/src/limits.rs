//! Bounds, each with its reason.

use std::time::Duration;

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
