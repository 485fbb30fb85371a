//! The two loops of a stdio session.

use std::io;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use tokio::io::AsyncRead;
use wire::rpc::{Notification, Request, Response};
use wire::{Document, Frame, Message, Refusal};

use super::in_flight::{InFlight, Unsendable};
use super::inbox::Inbox;
use super::outbox::{Closed, Outbox};
use super::pipe::{Pipe, id_in};
use crate::answer;
use crate::event::{Occasion, Reason, Verdict};
use crate::gate::Gate;
use crate::limits;
use crate::session::{Passage, Session};

/// One client, one server, and what they said to each other.
pub(crate) struct Relay {
    gate: std::sync::Arc<Gate>,
    session: Session,
    server: Pipe,
    client: Outbox,
    in_flight: InFlight,
}

impl Relay {
    pub(crate) fn new(gate: std::sync::Arc<Gate>, server: Outbox, client: Outbox) -> Self {
        Self {
            session: Session::new(std::sync::Arc::clone(&gate)),
            gate,
            server: Pipe::new(server, limits::LISTING_TIME_MAX),
            client,
            in_flight: InFlight::default(),
        }
    }

    /// Lists the server when its lists change. Never ends.
    pub(crate) async fn keep_listed(&self) {
        self.session.keep_listed(&self.server).await;
    }

    /// Moves lines from the client to the server until the client leaves.
    ///
    /// # Errors
    /// A stdin that fails.
    pub(crate) async fn to_server(
        &self,
        mut inbox: Inbox<impl AsyncRead + Unpin>,
    ) -> io::Result<()> {
        while let Some(line) = inbox.next().await? {
            let moved = match line {
                Ok(line) => self.client_said(&line, &mut inbox).await?,
                Err(refusal) => self.refuse_client(refusal.into()).await,
            };
            if moved.is_err() {
                // The server is gone; the other loop says so.
                return std::future::pending().await;
            }
        }
        Ok(())
    }

    async fn client_said(
        &self,
        line: &Bytes,
        inbox: &mut Inbox<impl AsyncRead + Unpin>,
    ) -> io::Result<Result<(), Closed>> {
        let document = match Document::parse(line, &wire::Policy::default()) {
            Ok(document) => document,
            Err(refusal) => return Ok(self.refuse_client(refusal.into()).await),
        };
        let messages = match Frame::read(&document) {
            Ok(Frame::One(Message::Response(_))) => return Ok(self.forward(line).await),
            Ok(Frame::One(message)) => vec![message],
            Ok(Frame::Batch(messages)) if self.session.speaks_batches() => messages,
            Ok(Frame::Batch(_)) => {
                let text = "only protocol 2025-03-26 has batches";
                return Ok(self.refuse_client(Reason::new("guard.batch", text)).await);
            }
            Err(refusal) => return Ok(self.refuse_client(refusal.into()).await),
        };
        let mut passages = Vec::with_capacity(messages.len());
        for message in &messages {
            match message {
                Message::Request(request) => {
                    let passage = self.decide(request, inbox).await?;
                    passages.push((request, passage));
                }
                Message::Notification(notification) => self.client_notified(notification),
                Message::Response(_) => {}
            }
        }
        Ok(self.pass(line, passages).await)
    }

    /// Forwards a line when all of it may pass. When a member of a batch may not, none passes,
    /// and each request is answered here.
    async fn pass(
        &self,
        line: &Bytes,
        passages: Vec<(&Request<'_>, Passage)>,
    ) -> Result<(), Closed> {
        if passages.iter().all(|(_, passage)| matches!(passage, Passage::Forward(_))) {
            for (request, passage) in passages {
                if let Passage::Forward(awaited) = passage {
                    self.in_flight.sent(request.id, awaited);
                }
            }
            return self.forward(line).await;
        }
        let answers: Vec<_> = passages
            .into_iter()
            .map(|(request, passage)| match passage {
                Passage::Answer(answer) => answer,
                Passage::Forward(_) => answer::beside_held(request.id.raw()),
            })
            .collect();
        let is_batch = line.trim_ascii_start().starts_with(b"[");
        let answer = match answers.as_slice() {
            [only] if !is_batch => only.clone(),
            several => [b"[", several.join(&b","[..]).as_slice(), b"]"].concat(),
        };
        self.client.send(answer.into()).await
    }

    /// Decides on a request. While that waits for a listing, responses of the client pass: the
    /// server may need one before it lists.
    async fn decide(
        &self,
        request: &Request<'_>,
        inbox: &mut Inbox<impl AsyncRead + Unpin>,
    ) -> io::Result<Passage> {
        if let Err(unsendable) = self.in_flight.check(request.id) {
            let reason = unsendable.reason();
            self.session.refused(Some(&request.method), &reason, Instant::now());
            // An answer with an id in use would be taken for the answer of the other request.
            let id = (unsendable == Unsendable::TooMany).then(|| request.id.raw());
            return Ok(Passage::Answer(answer::refused(id, &reason)));
        }
        let mut deciding = std::pin::pin!(self.session.request(request, &self.server));
        loop {
            tokio::select! {
                biased;
                passage = &mut deciding => return Ok(passage),
                response = inbox.next_response() => {
                    // A server that is gone ends the listing too.
                    let _ = self.forward(&response?).await;
                }
            }
        }
    }

    fn client_notified(&self, notification: &Notification<'_>) {
        match &*notification.method {
            "notifications/initialized" => self.session.opened(),
            "notifications/cancelled" => {
                if let Ok(Some(id)) = wire::request::cancelled(notification.params) {
                    self.in_flight.cancelled(&id.key());
                }
            }
            _ => {}
        }
    }

    async fn forward(&self, line: &Bytes) -> Result<(), Closed> {
        self.server.outbox.send(line.clone()).await
    }

    async fn refuse_client(&self, reason: Reason) -> Result<(), Closed> {
        self.session.refused(None, &reason, Instant::now());
        self.client.send(answer::refused(None, &reason).into()).await
    }

    /// Moves lines from the server to the client until the server ends or the client is gone.
    ///
    /// # Errors
    /// A pipe that fails.
    pub(crate) async fn to_client(
        &self,
        mut inbox: Inbox<impl AsyncRead + Unpin>,
    ) -> io::Result<()> {
        while let Some(line) = inbox.next().await? {
            let moved = match line {
                Ok(line) => self.server_said(&line).await,
                Err(refusal) => self.refuse_server(refusal, None).await,
            };
            if moved.is_err() {
                break;
            }
        }
        self.server.close();
        Ok(())
    }

    async fn server_said(&self, line: &Bytes) -> Result<(), Closed> {
        let document = match Document::parse(line, &wire::Policy::default()) {
            Ok(document) => document,
            Err(refusal) => return self.refuse_server(refusal, Some(line)).await,
        };
        match Frame::read(&document) {
            Ok(Frame::One(message)) => match self.to_show(&message, line) {
                Shown::AsReceived => self.client.send(line.clone()).await,
                Shown::Instead(message) => self.client.send(message.into()).await,
                Shown::Nothing => Ok(()),
            },
            Ok(Frame::Batch(messages)) => self.batch_from_server(line, &messages).await,
            Err(refusal) => self.refuse_server(refusal, Some(line)).await,
        }
    }

    async fn batch_from_server(
        &self,
        line: &Bytes,
        messages: &[Message<'_>],
    ) -> Result<(), Closed> {
        let shown: Vec<_> = messages.iter().map(|m| (m, self.to_show(m, line))).collect();
        if shown.iter().all(|(_, shown)| matches!(shown, Shown::AsReceived)) {
            return self.client.send(line.clone()).await;
        }
        let parts: Vec<_> = shown
            .into_iter()
            .filter_map(|(message, shown)| match shown {
                Shown::AsReceived => Some(whole(message).to_vec()),
                Shown::Instead(message) => Some(message),
                Shown::Nothing => None,
            })
            .collect();
        if parts.is_empty() {
            return Ok(());
        }
        self.client.send([b"[", parts.join(&b","[..]).as_slice(), b"]"].concat().into()).await
    }

    fn to_show(&self, message: &Message<'_>, line: &Bytes) -> Shown {
        match message {
            Message::Request(_) => Shown::AsReceived,
            Message::Notification(notification) => {
                self.session.server_notified(notification);
                Shown::AsReceived
            }
            Message::Response(response) => self.response(response, line),
        }
    }

    fn response(&self, response: &Response<'_>, line: &Bytes) -> Shown {
        let Some(id) = response.id else { return Shown::AsReceived };
        if self.server.deliver(&id.key(), line) {
            return Shown::Nothing;
        }
        let Some(awaited) = self.in_flight.answered(&id.key()) else {
            let text = "the server answered what nobody asked";
            self.session.refused(None, &Reason::new("guard.unknown-id", text), Instant::now());
            return Shown::Nothing;
        };
        let instead = self.session.response(&awaited, response);
        instead.map_or(Shown::AsReceived, Shown::Instead)
    }

    /// Drops what the server wrote, and answers the request that it must have been meant for.
    async fn refuse_server(&self, refusal: Refusal, line: Option<&Bytes>) -> Result<(), Closed> {
        let reason = Reason::from(refusal);
        self.session.refused(None, &reason, Instant::now());
        let named = line.and_then(|line| Some((id_in(line)?, line)));
        if named.as_ref().is_some_and(|(key, line)| self.server.deliver(key, line)) {
            // Whoever asked refuses it too.
            return Ok(());
        }
        // A log line of a server may well begin like JSON; an answer names its protocol.
        let looks_like_an_answer =
            line.is_none_or(|line| line.windows(JSONRPC.len()).any(|part| part == JSONRPC));
        let only = || self.in_flight.only().filter(|_| looks_like_an_answer);
        let Some(key) = named.map(|(key, _)| key).or_else(only) else { return Ok(()) };
        let Some(id) = self.in_flight.withdraw(&key) else { return Ok(()) };
        self.client.send(answer::refused(Some(&id), &reason).into()).await
    }

    /// Closes the server's stdin after what was sent.
    pub(crate) async fn server_may_end(&self) {
        self.server.outbox.end().await;
    }

    /// Waits until nobody waits for an answer.
    pub(crate) async fn answered(&self) {
        while !self.in_flight.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Answers what the server did not, because it ended first.
    pub(crate) async fn server_ended(&self, status: ExitStatus) {
        let text = format!("The server ended ({status}) before it answered.");
        let reason = Reason::new("guard.server-ended", text.as_str());
        let verdict = if status.success() { Verdict::Allow } else { Verdict::Deny };
        self.gate.record(Occasion::Server, verdict, &[reason], Instant::now());
        for id in self.in_flight.take_unanswered() {
            let evidence = json!({ "code": "guard.server-ended" });
            let answer = answer::error(&id, answer::SERVER_ENDED, &text, &evidence);
            if self.client.send(answer.into()).await.is_err() {
                break;
            }
        }
    }

    /// Closes our stdout after what was sent.
    pub(crate) async fn client_may_end(&self) {
        self.client.end().await;
    }
}

/// The bytes of a message of a batch.
fn whole<'d>(message: &Message<'d>) -> &'d [u8] {
    let (Message::Request(Request { whole, .. })
    | Message::Notification(Notification { whole, .. })
    | Message::Response(Response { whole, .. })) = message;
    whole.raw()
}

/// What a client gets to see of a message.
enum Shown {
    AsReceived,
    Instead(Vec<u8>),
    Nothing,
}

const JSONRPC: &[u8] = b"\"jsonrpc\"";
