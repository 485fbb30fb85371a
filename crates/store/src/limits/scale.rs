//! Bounds of replicas over a database and an object store.

use std::time::Duration;

/// How long a lead lasts that shows no sign of life: several beats, so that one lost is no loss.
pub const LEASE_MS: u64 = 5_000;
/// Beats in a lease.
pub const BEATS: u32 = 5;
/// How often a lead that is another's is looked at by who waits for it.
pub const LEAD_POLL: Duration = Duration::from_millis(200);
/// How often a follower looks when it hears nothing; twice in a lease if that is more often.
pub const FOLLOW_POLL: Duration = Duration::from_secs(1);
/// How long the database may take to answer: a commit of 256 entries and their objects takes
/// milliseconds, and a half-open connection for ever.
pub const DATABASE_TIME_MAX: Duration = Duration::from_secs(15);
/// Connections of one replica for reading: a PostgreSQL takes a hundred by default.
pub const CONNECTIONS_MAX: u32 = 8;
/// Entries that stay in the database after they are settled, so that a follower that lags reads them
/// there.
pub const KEPT_ENTRIES: u64 = 16_384;
/// How long one request to the object store may take: 16 MiB on a slow line.
pub const OBJECT_STORE_TIME_MAX: Duration = Duration::from_secs(20);
/// How long reaching the object store may take.
pub const OBJECT_STORE_CONNECT_TIME_MAX: Duration = Duration::from_secs(3);
/// Puts that are under way at once: enough to hide their latency, few enough for one server.
pub const PUTS_AT_ONCE: usize = 16;
/// Tries of one put before the log stops to look what is stored.
pub const PUT_ATTEMPTS_MAX: u32 = 3;
/// The pause between two of them.
pub const PUT_PAUSE: Duration = Duration::from_millis(200);
/// Objects that are looked at to be moved at once: about as many as a batch brings.
pub const MOVED_AT_ONCE: i64 = 256;
/// Bytes of them that are in memory at once; one object may be alone.
pub const MOVED_SIZE_MAX: i64 = 16 * 1024 * 1024;
/// How often that is done for each settling: more than comes in meanwhile, and an end to it.
pub const MOVES_MAX: u32 = 64;
/// How long a submission that was handed in waits to be seen in the log: a leader may die, its lease
/// lapse, and the next one begin.
pub const HANDED_IN_TIME_MAX: Duration = Duration::from_secs(20);
/// Heads that a follower keeps the map of until one of them is published.
pub const FOLLOWED_HEADS_MAX: usize = 4_096;
/// The pause after storage failed a follower.
pub const FOLLOW_PAUSE: Duration = Duration::from_millis(500);
