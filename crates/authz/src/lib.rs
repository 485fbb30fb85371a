//! Authorization across hops: one grant, single-audience tokens, declared edges.
//!
//! ```text
//! token       bytes of a credential -> who it is for, by whom, with what authority: verified, or refused
//! resource    what a protected server says of itself: identifier, metadata, challenges
//! edge        the declared permissions from one server to the next
//! grant       the one state: the ceiling of everything done for one intent
//! exchange    a token for one server -> a narrower token for the next: checks X1 to X14
//! sts         the token endpoint over HTTP, its metadata and keys
//! federation  assertions of other domains, and events that end grants
//! provider    what each deployment of OAuth does differently, as data; the doctor
//! broker      how a guard gets a token for the next server
//! net         the one HTTP client for addresses that others name
//! ```
//!
//! Without the feature `service`, on by default, what is left reads and verifies bytes: `token`, `edge`,
//! `federation`, documents of `resource` and `provider`, grants in memory. The fuzz targets build that half alone.
//!
//! Nothing here shows a credential: [`token::Secret`] prints nothing, records hold hashes.

#[cfg(feature = "service")]
pub mod broker;
pub mod edge;
#[cfg(feature = "service")]
pub mod exchange;
pub mod federation;
pub mod grant;
pub mod limits;
#[cfg(feature = "service")]
pub mod net;
pub mod provider;
pub mod resource;
#[cfg(feature = "service")]
pub mod sts;
pub mod token;
