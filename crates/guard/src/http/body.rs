//! Bodies read whole, within bounds of size and time.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::Body;

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
    let mut body = pin!(body);
    while let Some(Ok(_)) = poll_fn(|context| body.as_mut().poll_frame(context)).await {}
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

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use http_body_util::channel::Channel;

    use super::*;

    type Never = std::convert::Infallible;

    /// A body whose error type is the one of connections.
    fn body(
        body: impl Body<Data = Bytes, Error = Never>,
    ) -> impl Body<Data = Bytes, Error = hyper::Error> {
        http_body_util::BodyExt::map_err(body, |never| match never {})
    }

    #[tokio::test]
    async fn a_body_at_the_limit_is_read_without_a_copy() {
        let sent = Bytes::from(vec![b'a'; 8]);
        let read = read(body(Full::new(sent.clone())), 8, Duration::from_secs(1)).await.unwrap();
        assert_eq!((read.as_ptr(), read.len()), (sent.as_ptr(), 8));
    }

    #[tokio::test]
    async fn a_body_past_the_limit_is_refused_declared_or_not() {
        let declared = Full::new(Bytes::from(vec![b'a'; 9]));
        let refused = read(body(declared), 8, Duration::from_secs(1)).await;
        assert!(matches!(refused, Err(BodyError::TooLarge(8))));
        let (mut sender, channel) = Channel::<Bytes, Never>::new(4);
        for piece in ["aaaa", "aaaa", "a"] {
            sender.send_data(Bytes::from_static(piece.as_bytes())).await.unwrap();
        }
        let refused = read(body(channel), 8, Duration::from_secs(1)).await;
        assert!(matches!(refused, Err(BodyError::TooLarge(8))));
    }

    #[tokio::test]
    async fn pieces_are_joined_in_their_order() {
        let (mut sender, channel) = Channel::<Bytes, Never>::new(4);
        for piece in ["ab", "", "cd", "e"] {
            sender.send_data(Bytes::from_static(piece.as_bytes())).await.unwrap();
        }
        drop(sender);
        assert_eq!(read(body(channel), 8, Duration::from_secs(1)).await.unwrap(), "abcde");
    }

    #[tokio::test]
    async fn a_body_that_does_not_end_is_refused_in_time() {
        let (_sender, channel) = Channel::<Bytes, Never>::new(1);
        let refused = read(body(channel), 8, Duration::from_millis(20)).await;
        assert!(matches!(refused, Err(BodyError::TimedOut(_))));
    }
}
