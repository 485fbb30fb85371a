//! Bounds between domains.

use std::time::Duration;

/// A security event token: a subject, a reason in several languages.
pub const EVENT_CHARS_MAX: usize = 16 << 10;

/// Events in one token: SSF says one, CAEP has eight kinds.
pub const EVENTS_MAX: usize = 8;

/// How long an event is remembered, to say that it came again. Nothing depends on it: told twice, it
/// has the effect of once.
pub const EVENT_MEMORY_S: u64 = 86_400;

/// Events that are taken from a poll at once.
pub const POLL_EVENTS_MAX: usize = 64;

/// An answer to a poll: all of its events.
pub const POLL_BYTES_MAX: usize = 2 << 20;

/// How often a transmitter is polled: less than half of the second in which a call is denied.
pub const POLL_TIME: Duration = Duration::from_millis(400);

/// How long after a poll that failed.
pub const POLL_RETRY: Duration = Duration::from_secs(5);

/// How many seconds an assertion may be valid: it is shown at once (ID-JAG §6.1 says minutes).
pub const ID_JAG_LIFE_S_MAX: u64 = 600;

/// Domains whose assertions count, domains that assertions are made for, transmitters: each so many.
pub const DOMAINS_MAX: usize = 64;

/// How soon after a poll that brought events: to acknowledge them, and to see what else waits.
pub const POLL_PAUSE: Duration = Duration::from_millis(20);
