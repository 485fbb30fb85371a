//! What each deployment of OAuth does differently, as data; where its metadata is; and what is wrong
//! with it.
//!
//! A profile is chosen by an issuer that is compared as it is, and never by what a document claims.
//! Deliberately absent: learning anything from a token (an audience that is learned checks nothing).

#[cfg(feature = "service")]
pub mod attack;
#[cfg(feature = "service")]
pub mod discovery;
#[cfg(feature = "service")]
pub mod doctor;
#[cfg(feature = "service")]
mod fixes;
#[cfg(feature = "service")]
pub mod profile;
pub mod server;

#[cfg(feature = "service")]
pub use discovery::{Discovery, Form};
#[cfg(feature = "service")]
pub use profile::{Profile, ProfileError};
pub use server::{Server, ServerError};

#[cfg(all(test, feature = "service"))]
mod tests;
