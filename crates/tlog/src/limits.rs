//! Bounds, each with its reason.

/// A note: a log's two signatures and 64 cosignatures of ML-DSA-44, 3.3 kB each, fit twice over.
pub const NOTE_SIZE_MAX: usize = 512 * 1024;

/// Signature lines of a note; signed-note asks for at least 16.
pub const SIGNATURES_MAX: usize = 128;

/// Hashes of a proof: as many as a tree of 2^63 leaves has levels (tlog-witness says 63).
pub const PROOF_HASHES_MAX: usize = 63;

/// A name of a key or the origin of a log: twice the longest domain name.
pub const NAME_SIZE_MAX: usize = 512;

/// A policy; each key of ML-DSA-44 takes 1.8 kB.
pub const POLICY_SIZE_MAX: usize = 512 * 1024;

/// Logs, witnesses and groups of a policy, of each; tlog-policy asks for at least 32.
pub const POLICY_MEMBERS_MAX: usize = 128;

/// A tlog-proof beyond its checkpoint: 63 hashes of 45 bytes, the extra line, the index.
pub const PROOF_SIZE_MAX: usize = NOTE_SIZE_MAX + 16 * 1024;
