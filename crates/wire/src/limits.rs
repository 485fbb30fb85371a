//! The bounds on what is read, each with its reason.

/// Largest message: real results reach 4 MiB (screenshots, files); a larger one is an attack on memory.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Deepest nesting of one message: the deepest real schema seen stays below 30.
pub const DEPTH_MAX: usize = 64;

/// Most messages of one batch: clients of the one revision that has batches send a few at a time.
pub const BATCH_MESSAGES_MAX: usize = 256;

/// Longest id, in bytes as received: real ids are small integers or UUIDs, and a relay keeps each
/// until its answer comes.
pub const ID_BYTES_MAX: usize = 1_024;

/// Longest method, in bytes as received: the longest of the specification has 40.
pub const METHOD_BYTES_MAX: usize = 256;

/// Most arguments of one tool that travel in headers: HTTP servers take about 100 headers in all.
pub const PARAM_HEADERS_MAX: usize = 64;

/// Longest value of a header, as the whole line must stay below 8 KiB.
pub const HEADER_BYTES_MAX: usize = 8 << 10;
