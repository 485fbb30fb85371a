//! Framing: where one message ends and the next begins.

pub mod lines;
pub mod sse;
