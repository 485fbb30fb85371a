//! Every bound, with its reason.

mod authzen;
mod broker;
mod federation;
mod net;
mod provider;
mod resource;
mod sts;

pub use authzen::*;
pub use broker::*;
pub use federation::*;
pub use net::*;
pub use provider::*;
pub use resource::*;
pub use sts::*;

/// A token has to fit a header line of 8 KiB beside its scheme and a proof's line.
pub const TOKEN_CHARS_MAX: usize = 6 << 10;

/// A proof carries one public key and seven claims.
pub const PROOF_CHARS_MAX: usize = 4 << 10;

/// The `act` of a token, as JSON: ten levels of an issuer and a subject.
pub const ACT_BYTES_MAX: usize = 4 << 10;

/// An issuer or a subject.
pub const NAME_BYTES_MAX: usize = 512;

/// A JWKS, as any document that is fetched.
pub const JWKS_BYTES_MAX: usize = 64 << 10;

/// Bits of an RSA key: fewer are too weak (RFC 7518 §3.3), more are there to cost time.
pub const RSA_BITS_MIN: usize = 2_048;

/// See [`RSA_BITS_MIN`].
pub const RSA_BITS_MAX: usize = 8_192;

/// The `jti` of a proof or an assertion: real ones are UUIDs or hashes.
pub const JTI_BYTES_MAX: usize = 256;

/// Keys in one JWKS: more is no rotation.
pub const KEYS_MAX: usize = 64;

/// Actors behind the presenter, unless a grant says less; more is no chain that anybody meant.
pub const DEPTH_MAX: u8 = 10;

/// How many seconds a hop token lives at most.
pub const HOP_TOKEN_LIFE_S: u64 = 300;

/// Less life than this is not worth a token.
pub const LIFE_LEFT_S_MIN: u64 = 5;

/// How far clocks may differ for others' tokens.
pub const SKEW_S_MAX: u64 = 300;

/// How far clocks may differ for our own tokens: five minutes would double their life.
pub const OWN_SKEW_S_MAX: u64 = 30;

/// How old a relayed proof may be.
pub const RELAY_AGE_S_MAX: u64 = 60;

/// How old a nonce may be: as old as a proof, so that what is remembered outlives both.
pub const NONCE_AGE_S_MAX: u64 = 300;

/// How long a used proof is remembered: twice as long as it is accepted.
pub const PROOF_MEMORY_S: u64 = 600;

/// Scopes of one token.
pub const SCOPES_MAX: usize = 128;

/// Schemes of one pinned item: each is one more way in. Real ones have one or two.
pub const SCHEMES_MAX: usize = 8;

/// Questions that one call of a tool may be: each is a decision of its own.
pub const QUESTIONS_MAX: usize = 8;

/// An edge file of thousands of edges, with their maps.
pub const EDGE_FILE_BYTES_MAX: usize = 4 << 20;

/// Servers of an edge file: what one domain runs or reaches.
pub const SERVERS_MAX: usize = 1_000;

/// Edges of an edge file.
pub const EDGES_MAX: usize = 10_000;

/// Tools of one server: as many items as a surface may have.
pub const TOOLS_MAX: usize = 10_000;

/// Actors that one edge lets an `actor_token` name.
pub const ACTORS_MAX: usize = 64;

/// Exchanges of one grant: a person's intent, not a crawler.
pub const GRANT_EXCHANGES_MAX: u64 = 1_000;

/// Different targets of one parent token: more is no call, but a search.
pub const PARENT_TARGETS_MAX: u64 = 32;

/// How long a grant's row outlives the grant: as long as clocks may differ, a root token that is over
/// here is not over elsewhere.
pub const GRANT_MEMORY_S: u64 = SKEW_S_MAX;

/// What an issuer answers about a token (RFC 7662): a token's claims and a few more.
pub const INTROSPECTION_BYTES_MAX: usize = 64 << 10;

/// How long such an answer is kept: a revoked token lives no longer than this.
pub const INTROSPECTION_CACHE_S: u64 = 60;

/// Elements of one token's `authorization_details`.
pub const DETAILS_MAX: usize = 32;

/// What one instance remembers of what was used once: at 100 proofs a second for ten minutes.
pub const REPLAY_MEMORY_MAX: usize = 65_536;

/// A URI that names a server: longer ones are cut by proxies and databases.
pub const URI_BYTES_MAX: usize = 2_048;

/// A metadata document, as any document that is fetched.
pub const METADATA_BYTES_MAX: usize = 64 << 10;

/// Issuers, scopes or algorithms of one metadata document: servers with a scope for each tool exist.
pub const METADATA_ENTRIES_MAX: usize = 1_024;

/// All `WWW-Authenticate` headers of one answer: no header line is longer.
pub const CHALLENGE_BYTES_MAX: usize = 8 << 10;

/// Challenges of one answer: one for each scheme that anybody offers.
pub const CHALLENGES_MAX: usize = 16;

/// Parameters of one challenge: seven are known.
pub const CHALLENGE_PARAMS_MAX: usize = 32;

/// How many actors there may be behind the presenter, unless the service is configured otherwise.
pub const DEPTH_DEFAULT: u8 = 3;

/// How far ahead a client's assertion may expire: it is made for one request.
pub const ASSERTION_LIFE_S_MAX: u64 = 600;

/// Exchanges of one client in one minute, on one instance: what two cores can sign.
pub const CLIENT_EXCHANGES_PER_MINUTE: u64 = 300_000;

/// A client's metadata document (CIMD): it is small, and fetched from strangers.
pub const CLIENT_DOCUMENT_BYTES_MAX: usize = 64 << 10;
