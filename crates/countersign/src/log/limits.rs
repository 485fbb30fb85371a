//! The bounds on what is read of logs, each with its reason.

use std::time::Duration;

/// A checkpoint: the log's two signatures and 32 cosignatures of 3.4 kB.
pub(crate) const CHECKPOINT_BYTES_MAX: usize = 256 << 10;

/// A bundle of entries: 256 of the longest, with their lengths.
pub(crate) const ENTRIES_BYTES_MAX: usize = 256 * (2 + u16::MAX as usize);

/// A bundle of evidence; as much as a pin keeps.
pub(crate) const EVIDENCE_BYTES_MAX: usize = 8 << 20;

/// How long to wait for one answer of a log.
pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// How long to wait for a connection.
pub(crate) const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// How often a guard asks for newer evidence.
pub(crate) const REFRESH_PAUSE: Duration = Duration::from_mins(1);
