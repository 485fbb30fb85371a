//! Verdicts by policy: entities and facts in, a decision with its reasons out (Cedar).
//!
//! [`Policies::parse`] reads policies strictly, [`World::new`] makes entities of what was declared,
//! [`Policies::decide`] answers a [`Request`]; [`Policies::explain`] says what each policy made of it.
//! Pure: policies, entities and context are arguments. A policy that errs denies, whatever the others
//! say: Cedar skips it, and a `forbid` that is skipped would allow.

pub mod limits;

mod codes;
mod explain;
mod fault;
mod policies;
mod request;
mod verdict;
mod vocabulary;
mod world;

pub use codes::CODES;
pub use explain::{Condition, Considered, Explanation, Outcome};
pub use fault::{Fault, LoadError};
pub use policies::{DEFAULT, Policies, Source};
pub use request::{AGE_UNKNOWN_S, Asked, Facts, Mapped, Name, Request, RequestError, Subject};
pub use verdict::{Reason, Verdict};
pub use vocabulary::SCHEMA;
pub use world::{Declared, Edge, Server, World, WorldError};
