//! The bounds on what is asked of others: the mirror, the monitor.

use std::time::Duration;

// The mirror.

/// A page of an upstream: a hundred rows of 3 kB are usual, and a row may hold a long README.
pub const PAGE_BYTES_MAX: usize = 16 << 20;

/// Rows of one page; a hundred are asked for.
pub const PAGE_ROWS_MAX: usize = 1_000;

/// Pages of one sweep: the largest upstream has 840 of a hundred rows.
pub const PAGES_MAX: u32 = 20_000;

/// A cursor; real ones are a name and a version, or an opaque string of that length.
pub const CURSOR_BYTES_MAX: usize = 2_048;

/// What is kept of a status and its message, in characters: statements hold it.
pub const STATUS_CHARS_MAX: usize = 500;

/// Rows of a page that an upstream is asked for: the most that the official one documents.
pub const PAGE_ROWS_ASKED: &str = "100";

/// How long a page may take: 16 MiB over a slow line.
pub const PAGE_TIME_MAX: Duration = Duration::from_mins(2);

/// How often a page is asked for before the walk gives up; the next walk goes on there.
pub const ATTEMPTS_MAX: u32 = 5;

/// How long an upstream may make a walk wait; past it the next walk goes on.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(15);

/// A validator that is kept.
pub const ETAG_BYTES_MAX: usize = 256;

/// How far a walk of what is recent goes back before the newest `updatedAt` that was received: rows
/// that were written together appear one after the other.
pub const OVERLAP: Duration = Duration::from_mins(15);

/// How old a walk may be that is gone on with; an older one begins anew, as its cursors may be stale.
pub const WALK_AGE_MAX: Duration = Duration::from_hours(24);

/// Pages whose statements are on their way into the log while the next is asked for.
pub const PAGES_IN_FLIGHT_MAX: usize = 8;

/// Sweeps in a row that do not list an entry before it counts as gone.
pub const MISSED_SWEEPS: i64 = 2;

/// Rows that vanish in one sweep before that is a reset of the upstream, as a share in percent; and
/// how many at least, as in a small registry each row is more than that.
pub const RESET_PERCENT: usize = 2;
/// See [`RESET_PERCENT`].
pub const RESET_ROWS_MIN: usize = 10;

/// Rows of a reset whose absence is asked for one by one.
pub const RESET_PROBES: usize = 50;

// The monitor.

/// How long a server may show two surfaces before that is no roll-out, in microseconds: an hour, or
/// three times its `ttlMs`.
pub const MIXED_US_MIN: i64 = 3_600_000_000;
/// And whatever its `ttlMs` claims, no longer than three days.
pub const MIXED_US_MAX: i64 = 3 * 24 * MIXED_US_MIN;

/// How often the view has to turn before anybody is accused.
pub const ALTERNATIONS_MIN: usize = 3;

/// Endpoints of one entry that are looked at.
pub const ENDPOINTS_MAX: usize = 16;

/// How long a look may take with both walks.
pub const LOOK_TIME_MAX: Duration = Duration::from_mins(2);

/// How soon a server is looked at again, whatever its `ttlMs` says.
pub const LOOK_AGAIN_MIN: Duration = Duration::from_mins(15);
/// And how late; also how soon one that does not answer is.
pub const LOOK_AGAIN_MAX: Duration = Duration::from_hours(24);

/// The shortest token of an operator: 32 hexadecimal digits are 128 bits.
pub const OPERATOR_TOKEN_CHARS_MIN: usize = 32;

/// Looks that run at the same time.
pub const LOOKS_MAX: usize = 16;

/// The looks of one group that are judged: three days, every quarter of an hour, from two vantages
/// would be twice as many, and an accusation needs four.
pub const LOOKS_JUDGED_MAX: i64 = 256;

/// Declared surfaces of one server that what it shows is compared with, the newest first: older
/// versions are hardly served any more.
pub const DECLARED_COMPARED_MAX: i64 = 8;

/// Authorization servers of one resource whose own metadata are looked at.
pub const ISSUERS_MAX: usize = 8;

/// Authorization servers of one resource that are known by name, so that another one among them is
/// seen: a statement holds as many addresses of 900 bytes.
pub const ISSUERS_NAMED_MAX: usize = 64;

/// A metadata document of a resource or an authorization server; real ones have 2 kB.
pub const DISCOVERY_BYTES_MAX: usize = 64 << 10;

// What a statement of the mirror or the monitor says of changes.

/// Findings of one statement: a statement has 65,535 bytes, and nobody reads more.
pub const FINDINGS_MAX: usize = 32;

/// The place of a finding, in characters.
pub const PLACE_CHARS_MAX: usize = 300;

/// How long both resolvers have to miss the proof of a namespace before it counts as lost: three days,
/// as a weekend without anybody who renews a domain is no attack.
pub const PROOF_GRACE_US: i64 = 72 * 3_600_000_000;

/// How often a proof is checked: daily.
pub const PROOF_AGAIN_US: i64 = 24 * 3_600_000_000;
