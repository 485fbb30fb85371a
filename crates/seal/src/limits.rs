//! The bounds on keys and statements, each with its reason.

/// Longest envelope: an entry of a log has a 16-bit length (C2SP tlog-tiles).
pub const ENVELOPE_BYTES_MAX: usize = tlog::tile::ENTRY_SIZE_MAX;

/// Most signatures of one envelope: a rotation needs two, each perhaps with a post-quantum twin.
pub const SIGNATURES_MAX: usize = 8;

/// Deepest nesting of an envelope, a statement or a bundle; ours need six.
pub const DEPTH_MAX: usize = 16;

/// Longest name of a server, in bytes: official registries end at 200, others are not far behind.
pub const SERVER_BYTES_MAX: usize = 255;

/// Longest version, in characters: that of the official `server.json` schema.
pub const VERSION_CHARS_MAX: usize = 255;

/// Longest free text of a statement (reasons, places, addresses), in bytes: a long URL fits.
pub const TEXT_BYTES_MAX: usize = 4_096;

/// Longest word of ours (codes, methods, outcomes), in bytes; the longest of today has 50.
pub const WORD_BYTES_MAX: usize = 128;

/// Most findings, artefacts or indices of one statement: the full report is an object.
pub const LIST_MAX: usize = 256;

/// Largest integer that every JSON parser reads alike.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Longest PEM text of a key: an ML-DSA-44 key with its expanded form, encrypted, takes 4 kB.
pub const PEM_BYTES_MAX: usize = 16 << 10;

/// Rounds of PBKDF2-HMAC-SHA-256 for a new key file: what OWASP asks for; half a second at most.
pub const PBKDF2_ROUNDS: u32 = 600_000;

/// Most rounds of a key file that is read: ten seconds of work, and no more.
pub const PBKDF2_ROUNDS_MAX: u32 = 10_000_000;

/// Most rotations after one another that a reader follows: one a month for twenty years.
pub const ROTATIONS_MAX: usize = 256;

/// Longest `trust.toml`: a hundred publishers with post-quantum keys.
pub const TRUST_BYTES_MAX: usize = 256 << 10;

/// How old the newest proof of a server's latest state may be unless the trust roots say otherwise,
/// in seconds: a day, so that a laptop that slept over night still starts its servers.
pub const FRESHNESS_S: u64 = 86_400;

/// How far ahead of a reader's clock a witness may be, in seconds.
pub const CLOCK_SKEW_S: u64 = 300;

/// Longest bundle, in bytes: three statements with their proofs take some 20 kB, and no leaf more
/// than 64 KiB.
pub const BUNDLE_BYTES_MAX: usize = 2 << 20;

/// Most leaves of a bundle: a declaration, its countersignature, and what bears on them.
pub const BUNDLE_LEAVES_MAX: usize = 32;

/// Most keys of a bundle: each signature of each leaf could have its own.
pub const BUNDLE_KEYS_MAX: usize = 32;

/// Most names of a bundle whose latest state is proved: five of the version, two for each key.
pub const BUNDLE_PATHS_MAX: usize = 64;

/// Most hashes of an inclusion proof: a tree has at most 2^63 leaves.
pub const PROOF_HASHES_MAX: usize = 63;

/// Longest proof of fraud, in bytes: the most that one batch of a log holds (4 MiB), in Base64, with its
/// proofs.
pub const FRAUD_BYTES_MAX: usize = 8 << 20;

/// Most leaves of a proof of fraud: a batch, and the map leaf before it.
pub const FRAUD_LEAVES_MAX: usize = 257;

/// Most paths of a proof of fraud: a statement has two names.
pub const FRAUD_PATHS_MAX: usize = 2 * FRAUD_LEAVES_MAX;
