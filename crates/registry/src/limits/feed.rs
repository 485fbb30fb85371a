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
pub const STREAM_STALL_MAX: Duration = Duration::from_mins(1);

/// Changes that go from the outbox to the webhooks in one transaction.
pub const OUTBOX_BATCH: i64 = 100;

/// How long a receiver may take: as Standard Webhooks recommends.
pub const DELIVERY_TIME_MAX: Duration = Duration::from_secs(15);

/// What a receiver's answer may be; nobody reads it.
pub const DELIVERY_ANSWER_BYTES_MAX: usize = 64 << 10;

/// How long an attempt may be on its way before another replica takes it over.
pub const DELIVERY_LEASE: Duration = Duration::from_mins(1);

/// How often a delivery is tried: the last time more than two days after the first.
pub const DELIVERY_ATTEMPTS_MAX: i64 = 10;

/// The pause after the first failure; each one is four times as long as the one before.
pub const DELIVERY_PAUSE_MIN: Duration = Duration::from_secs(5);

/// The longest pause.
pub const DELIVERY_PAUSE_MAX: Duration = Duration::from_hours(24);

/// How often the outbox is looked at when nothing is heard of: what another replica applied.
pub const OUTBOX_POLL: Duration = Duration::from_secs(1);

/// The bytes of a secret, as Standard Webhooks asks.
pub const WEBHOOK_SECRET_BYTES_MIN: usize = 24;
/// See [`WEBHOOK_SECRET_BYTES_MIN`].
pub const WEBHOOK_SECRET_BYTES_MAX: usize = 64;

/// Webhooks of one registry.
pub const WEBHOOKS_MAX: usize = 256;
