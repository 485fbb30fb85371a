//! Bounds of a protected server.

use std::time::Duration;

/// How long an issuer may take to answer while a client waits.
pub const ISSUER_TIME_MAX: Duration = Duration::from_secs(5);

/// How long it is remembered that a token is not active: a flood of one token costs one question a
/// second, and a token that comes to life counts a second later.
pub const INACTIVE_CACHE_S: u64 = 1;

/// Answers about opaque tokens that are kept: as many people as one guard serves in a minute.
pub const INTROSPECTIONS_KEPT_MAX: usize = 16_384;

/// Questions about opaque tokens that wait for their answers at once.
pub const INTROSPECTIONS_MAX: usize = 64;

/// Actors that are allowed, or denied, by one file.
pub const ACTORS_LISTED_MAX: usize = 1_000;

/// How often it is asked which grants ended: four times in the second within which a call has to be
/// refused.
pub const ENDED_PAUSE: Duration = Duration::from_millis(250);

/// How old what is known of ended grants may be: then nobody is let in.
pub const ENDED_AGE_S_MAX: u64 = 10;

/// How far back each question reaches: as far as the clocks of a domain's services may differ, so that
/// nothing falls between two of them.
pub const ENDED_OVERLAP_S: u64 = 10;

/// Grants and subjects in one answer.
pub const ENDED_MAX: usize = 10_000;

/// One answer: names of at most 512 bytes, mostly of 60.
pub const ENDED_BYTES_MAX: usize = 8 << 20;

/// Ended grants and subjects that one guard remembers; past it nobody is let in.
pub const ENDED_KEPT_MAX: usize = 200_000;
