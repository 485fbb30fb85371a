//! What a server sends, judged message by message before a client sees it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use wire::rpc::{Id, IdKey, Response};
use wire::{Document, Frame, Message, Policy, Refusal};

use super::conversation::{Conversation, Waiting};
use crate::answer;
use crate::event::Reason;
use crate::session::Awaited;

/// Judges the messages of one answer or stream.
pub(super) struct Judge {
    pub(super) conversation: Arc<Conversation>,
    /// The requests that this answer is for; none for a stream that stands by itself.
    expected: Vec<Expected>,
    policy: Policy,
}

/// A request that waits for its response.
pub(super) struct Expected {
    /// Its id, as received.
    id: Vec<u8>,
    key: IdKey,
    awaited: Awaited,
    is_open: bool,
}

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It passes as received.
    Pass,
    /// This goes in its place.
    Replace(Vec<u8>),
    /// It does not pass.
    Withhold,
}

impl Expected {
    pub(super) fn new(id: Id<'_>, awaited: Awaited) -> Self {
        Self { id: id.raw().to_vec(), key: id.key(), awaited, is_open: true }
    }
}

impl Judge {
    pub(super) fn new(conversation: Arc<Conversation>, expected: Vec<Expected>) -> Self {
        let policy = conversation.gate.policy();
        Self { conversation, expected, policy }
    }

    /// The id that a refusal of the whole answer is for.
    pub(super) fn id(&self) -> &[u8] {
        self.expected.first().map_or(b"null", |expected| &expected.id)
    }

    /// Whether requests wait for this answer.
    pub(super) fn expects(&self) -> bool {
        self.expected.iter().any(|expected| expected.is_open)
    }

    /// Lets the open responses come on another stream: a legacy client may resume this one there.
    pub(super) fn expect_elsewhere(&self) {
        for expected in &self.expected {
            let waiting = Waiting::Client(expected.awaited.clone());
            self.conversation.expect(expected.key.clone(), waiting);
        }
    }

    /// Judges one body or the data of one event.
    pub(super) fn judge(&mut self, bytes: &Bytes) -> Judgement {
        let document = match Document::parse(bytes, &self.policy) {
            Ok(document) => document,
            Err(refusal) => return self.refuse(refusal),
        };
        let edits = match Frame::read(&document) {
            Err(refusal) => return self.refuse(refusal),
            Ok(Frame::One(message)) => return self.message(&message, bytes),
            Ok(Frame::Batch(messages)) => self.batch(&messages, bytes),
        };
        match edits {
            None => self.refuse_all(&Reason::new("http.response-id", UNEXPECTED)),
            Some(edits) if edits.is_empty() => Judgement::Pass,
            Some(edits) => Judgement::Replace(splice(bytes, &edits)),
        }
    }

    /// Answers every open request with a refusal of what came.
    pub(super) fn refuse(&mut self, refusal: Refusal) -> Judgement {
        self.conversation.record_refusal(None, Reason::from(refusal));
        self.close_with(|id| answer::refused(Some(id), refusal))
    }

    /// Answers every open request with `reason`.
    pub(super) fn refuse_all(&mut self, reason: &Reason) -> Judgement {
        self.conversation.record_refusal(None, reason.clone());
        self.close_with(|id| {
            let text = format!("Countersign refused the server's answer: {}", reason.sentence);
            answer::error(id, answer::REFUSED_ANSWER, &text, &serde_json::json!({ "code": reason.code }))
        })
    }

    fn close_with(&mut self, answer: impl Fn(&[u8]) -> Vec<u8>) -> Judgement {
        let open = self.expected.iter_mut().filter(|expected| expected.is_open);
        let answers: Vec<Vec<u8>> = open
            .map(|expected| {
                expected.is_open = false;
                self.conversation.take(&expected.key);
                answer(&expected.id)
            })
            .collect();
        match answers.as_slice() {
            [] => Judgement::Withhold,
            [one] => Judgement::Replace(one.clone()),
            many => Judgement::Replace([b"[", many.join(&b","[..]).as_slice(), b"]"].concat()),
        }
    }

    /// Every response of a batch is judged; one that nobody expects spoils the whole (`None`).
    fn batch(
        &mut self,
        messages: &[Message<'_>],
        bytes: &Bytes,
    ) -> Option<Vec<(Range<usize>, Vec<u8>)>> {
        let mut edits = Vec::new();
        for message in messages {
            let Message::Response(response) = message else {
                self.message(message, bytes);
                continue;
            };
            match self.response(response, bytes) {
                Judgement::Pass => {}
                Judgement::Withhold => return None,
                Judgement::Replace(other) => {
                    edits.push((response.whole.start()..response.whole.end(), other));
                }
            }
        }
        Some(edits)
    }

    fn message(&mut self, message: &Message<'_>, bytes: &Bytes) -> Judgement {
        match message {
            Message::Request(_) => Judgement::Pass,
            Message::Notification(notification) => {
                self.conversation.session.server_notified(notification);
                Judgement::Pass
            }
            Message::Response(response) => self.response(response, bytes),
        }
    }

    fn response(&mut self, response: &Response<'_>, bytes: &Bytes) -> Judgement {
        // Only an error has no id; it says nothing that could be mistaken for a result.
        let Some(id) = response.id else { return Judgement::Pass };
        let key = id.key();
        let own = self.expected.iter_mut().find(|expected| expected.is_open && expected.key == key);
        let elsewhere = if self.expected.is_empty() || own.is_some() {
            self.conversation.take(&key)
        } else {
            None
        };
        let session = &self.conversation.session;
        let replacement = match (own, elsewhere) {
            (Some(expected), _) => {
                expected.is_open = false;
                session.response(&expected.awaited, response)
            }
            (None, Some(Waiting::Client(awaited))) => session.response(&awaited, response),
            (None, Some(Waiting::Guard(asker))) => {
                // An asker that gave up needs no answer.
                drop(asker.send(bytes.clone()));
                return Judgement::Withhold;
            }
            (None, None) => {
                let reason = Reason::new("http.response-id", UNEXPECTED);
                self.conversation.record_refusal(None, reason);
                return Judgement::Withhold;
            }
        };
        replacement.map_or(Judgement::Pass, Judgement::Replace)
    }
}

/// `bytes` with each range, in order, replaced.
fn splice(bytes: &[u8], edits: &[(Range<usize>, Vec<u8>)]) -> Vec<u8> {
    let mut spliced = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for (range, other) in edits {
        spliced.extend_from_slice(bytes.get(at..range.start).unwrap_or_default());
        spliced.extend_from_slice(other);
        at = range.end;
    }
    spliced.extend_from_slice(bytes.get(at..).unwrap_or_default());
    spliced
}

const UNEXPECTED: &str = "the response answers no request that waits for it here";
