//! Bounds of the feed.

use std::time::Duration;

/// Changes in one page of the feed, where nothing else is asked for.
pub const CHANGES_USUAL: usize = 50;

/// Changes in one page at most; one is 500 bytes, and 20 kB with the most findings.
pub const CHANGES_MAX: usize = 500;

/// Changes that a stream reads at once. It holds no more in memory, however slow its reader is.
pub const STREAM_PAGE: usize = 64;

/// Streams at once; each takes a connection and a page.
pub const STREAMS_MAX: usize = 1_024;

/// How often a stream without news says that it lives: proxies cut what is silent for a minute.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long the reader of a stream may take nothing before the stream ends. It comes back with the
/// last id that it saw.
pub const STREAM_STALL_MAX: Duration = Duration::from_secs(60);
