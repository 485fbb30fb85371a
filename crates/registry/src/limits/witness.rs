//! Bounds of the witness and of its client.

use std::time::Duration;

/// The body of an `add-checkpoint` request: what a proof of 63 lines and the largest note take.
pub const ADD_CHECKPOINT_BYTES_MAX: usize = tlog::limits::PROOF_SIZE_MAX;

/// How long such a body may take to come.
pub const ADD_CHECKPOINT_TIME_MAX: Duration = Duration::from_secs(10);

/// Requests that are made durable together. One more fsync costs less than waiting longer.
pub const WITNESS_BATCH_MAX: usize = 512;

/// Requests that wait to be made durable; one more is told to come again.
pub const WITNESS_QUEUE_MAX: usize = 4_096;

/// How often a request is decided anew because another one for its log came first.
pub const WITNESS_TRIES_MAX: usize = 4;

/// Conflicts that are kept of one log. The first is proof enough; a log could make them for ever.
pub const EVIDENCE_MAX: i64 = 256;

/// How often at most the sizes held are written down beside the database.
pub const MARKS_INTERVAL: Duration = Duration::from_secs(10);

/// The list of logs: the largest public one is made for 40,000, of less than 500 bytes each.
pub const LOG_LIST_BYTES_MAX: usize = 32 << 20;

/// Requests that a log may send at once, however few it may send in a day: a restart, a test.
pub const WITNESS_BURST_MIN: f64 = 60.0;

/// What a witness may answer: a dozen cosignatures of ML-DSA-44, or a checkpoint with them.
pub const WITNESS_ANSWER_BYTES_MAX: usize = 64 << 10;

/// How long a witness may take. Appends never wait for it.
pub const WITNESS_ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
