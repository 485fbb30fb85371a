//! Statements about servers: who makes them, how they are signed, how anyone verifies them offline.
//!
//! [`statement`] is what is said; [`envelope`] signs it (DSSE, canonical JSON, in-toto); [`key`] is
//! who signs, [`history`] which key counts when; [`trust`] is whom a reader believes; [`bundle`] is a
//! statement with its evidence; [`fraud`] is what convicts a log.
//! Absent on purpose: sockets, files, clocks and randomness; the binary brings them.

pub mod bundle;
pub mod codes;
pub mod crypto;
mod der;
pub mod envelope;
pub mod history;
pub mod key;
pub mod limits;
pub mod statement;
pub mod time;
pub mod trust;

pub use bundle::Bundle;
pub use bundle::fraud::{self, Fraud};
pub use crypto::Crypto;
pub use envelope::Envelope;
pub use history::KeyHistory;
pub use key::{KeyId, PrivateKey, PublicKey};
pub use statement::{Predicate, Statement};
pub use trust::Trust;
