//! The binary from outside: real processes, real files, a real server, a real git.

mod drift;
mod guard;
mod merge;
mod pins;
mod schemas;
mod secrets;
mod shell;
