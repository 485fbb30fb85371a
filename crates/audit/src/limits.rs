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
/// Records of one group commit: a bundle's width.
pub const BATCH_RECORDS_MAX: usize = 256;
/// Bytes after which a group commit takes no more: it is written and held in memory whole.
pub const BATCH_BYTES_MAX: usize = 4 << 20;
/// Longest frame: a full batch and one longest record more, with their lengths.
pub const FRAME_BYTES_MAX: usize = BATCH_BYTES_MAX + RECORD_BYTES_MAX + 2 * BATCH_RECORDS_MAX + 22;
/// Records that wait for the writer; one more is answered `audit.trail.full`.
pub const QUEUE_LENGTH_MAX: usize = 8_192;
/// Records after which a checkpoint is asked for, however little time has passed.
pub const CHECKPOINT_RECORDS: usize = 1_000;
/// Time after which one is, in milliseconds.
pub const CHECKPOINT_TIME_MS: u64 = 1_000;
/// Records after which full bundles and tiles are written: what is not is read again at a start.
pub const SETTLE_RECORDS: u64 = 4_096;
/// How long records may wait for a signer that is down, in milliseconds; then a closed trail refuses.
pub const SIGNER_AGE_MAX_MS: u64 = 60_000;
/// Pause before storage that failed is read again, in milliseconds.
pub const RELOAD_PAUSE_MS: u64 = 100;
/// How far the wall clock may move against the one that never steps before that is recorded, in
/// milliseconds: slewing by NTP stays far below in a heartbeat.
pub const CLOCK_STEP_MS: u64 = 1_000;
/// How far a record may be outside the window of its checkpoint, in milliseconds: the clock skew that
/// DESIGN.md allows.
pub const CLOCK_SKEW_MS: u64 = 300_000;
/// How late a heartbeat may be, in milliseconds, before silence counts: a loaded machine's pause.
pub const HEARTBEAT_SLACK_MS: u64 = 10_000;
/// Longest file of one checkpoint, as that of a note.
pub const NOTE_BYTES_MAX: usize = tlog::limits::NOTE_SIZE_MAX;
/// Records within which the verifier finds an id that comes twice: a million take 50 MB. A decision or
/// an outcome that comes again later is found by its call.
pub const IDS_WINDOW: usize = 1 << 20;
/// Sealed leaves of one member of one record, in bytes: a message of 4 MiB, each of whose leaves has its
/// salt and its path beside it.
pub const VALUES_BYTES_MAX: usize = 32 << 20;
