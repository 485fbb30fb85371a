//! The bounds of the broker.

use std::time::Duration;

/// Tokens that are kept: one for each caller and set of scopes; the one unused for longest makes room.
pub const OUTBOUND_TOKENS_MAX: usize = 10_000;

/// A token with less life than this is not shown: the call has to arrive before it is over.
pub const OUTBOUND_LIFE_S_MIN: u64 = 10;

/// How long a token is used whose issuer does not say.
pub const OUTBOUND_LIFE_S_DEFAULT: u64 = 60;

/// How long a token is used at most, whatever its issuer says: what ended elsewhere is noticed.
pub const OUTBOUND_LIFE_S_MAX: u64 = 3_600;

/// How long a refusal is remembered: a caller that insists costs the issuer one request.
pub const OUTBOUND_REFUSAL_S: u64 = 5;

/// How long an issuer's metadata is used before it is asked for again.
pub const OUTBOUND_METADATA_S: u64 = 600;

/// How long a person may take to sign in.
pub const SIGN_IN_TIME_MAX: Duration = Duration::from_mins(5);

/// Sign-ins that wait at the same time: one person, a handful of servers.
pub const SIGN_INS_MAX: usize = 16;

/// A parameter of the page that a sign-in ends at: codes of real issuers are below 2 KiB.
pub const SIGN_IN_PARAMETER_BYTES_MAX: usize = 4 << 10;
