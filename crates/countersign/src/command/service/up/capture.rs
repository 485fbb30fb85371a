//! How the monitor asks a server: with the guard's capture, at addresses that were checked.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use guard::capture::{CaptureError, Conditions, capture};
use guard::{ChannelError, Endpoint, Target};
use registry::monitor::{Capture, CaptureFailure, CaptureRequest, Captured};

/// The guard's capture.
pub(super) struct Guarded;

#[async_trait]
impl Capture for Guarded {
    async fn capture(&self, request: &CaptureRequest) -> Result<Captured, CaptureFailure> {
        let mut endpoint = request.endpoint.clone();
        endpoint.set_fragment(None);
        let Ok(url) = endpoint.as_str().parse() else {
            let says = "the URL is none of HTTP".to_owned();
            return Err(CaptureFailure { outcome: "refused-by-policy", says, challenge: None });
        };
        let target = Target::Url(Endpoint { url, headers: request.headers.clone() });
        let conditions = Conditions {
            answer_time_max: ANSWER_TIME_MAX,
            client: Some(request.client.clone()),
            addresses: Some(request.addresses.clone()),
            outbound: None,
        };
        // On the heap: a capture holds the buffers of a whole conversation.
        let captured =
            Box::pin(capture(&target, &conditions)).await.map_err(|error| failed(&error))?;
        let (observation, protocol_version) = (captured.observation, captured.protocol_version);
        Ok(Captured { observation, protocol_version })
    }
}

fn failed(error: &CaptureError) -> CaptureFailure {
    let challenge = match error {
        CaptureError::Exchange { source: ChannelError::Status { challenge, .. }, .. } => {
            challenge.clone()
        }
        _ => None,
    };
    CaptureFailure { outcome: outcome(error), says: sentence(error), challenge }
}

fn outcome(error: &CaptureError) -> &'static str {
    match error {
        CaptureError::Exchange { source, .. } => match source {
            ChannelError::Status { status: 401 | 403, .. } => "auth-required",
            ChannelError::Status { status: 500.., .. } => "unreachable",
            // A page for people, a parking host, or an API of another kind.
            ChannelError::Status { .. } => "not-mcp",
            ChannelError::Io(source) if is_tls(source) => "tls-error",
            ChannelError::Io(source) if source.kind() == std::io::ErrorKind::InvalidData => {
                "not-mcp"
            }
            ChannelError::Refused(_) => "mcp-error",
            _ => "unreachable",
        },
        CaptureError::TimedOut => "unreachable",
        _ => "mcp-error",
    }
}

fn is_tls(error: &std::io::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(this) = cause {
        if this.is::<rustls::Error>() {
            return true;
        }
        // An I/O error does not give what it wraps as its source, but that one's source.
        let inner = this.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match inner {
            Some(inner) => Some(inner),
            None => this.source(),
        };
    }
    false
}

/// The error and its causes in one line.
fn sentence(error: &CaptureError) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(this) = cause {
        sentence = format!("{sentence}: {this}");
        cause = this.source();
    }
    sentence
}

/// How long one answer may take; the monitor bounds the whole.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers every request with the same bytes.
    async fn server(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        address
    }

    async fn failure(url: &str, address: SocketAddr) -> CaptureFailure {
        let request = CaptureRequest {
            endpoint: url.parse().unwrap(),
            addresses: vec![address],
            client: ("ordinary-client".to_owned(), "2".to_owned()),
            headers: http::HeaderMap::new(),
        };
        Guarded.capture(&request).await.expect_err("no surface")
    }

    #[tokio::test]
    async fn what_is_no_surface_is_told_apart() {
        for (answer, outcome) in [
            (
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi",
                "not-mcp",
            ),
            ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "not-mcp"),
            ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", "unreachable"),
            (
                "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
                "not-mcp",
            ),
            (
                "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer x=\"y\"\r\ncontent-length: 0\r\n\r\n",
                "auth-required",
            ),
        ] {
            let address = server(answer).await;
            let url = format!("http://server.invalid:{}/mcp", address.port());
            let failure = failure(&url, address).await;
            assert_eq!(failure.outcome, outcome, "{answer}: {failure:?}");
            let is_challenged = failure.challenge.as_deref() == Some("Bearer x=\"y\"");
            assert_eq!(is_challenged, outcome == "auth-required");
        }
        let plain = server("HTTP/1.1 200 OK\r\n\r\n").await;
        let url = format!("https://server.invalid:{}/mcp", plain.port());
        assert_eq!(failure(&url, plain).await.outcome, "tls-error");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = listener.local_addr().unwrap();
        drop(listener);
        let url = format!("http://server.invalid:{}/mcp", closed.port());
        assert_eq!(failure(&url, closed).await.outcome, "unreachable");
    }
}
