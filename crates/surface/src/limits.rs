//! The bounds on a surface, each with its reason.

/// Most items of one surface; the largest real server seen shows below 1,000.
pub const ITEMS_MAX: usize = 10_000;

/// Most pages of one list; a server that needs more is looping.
pub const PAGES_MAX: usize = 1_000;

/// Largest surface, in bytes of the answers it came in: four messages of the largest size.
pub const SURFACE_BYTES_MAX: usize = 16 << 20;

/// Largest file a surface is read from: the largest surface, printed with indentation and digests.
pub const FILE_BYTES_MAX: usize = 4 * SURFACE_BYTES_MAX;

/// Deepest nesting of such a file: that of one message, and what the printed form puts around it.
pub const FILE_DEPTH_MAX: usize = wire::limits::DEPTH_MAX + 4;

/// How much replacing references may enlarge a schema: a real one grows less than twofold.
pub const INLINE_GROWTH_MAX: usize = 16;

/// Below this weight, in values and bytes of text, a schema may grow by any factor.
pub const INLINE_WEIGHT_MIN: usize = 16 << 10;

/// Deepest nesting of schemas and references while they are replaced; real ones stay below 12.
pub const INLINE_DEPTH_MAX: usize = 128;
