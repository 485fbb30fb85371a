//! The token service (STS) over HTTP: its metadata (RFC 8414), its keys, the token endpoint with
//! exchange (RFC 8693) and assertions (RFC 7523), revocation (RFC 7009).
//!
//! Deliberately absent: an authorization endpoint, refresh tokens, client secrets, registration.

mod answer;
pub mod config;
mod form;
pub mod keys;
mod metadata;
mod metrics;
pub mod refresh;
mod request;

pub use config::{Config, ConfigError};
pub use refresh::{Fetch, FetchError, Fetched};

/// The codes of the service's own refusals, with what they mean. Those of the exchange have their own.
pub const CODES: &[(&str, &str)] = &[
    (MALFORMED, "The request is no form that can be read in one way only."),
    (TOO_LARGE, "The body is too long, or did not come in time."),
];

const MALFORMED: &str = "authz.sts.request-malformed";
const TOO_LARGE: &str = "authz.sts.request-too-large";
