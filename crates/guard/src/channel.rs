//! One exchange with a server, whatever carries it.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};
use wire::Refusal;

/// Asks a server and waits for its answer.
///
/// The implementation adds what its transport and era ask for (ids, `_meta`, headers), bounds the
/// wait, and correlates. It never retries.
pub trait Channel: Send + Sync {
    /// Sends `method` with `params` and gives the whole response message as received: one JSON-RPC
    /// response, a result or an error.
    fn exchange(
        &self,
        method: &str,
        params: Map<String, Value>,
    ) -> impl Future<Output = Result<Bytes, ChannelError>> + Send;

    /// Whether the server is asked over the network without anything that could tell it who asks, so
    /// that it shows what it shows to everybody.
    fn is_anonymous(&self) -> bool {
        false
    }
}

/// Why an exchange has no response.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The server ended or closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// No response in time.
    #[error("the server did not answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// The response is not what `wire` accepts.
    #[error("the server's answer was refused: {} at byte {}", .0.code, .0.offset)]
    Refused(#[from] Refusal),
    /// The server answered with an HTTP status instead of a message.
    #[error("the server answered HTTP {status}")]
    Status {
        /// The status.
        status: u16,
        /// `WWW-Authenticate`, when the server sent one: the way to authorize.
        challenge: Option<String>,
    },
    /// The connection failed.
    #[error("the connection failed")]
    Io(#[from] std::io::Error),
}
