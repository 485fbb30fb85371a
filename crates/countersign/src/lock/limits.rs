//! The bounds on pins, each with its reason.

/// Largest lock file: 64 servers of the largest surface, at some 250 bytes an item, stay below.
pub(crate) const LOCK_BYTES_MAX: u64 = 160 << 20;

/// Longest alias or context: with both, a file name stays below the 255 bytes of file systems.
pub(crate) const NAME_CHARS_MAX: usize = 64;

/// Largest bundle of evidence: some 70 statements of the longest kind.
pub(crate) const EVIDENCE_BYTES_MAX: u64 = 8 << 20;

/// Approvals kept for each pin, the newest; version control has the others.
pub(crate) const APPROVALS_MAX: usize = 50;
