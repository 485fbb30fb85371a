//! What a server sends, judged message by message before a client sees it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use surface::Era;
use wire::rpc::{Id, IdKey, Outcome, Response};
use wire::{Document, Frame, Message, Policy, Refusal};

use super::conversation::{Conversation, Waiting};
use crate::answer;
use crate::event::Reason;
use crate::session::{Awaited, What};

/// Judges the messages of one answer or stream.
pub(super) struct Judge {
    conversation: Arc<Conversation>,
    /// The requests that this answer is for; none for a stream that stands by itself.
    expected: Vec<Expected>,
    is_elsewhere: bool,
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

    /// Whether its response opens a legacy conversation.
    pub(super) fn opens(&self) -> bool {
        self.awaited.era == Era::Legacy && self.awaited.what == What::Opening
    }
}

impl Judge {
    pub(super) const fn new(conversation: Arc<Conversation>, expected: Vec<Expected>) -> Self {
        Self { conversation, expected, is_elsewhere: false }
    }

    pub(super) const fn conversation(&self) -> &Arc<Conversation> {
        &self.conversation
    }

    /// The id that an error about the whole answer is for.
    pub(super) fn id(&self) -> &[u8] {
        self.expected.first().map_or(b"null", |expected| &expected.id)
    }

    /// Whether this answer opens a legacy conversation.
    pub(super) fn opens(&self) -> bool {
        self.expected.iter().any(Expected::opens)
    }

    /// Whether requests wait for this answer.
    pub(super) fn expects(&self) -> bool {
        self.expected.iter().any(|expected| expected.is_open)
    }

    /// Lets the responses come on another stream, should this one be lost.
    pub(super) fn expect_resumed(&mut self) {
        if !std::mem::replace(&mut self.is_elsewhere, true) {
            for expected in &self.expected {
                self.conversation.expect_resumed(&expected.key, &expected.awaited);
            }
        }
    }

    /// Expects the responses on the one stream that all come on; whether all of them may.
    pub(super) fn expect_elsewhere(&mut self) -> bool {
        self.is_elsewhere = true;
        let free = self.expected.iter().take_while(|expected| {
            let waiting = Waiting::Client(expected.awaited.clone());
            self.conversation.expect(expected.key.clone(), waiting)
        });
        let count = free.count();
        let is_whole = count == self.expected.len();
        if !is_whole {
            self.expected.truncate(count);
            self.give_up();
        }
        is_whole
    }

    /// Expects the responses nowhere any more.
    pub(super) fn give_up(&self) {
        for expected in &self.expected {
            self.conversation.take(&expected.key);
        }
    }

    /// Judges one body, or the data of one event.
    pub(super) fn judge(&mut self, bytes: &Bytes) -> Judgement {
        let document = match Document::parse(bytes, &Policy::default()) {
            Ok(document) => document,
            Err(refusal) => return self.refuse(refusal),
        };
        match Frame::read(&document) {
            Err(refusal) => self.refuse(refusal),
            Ok(Frame::One(message)) => self.message(&message, bytes),
            Ok(Frame::Batch(messages)) => self.batch(&messages, bytes),
        }
    }

    /// Answers every open request with a refusal of what came.
    pub(super) fn refuse(&mut self, refusal: Refusal) -> Judgement {
        self.refuse_for(&Reason::from(refusal))
    }

    /// Answers every open request with `reason`.
    pub(super) fn refuse_for(&mut self, reason: &Reason) -> Judgement {
        self.conversation.refused(None, reason);
        let mut answers = Vec::new();
        for expected in self.expected.iter_mut().filter(|expected| expected.is_open) {
            expected.is_open = false;
            self.conversation.take(&expected.key);
            answers.push(answer::refused(Some(&expected.id), reason));
        }
        match answers.as_mut_slice() {
            [] => Judgement::Withhold,
            [one] => Judgement::Replace(std::mem::take(one)),
            many => Judgement::Replace([b"[", many.join(&b","[..]).as_slice(), b"]"].concat()),
        }
    }

    /// Every response of a batch is judged; one that nobody expects spoils the whole.
    fn batch(&mut self, messages: &[Message<'_>], bytes: &Bytes) -> Judgement {
        let mut edits = Vec::new();
        for message in messages {
            match (self.message(message, bytes), message) {
                (Judgement::Pass, _) => {}
                (Judgement::Replace(other), Message::Response(response)) => {
                    edits.push((response.whole.start()..response.whole.end(), other));
                }
                _ => return self.refuse_for(&unexpected()),
            }
        }
        if edits.is_empty() { Judgement::Pass } else { Judgement::Replace(splice(bytes, &edits)) }
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
        // A stream that answers requests of its own answers no others.
        let stands_alone = self.expected.is_empty();
        let mut open = self.expected.iter_mut().filter(|expected| expected.is_open);
        let own = open.find(|expected| expected.key == key);
        let is_elsewhere = own.is_some() || stands_alone;
        let elsewhere = is_elsewhere.then(|| self.conversation.take(&key)).flatten();
        match (own, elsewhere) {
            (Some(expected), _) => {
                expected.is_open = false;
                judge_for(&self.conversation, &expected.awaited, response)
            }
            (None, Some(Waiting::Client(awaited))) => {
                judge_for(&self.conversation, &awaited, response)
            }
            (None, Some(Waiting::Guard(asker))) => {
                // An asker that gave up needs no answer.
                drop(asker.send(bytes.clone()));
                Judgement::Withhold
            }
            (None, None) => {
                self.conversation.refused(None, &unexpected());
                Judgement::Withhold
            }
        }
    }
}

fn judge_for(conversation: &Conversation, awaited: &Awaited, response: &Response<'_>) -> Judgement {
    let replacement = conversation.session.response(awaited, response);
    let opens = awaited.era == Era::Legacy && awaited.what == What::Opening;
    if opens && matches!(response.outcome, Outcome::Result(_)) {
        conversation.opened(response.whole.raw());
    }
    replacement.map_or(Judgement::Pass, Judgement::Replace)
}

fn unexpected() -> Reason {
    Reason::new("http.response-id", "the server answered a request that does not wait for it here")
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
