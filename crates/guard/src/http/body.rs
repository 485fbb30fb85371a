//! Bodies read whole, within bounds of size and time.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::Body;

use crate::limits;

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// It is larger than the bound.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// It did not end in time.
    #[error("the body did not end within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The connection failed.
    #[error("the body could not be read")]
    Failed(#[source] hyper::Error),
}

/// Reads `body` to its end. A body that came in one piece is not copied.
///
/// # Errors
/// A body past the bounds, or a failing connection.
pub(crate) async fn read(
    body: impl Body<Data = Bytes, Error = hyper::Error>,
    bytes_max: usize,
    time_max: Duration,
) -> Result<Bytes, BodyError> {
    tokio::time::timeout(time_max, collect(body, bytes_max))
        .await
        .unwrap_or(Err(BodyError::TimedOut(time_max)))
}

async fn collect(
    body: impl Body<Data = Bytes, Error = hyper::Error>,
    bytes_max: usize,
) -> Result<Bytes, BodyError> {
    let mut body = pin!(body);
    let hint = body.size_hint();
    let within = |length: u64| usize::try_from(length).ok().filter(|length| *length <= bytes_max);
    let expected = within(hint.lower()).ok_or(BodyError::TooLarge(bytes_max))?;
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let Ok(data) = frame.map_err(BodyError::Failed)?.into_data() else { continue };
        if first.len() + whole.len() + data.len() > bytes_max {
            return Err(BodyError::TooLarge(bytes_max));
        }
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            if whole.is_empty() {
                whole.reserve(expected.max(first.len() + data.len()));
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&data);
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

/// Reads a body that nobody waits for any more, so that its sender is not interrupted.
pub(crate) async fn drain(body: impl Body<Data = Bytes, Error = hyper::Error>) {
    let to_the_end = async {
        let mut body = pin!(body);
        while let Some(Ok(_)) = poll_fn(|context| body.as_mut().poll_frame(context)).await {}
    };
    // Past the time, the connection is closed.
    drop(tokio::time::timeout(limits::DRAIN_TIME_MAX, to_the_end).await);
}

impl From<BodyError> for io::Error {
    fn from(error: BodyError) -> Self {
        let kind = match &error {
            BodyError::TooLarge(_) => io::ErrorKind::InvalidData,
            BodyError::TimedOut(_) => io::ErrorKind::TimedOut,
            BodyError::Failed(_) => io::ErrorKind::ConnectionAborted,
        };
        Self::new(kind, error)
    }
}
