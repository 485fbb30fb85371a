//! The bounds on what is read, each with its reason.

/// Largest message: real results reach 4 MiB (screenshots, files); a larger one is an attack on memory.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Deepest nesting of one message: the deepest real schema seen stays below 30.
pub const DEPTH_MAX: usize = 64;
