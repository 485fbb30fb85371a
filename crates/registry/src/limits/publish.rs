//! Bounds on what is published, and on proofs of who may.

use std::time::Duration;

// server.json.

/// Largest server.json: real ones stay below 20 kB, and a page of 100 has to fit into what a mirror
/// takes as one answer (16 MiB).
pub const SERVER_JSON_BYTES_MAX: usize = 128 << 10;

/// Deepest nesting of server.json: the schema needs 7, the publisher's own `_meta` a few more.
pub const SERVER_JSON_DEPTH_MAX: usize = 32;

/// Elements of one list of server.json: the longest real one has some 60 environment variables.
pub const SERVER_JSON_ELEMENTS_MAX: usize = 1_000;

/// Faults that are reported of one server.json: more do not help a person.
pub const SERVER_JSON_FAULTS_MAX: usize = 32;

/// The publisher's own `_meta`, in canonical JSON: the official registry's limit.
pub const PUBLISHER_META_BYTES_MAX: usize = 4_096;

// Namespaces.

/// Records of one domain that are tried: more than any rotation needs.
pub const NAMESPACE_RECORDS_MAX: usize = 8;

/// Longest signature over a timestamp, in hexadecimal digits: P-384 needs 192.
pub const NAMESPACE_SIGNATURE_CHARS_MAX: usize = 256;

/// Longest timestamp, with fractions and offset.
pub const NAMESPACE_TIMESTAMP_CHARS_MAX: usize = 40;

/// Largest well-known file: the official registry's limit.
pub const WELL_KNOWN_BYTES_MAX: usize = 4 << 10;

/// How long one resolver is waited for.
pub const DNS_TIME_MAX: Duration = Duration::from_secs(3);

/// Longest token, of ours or of others: those of GitHub Actions have some 2,000 characters.
pub const TOKEN_CHARS_MAX: usize = 8 << 10;

/// How long a token of GitHub Actions may live, in seconds: they live ten minutes.
pub const OIDC_LIFE_S_MAX: u64 = 3_600;

/// How long the keys of an issuer are kept.
pub const JWKS_AGE_MAX: Duration = Duration::from_hours(1);

/// How often an unknown key makes us ask the issuer again.
pub const JWKS_INTERVAL: Duration = Duration::from_secs(30);

/// How old the statement of a proof may be before a login makes another, in microseconds: an hour.
pub const PROOF_AGE_US_MAX: i64 = 3_600_000_000;

// Publications.

/// Packages of one entry whose bytes are checked: most entries have one.
pub const ARTEFACTS_CHECKED_MAX: usize = 8;

/// What a package registry says of one version: `PyPI` lists a hundred wheels in 200 kB.
pub const PACKAGE_BYTES_MAX: usize = 4 << 20;

/// Largest bundle that is downloaded to compare its digest.
pub const BUNDLE_BYTES_MAX: usize = 64 << 20;

/// Largest publication: a surface of the largest size, printed, with its entry and statement.
pub const PUBLICATION_BYTES_MAX: usize = 24 << 20;

/// Largest body of a login or of a status.
pub const FORM_BYTES_MAX: usize = 64 << 10;

/// Largest body that holds a statement and keys.
pub const STATEMENT_BODY_BYTES_MAX: usize = 256 << 10;

/// Statements at once that are larger: observations with a large surface. No login is asked for them.
pub const LARGE_STATEMENTS_MAX: usize = 4;

/// How long the body of such a statement may take to come.
pub const LARGE_STATEMENT_TIME_MAX: Duration = Duration::from_secs(30);

/// Keys that a request may bring: what an envelope may be signed with.
pub const KEYS_BROUGHT_MAX: usize = 8;

/// Longest message of a status, in characters: the official registry's limit.
pub const STATUS_MESSAGE_CHARS_MAX: usize = 500;

/// Held versions of one answer.
pub const HELD_SHOWN_MAX: u32 = 100;
