//! Bounds of the token service.

use std::time::Duration;

/// A request to the token endpoint: three tokens, a proof and the details, percent-encoded.
pub const FORM_BYTES_MAX: usize = 48 << 10;

/// Parameters of one request: RFC 8693 and RFC 7523 know fourteen together.
pub const FORM_PARAMETERS_MAX: usize = 32;

/// How long a body may take to come.
pub const FORM_TIME_MAX: Duration = Duration::from_secs(5);

/// The configuration of the service.
pub const CONFIG_BYTES_MAX: u64 = 256 << 10;

/// A file that the configuration names: keys, a client's document, edges.
pub const CONFIG_FILE_BYTES_MAX: u64 = 1 << 20;

/// Issuers that one service trusts.
pub const TRUSTED_MAX: usize = 64;

/// Clients of one service: each is a file.
pub const CLIENTS_MAX: usize = 1_000;

/// Keys that only verify any more. One a quarter of a year for two years is more than anybody keeps.
pub const RETIRED_KEYS_MAX: usize = 8;

/// When an answer to whom X1 did not pass leaves: later than any check that is made before, so that
/// its time says nothing of which one failed.
pub const UNAUTHENTICATED_TIME: Duration = Duration::from_millis(25);

/// A client's certificate in a header, as Base64: it shares a line of 8 KiB.
pub const CERTIFICATE_CHARS_MAX: usize = 7 << 10;

/// How often the edge file is looked at: a removed edge stops issuance at once.
pub const EDGES_REFRESH: Duration = Duration::from_secs(1);

/// How long others may keep our public keys.
pub const JWKS_AGE_S_MAX: u32 = 300;

/// How often what is over is forgotten.
pub const SWEEP_TIME: Duration = Duration::from_mins(1);

/// Decisions that share one sync of the disk, and that may wait for it.
pub const RECORDS_WAITING_MAX: usize = 1_024;
