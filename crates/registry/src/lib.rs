//! The registry: what publishers declare, upstreams list and servers show, in a transparency log.
//!
//! *Commands append statements; one projection makes rows and changes of them; readers read rows.*
//! [`publish`], [`mirror`] and [`monitor`] append to the log through [`service::Service`];
//! [`projection`] follows the log and writes the tables, each state change with its place in the
//! feed in the same transaction; [`api`] and [`feed`] read the tables; [`witness`] cosigns other
//! people's logs, and asks others to cosign ours.
//! Absent on purpose: how a server is asked for its surface, which the binary brings
//! ([`monitor::Capture`]).

pub mod api;
pub mod feed;
pub mod limits;
pub mod mirror;
pub mod monitor;
pub mod namespace;
pub mod projection;
pub mod publish;
pub mod service;
pub mod witness;

pub use service::Service;

use authz::net;
