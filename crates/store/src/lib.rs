//! The log engine, and what is kept beside it.
//!
//! [`Log`] takes entries, sequences them, makes them durable and proves them. A [`Backend`] keeps the
//! durable state: [`files`] by default, [`scale`] (PostgreSQL and S3-like objects) for several
//! replicas, [`memory`] for tests, which fails on demand. [`Database`] opens the tables beside the
//! log, which can always be rebuilt from it.
//! Absent on purpose: what an entry means. The caller says which name an entry is about.

pub mod backend;
pub mod codes;
pub mod database;
pub mod fault;
pub mod files;
pub mod limits;
pub mod log;
pub mod memory;
pub mod oracle;
pub mod scale;

pub use backend::{Backend, Commit, Object, Replicated, StoreError};
pub use database::Database;
pub use log::{Config, Log, Receipt, SubmitError};
