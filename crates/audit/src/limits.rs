//! The bounds of the trail, each with its reason.

/// Longest record, in bytes: an entry of a log has a 16-bit length (C2SP tlog-tiles).
pub const RECORD_BYTES_MAX: usize = tlog::tile::ENTRY_SIZE_MAX;
/// Deepest nesting of a record; ours need four.
pub const DEPTH_MAX: usize = 8;
/// Longest word of ours or of a specification (codes, methods, scopes, names in a pin), in bytes:
/// MCP lets a tool's name have 128, and a reason code may carry one.
pub const WORD_BYTES_MAX: usize = 255;
/// Longest address (issuer, audience, origin, executable), in bytes: a long URL or path fits.
pub const ADDRESS_BYTES_MAX: usize = 2_048;
/// Deepest chain of delegation: DESIGN.md lets nobody configure more.
pub const CHAIN_MAX: usize = 10;
/// Entries of any other list: 256 of the longest words fill a record.
pub const LIST_MAX: usize = 256;
/// Longest signature of an approval, in base64: ML-DSA-44 takes 3,228.
pub const SIGNATURE_BYTES_MAX: usize = 4_096;
/// Largest integer that every JSON parser reads alike; what may be larger is a string.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;
/// Leaves of one value that are committed to each by itself: forty times the largest arguments seen.
/// A value with more is one leaf.
pub const LEAVES_MAX: usize = 16_384;
