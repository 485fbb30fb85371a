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
