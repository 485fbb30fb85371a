//! The way of an answer from the server to the client.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName};
use http::response::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Response};
use wire::{Document, Policy};

use super::judge::{Judge, Judgement};
use super::outgoing::{Outgoing, Stream};
use super::rejection::Rejection;
use crate::event::Reason;
use crate::http::body;
use crate::http::upstream::events::EventReader;
use crate::http::upstream::pool::Answer;
use crate::http::upstream::{Content, Upstream};
use crate::limits;

/// Sends a POST and waits for the head of its answer. A legacy request goes on when its client
/// hangs up meanwhile; a modern one ends.
pub(super) async fn send(
    upstream: &Arc<Upstream>,
    path: PathAndQuery,
    headers: HeaderMap,
    body: Bytes,
    judge: Judge,
    is_modern: bool,
) -> Result<(Response<Answer>, Judge), Rejection> {
    let sender = Arc::clone(upstream);
    let sending: Sending = Box::pin(async move {
        let sending = sender.send_to(path, Method::POST, headers, body);
        tokio::time::timeout(limits::ANSWER_TIME_MAX, sending)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    });
    let (outcome, judge) = if is_modern {
        (sending.await, judge)
    } else {
        Enduring { upstream: Arc::clone(upstream), sending: Some((sending, judge)) }.await
    };
    match outcome {
        Ok(response) => Ok((response, judge)),
        Err(error) => {
            judge.give_up();
            Err(Rejection::upstream(judge.id(), &error))
        }
    }
}

/// What the client gets of an answer.
pub(super) async fn reply(
    response: Response<Answer>,
    mut judge: Judge,
    kind: Stream,
) -> Result<Response<Outgoing>, Rejection> {
    let (mut head, answer) = response.into_parts();
    let content = Content::of(&head.headers);
    if content == Content::Events {
        if matches!(kind, Stream::Legacy(_)) {
            // The client may lose this stream and resume it on another.
            judge.expect_resumed();
        }
        head.headers.remove(CONTENT_LENGTH);
        let events = Outgoing::events(EventReader::new(answer), judge, kind);
        return Ok(Response::from_parts(head, events));
    }
    let stands = matches!(kind, Stream::Standing(_) | Stream::Beside(..));
    let read = body::read(answer, wire::limits::MESSAGE_BYTES_MAX, limits::ANSWER_TIME_MAX).await;
    let body = read.map_err(|error| Rejection::upstream(judge.id(), &error.into()))?;
    let is_judged = match content {
        Content::Json => head.status.is_success() || is_message(&body),
        Content::Events | Content::Other => false,
    };
    let judgement = if is_judged && !body.is_empty() {
        judge.judge(&body)
    } else if head.status.is_success() && (judge.expects() || stands && !body.is_empty()) {
        // Some clients read whatever a GET gives as a stream of events.
        let sentence = "the server answered with neither JSON nor an event stream";
        judge.refuse_for(&Reason::new("http.content-type", sentence))
    } else {
        Judgement::Pass
    };
    let judgement = match judgement {
        Judgement::Withhold if judge.expects() => {
            let sentence = "the server answered another request than was asked";
            judge.refuse_for(&Reason::new("http.response-id", sentence))
        }
        judgement => judgement,
    };
    let body = match judgement {
        Judgement::Pass => body,
        Judgement::Replace(message) => {
            replaced(&mut head);
            message.into()
        }
        Judgement::Withhold => {
            replaced(&mut head);
            Bytes::new()
        }
    };
    Ok(Response::from_parts(head, Outgoing::whole(body)))
}

/// Whether the body of an error status is meant for JSON-RPC: some are another protocol's JSON.
fn is_message(body: &Bytes) -> bool {
    match Document::parse(body, &Policy::default()) {
        // What cannot be read strictly might be a message to somebody else.
        Err(_) => true,
        Ok(document) => {
            let members = ["jsonrpc", "id", "result", "method"];
            members.into_iter().any(|member| document.root().get(member).is_some())
        }
    }
}

/// Makes a head fit another body.
fn replaced(head: &mut Parts) {
    for name in [CONTENT_LENGTH, ETAG, CONTENT_DIGEST, REPR_DIGEST, DIGEST] {
        head.headers.remove(name);
    }
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
}

type Sending = Pin<Box<dyn Future<Output = io::Result<Response<Answer>>> + Send>>;

/// A request that goes on when nobody waits for it any more.
struct Enduring {
    upstream: Arc<Upstream>,
    /// Gone when the request is answered.
    sending: Option<(Sending, Judge)>,
}

impl Future for Enduring {
    type Output = (io::Result<Response<Answer>>, Judge);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((mut sending, judge)) = self.sending.take() else { return Poll::Pending };
        match sending.as_mut().poll(context) {
            Poll::Ready(outcome) => Poll::Ready((outcome, judge)),
            Poll::Pending => {
                self.sending = Some((sending, judge));
                Poll::Pending
            }
        }
    }
}

impl Drop for Enduring {
    fn drop(&mut self) {
        let Some((sending, mut judge)) = self.sending.take() else { return };
        // The client may come back for what it missed.
        judge.expect_resumed();
        self.upstream.linger(async move {
            if let Ok(response) = sending.await {
                body::drain(response.into_body()).await;
            }
        });
    }
}

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
const DIGEST: HeaderName = HeaderName::from_static("digest");
