//! The log before implementations that nobody here wrote, and before those who lie.

mod interop;
mod statements;
