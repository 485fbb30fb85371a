//! What each deployment of OAuth does differently, as data; where its metadata is; and what is wrong
//! with it.
//!
//! A profile is chosen by an issuer that is compared as it is, and never by what a document claims.
//! Deliberately absent: learning anything from a token (an audience that is learned checks nothing).

pub mod attack;
pub mod discovery;
pub mod doctor;
mod fixes;
pub mod profile;
pub mod server;

pub use discovery::{Discovery, Form};
pub use profile::{Profile, ProfileError};
pub use server::{Server, ServerError};

#[cfg(test)]
mod tests;
