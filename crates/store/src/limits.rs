//! Bounds, each with its reason.

use std::time::Duration;

pub mod scale;

/// Entries in one batch: a tile's width, so that a batch touches two tiles at most. One of them is
/// the leaf that states the map.
pub const BATCH_ENTRIES_MAX: usize = 256;
/// Bytes after which a batch takes no more: a record is written and held in memory whole.
pub const BATCH_BYTES_MAX: usize = 4 << 20;
/// How long a submission may wait for others to share its batch when one was just committed: few
/// enough heads, a tenth of the time that a submission may take. A log that is idle commits at once.
pub const BATCH_TIME_MAX: Duration = Duration::from_millis(5);
/// Submissions that wait for the sequencer; one more is answered `store.full`.
pub const QUEUE_LENGTH_MAX: usize = 8_192;
/// Bytes that wait for the sequencer, so that large objects cannot fill memory.
pub const QUEUE_BYTES_MAX: usize = 64 << 20;
/// An object: as large as a surface may be.
pub const OBJECT_SIZE_MAX: usize = 16 * 1024 * 1024;
/// Objects of one entry: a surface, a server.json, and what else a statement may name.
pub const OBJECTS_MAX: usize = 16;
/// Entries of one read: a bundle.
pub const READ_ENTRIES_MAX: u64 = 256;

/// Entries in full bundles before these are made immutable: each time costs a few synchronisations,
/// and what is not immutable is read again at a start.
pub const UNSETTLED_ENTRIES_MIN: u64 = 4_096;
/// Entries in memory that wait to be immutable; past it the sequencer waits.
pub const UNSETTLED_ENTRIES_MAX: u64 = 65_536;
/// Bytes of them, likewise.
pub const UNSETTLED_BYTES_MAX: usize = 64 << 20;

/// Least time between two publications: each is a file and perhaps a request to each witness. A log
/// that is idle publishes at once.
pub const PUBLICATION_PAUSE: Duration = Duration::from_millis(50);
/// How old a cosigned checkpoint may become before witnesses are asked again, so that a quiet log
/// stays fresh.
pub const REFRESH_TIME: Duration = Duration::from_mins(5);
/// Pause before a witness that failed is asked again, doubled each time.
pub const WITNESS_PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest such pause.
pub const WITNESS_PAUSE_MAX: Duration = Duration::from_secs(30);
/// How far a cosignature's time may be from the log's own, in seconds: as far as readers let the
/// witnesses' clocks be ahead of theirs.
pub const WITNESS_SKEW_S: u64 = seal::limits::CLOCK_SKEW_S;
/// Cosignature lines of one witness: one for each of its keys, of which there are two kinds.
pub const COSIGNATURES_MAX: usize = 8;
/// Bytes of them: a line of type 0x06 has 3.3 kB.
pub const COSIGNATURE_BYTES_MAX: usize = 32 << 10;

/// Pause before storage that failed is read again, doubled each time.
pub const RECOVERY_PAUSE_MIN: Duration = Duration::from_millis(20);
/// The longest such pause.
pub const RECOVERY_PAUSE_MAX: Duration = Duration::from_secs(10);

/// Connections to the database: SQLite has one writer, and readers take milliseconds.
pub const CONNECTIONS_MAX: u32 = 8;
