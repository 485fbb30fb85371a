//! Received bytes, read strictly and never changed.
//!
//! The bytes of a message are the evidence: what this crate accepts is forwarded as it came, and
//! what two parsers could read differently is refused with a [`Code`] and the offset of the byte.
//! Absent on purpose: typed message structs that are decoded and encoded again, sockets, clocks.

pub mod frame;
pub mod header;
pub mod json;
pub mod limits;
pub mod refusal;
pub mod request;
pub mod result;
pub mod rpc;

pub use json::{Document, Kind, Policy, Value};
pub use refusal::{Code, Refusal};
pub use rpc::{Frame, Message};
