//! Bounds, each with its reason.

use std::time::Duration;

pub mod scale;

/// Entries in one batch: a tile's width, so that a batch touches two tiles at most.
pub const BATCH_ENTRIES_MAX: usize = 256;
/// How long a submission may wait for others to share its batch.
pub const BATCH_TIME_MAX: Duration = Duration::from_millis(100);
/// Submissions that wait for the sequencer; one more is answered `store.full`.
pub const QUEUE_LENGTH_MAX: usize = 8_192;
/// An object: as large as a surface may be.
pub const OBJECT_SIZE_MAX: usize = 16 * 1024 * 1024;
