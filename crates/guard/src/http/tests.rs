//! A real server, a real guard and a real client on loopback.

mod capturing;
mod client;
mod fixture;
mod refusing;
mod relaying;
mod streaming;
