//! The bounds of profiles, discovery and the doctor.

use std::time::Duration;

/// A profile: twenty short members.
pub const PROFILE_BYTES_MAX: usize = 16 << 10;

/// How long one document of discovery may take in all: it is small, and a person waits.
pub const DISCOVERY_TIME_MAX: Duration = Duration::from_secs(5);

/// Issuers of one server that the doctor looks at: each is asked at up to three places.
pub const DOCTOR_ISSUERS_MAX: usize = 8;

/// What a server answers to a call without a token; more of it is not needed to judge it.
pub const DOCTOR_CALL_BYTES_MAX: usize = 1 << 20;

/// What a report quotes of a text that others wrote.
pub const DOCTOR_QUOTED_CHARS_MAX: usize = 200;

/// What an issuer answers to a request for a token: a token, or an error.
pub const TOKEN_ANSWER_BYTES_MAX: usize = 64 << 10;
