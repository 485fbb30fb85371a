//! Looks at remote servers, and says what it saw.

pub mod views;

use std::net::SocketAddr;

use async_trait::async_trait;

/// How a server is asked for its surface. The binary implements it with the guard's capture.
#[async_trait]
pub trait Capture: Send + Sync {
    /// Asks the server at `endpoint`, dialling only `addresses`, which were checked.
    ///
    /// # Errors
    /// Anything short of a whole surface, by outcome.
    async fn capture(&self, request: &CaptureRequest) -> Result<Captured, CaptureFailure>;
}

/// What to ask.
#[derive(Debug, Clone)]
pub struct CaptureRequest {
    /// The URL.
    pub endpoint: url::Url,
    /// The addresses that may be dialled.
    pub addresses: Vec<SocketAddr>,
    /// The `clientInfo` to show: name and version.
    pub client: (String, String),
    /// Headers, such as credentials lent for this origin; never shown or logged.
    pub headers: http::HeaderMap,
}

/// What a server showed.
#[derive(Debug, Clone)]
pub struct Captured {
    /// The surface.
    pub observation: surface::Observation,
    /// The protocol version that was spoken.
    pub protocol_version: String,
}

/// Why there is no surface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureFailure {
    /// `auth-required`, `mcp-error`, `not-mcp`, `tls-error`, `unreachable`, `refused-by-policy`.
    pub outcome: &'static str,
    /// One sentence.
    pub says: String,
}
