//! Between client and server: capture, compare, decide, forward.

pub mod channel;

pub use channel::{Channel, ChannelError};
