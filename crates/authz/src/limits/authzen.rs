//! Bounds of the decision endpoint.

/// A body of evaluations: each a few kilobytes of facts.
pub const EVALUATIONS_BYTES_MAX: usize = 512 << 10;

/// Evaluations of one request: a page of tools, each decided.
pub const EVALUATIONS_MAX: usize = 256;

/// Nesting of a body: evaluations, one, its context, a list in it, and what nobody knows.
pub const EVALUATION_DEPTH_MAX: usize = 16;

/// A request identifier that is given back: real ones are UUIDs.
pub const REQUEST_ID_BYTES_MAX: usize = 256;

/// The key of the endpoint: 16 random bytes, as text.
pub const AUTHZEN_KEY_CHARS_MIN: usize = 22;
