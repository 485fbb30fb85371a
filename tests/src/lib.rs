//! What the black-box suites share: the binary, where installed things are, and raw clients.
//!
//! Everything here panics with a sentence when the world is not as a test needs it: a suite that
//! lacks a part fails and says which; it never passes over it.

pub mod fixture;
pub mod guard;
pub mod http;
pub mod liar;
pub mod lying_log;
pub mod paths;
pub mod program;
pub mod random;
pub mod rpc;
pub mod stdio;
pub mod tape;

pub use fixture::Fixture;
pub use guard::{Guard, ServerCommand};
pub use http::HttpClient;
pub use liar::Liar;
pub use lying_log::{Loopback, LyingLog, LyingWitness};
pub use paths::scratch::Scratch;
pub use program::oauth::Others;
pub use program::peer::Peer;
pub use program::postgres::Postgres;
pub use program::proxy::{Fault, Proxy};
pub use program::registry::{Registry, Witness};
pub use program::s3::S3;
pub use program::sts::{Draft, Sts};
pub use program::{Output, Program};
pub use rpc::Client;
pub use stdio::StdioClient;
pub use tape::Tape;

/// The time, in seconds since 1970.
pub fn now_s() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("the clock is right").as_secs()
}
