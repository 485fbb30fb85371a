//! Every bound, with its reason.

/// The policies of one set, in bytes: a hundred pages. Each decision reads all of them.
pub const POLICIES_BYTES_MAX: usize = 256 << 10;

/// Policies of one set: a decision evaluates each.
pub const POLICIES_MAX: usize = 512;

/// The name of a policy: it stands in each decision record.
pub const ID_BYTES_MAX: usize = 128;

/// Servers, and edges, of one world, of each.
pub const ENTITIES_MAX: usize = 10_000;

/// Tools of one world: twenty for each of a thousand servers.
pub const TOOLS_MAX: usize = 20_000;

/// The name of an entity: an issuer and a subject of 512 bytes each, or two resource identifiers.
pub const NAME_BYTES_MAX: usize = 4 << 10;

/// Scopes of one set of a request.
pub const SCOPES_MAX: usize = 128;

/// Actors of a chain: the presenter and ten behind it.
pub const CHAIN_MAX: usize = 11;

/// How much of one attribute's value an explanation shows, in characters.
pub const SHOWN_CHARS_MAX: usize = 200;
