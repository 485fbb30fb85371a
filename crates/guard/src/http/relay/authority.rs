//! G13 and G14 on each message that acts on something the server has: by the pin as it is now.

use std::sync::{Arc, Mutex, PoisonError};

use authz::resource::{Call, Pinned, PinnedError, Protection, Refused};
use authz::token::Access;
use http::StatusCode;
use surface::Era;
use wire::{Document, Frame, Message, Policy};

use super::id_of;
use super::rejection::Rejection;
use crate::event::{Reason, bounded};
use crate::gate::{Gate, pinned_places};
use crate::pin::Pin;

/// What the newest pin asks of callers, read once for each pin.
#[derive(Default)]
pub(super) struct Authority {
    newest: Mutex<Option<Newest>>,
}

struct Newest {
    pin: Arc<Pin>,
    asks: Result<Arc<Pinned>, PinnedError>,
}

/// A pin that can be enforced.
struct Enforced {
    pin: Arc<Pin>,
    asks: Arc<Pinned>,
}

impl Authority {
    /// Whether each of `messages` may go on; `false` where nothing is pinned yet, and so nothing was
    /// asked. On the `last` look what nobody pinned is refused.
    pub(super) fn check(
        &self,
        protection: &Protection,
        gate: &Gate,
        access: &Access,
        messages: &[Message<'_>],
        is_last: bool,
    ) -> Result<bool, Rejection> {
        let mut pinned = None;
        for message in messages {
            let Some(method) = message.method() else { continue };
            let subject = wire::request::subject(method, message.params());
            let Some(subject) = subject.map_err(Rejection::refused)? else { continue };
            if pinned.is_none() {
                pinned = self.pinned(protection, gate, message)?;
            }
            let Some(Enforced { pin, asks }) = &pinned else {
                let why = "nothing is pinned, so nothing says what a call needs".to_owned();
                return if is_last {
                    Err(refuse(message, "guard.unpinned", why))
                } else {
                    Ok(false)
                };
            };
            let places = pinned_places(&pin.surface, &subject);
            let call = Call { subject: &subject, places: &places, params: message.params() };
            protection.permit(asks, access, &call).map_err(|forbidden| {
                let mut reason = Reason::new(forbidden.refused.code, forbidden.why.clone());
                reason.place = places.first().map(|place| bounded(place.to_string()));
                if protection.is_for_apps && forbidden.refused.challenge.is_some() {
                    let era = era_of(message);
                    let refused = forbidden.refused;
                    return Rejection::in_result(id_of(message), era, refused).because_of(reason);
                }
                Rejection::forbidden(id_of(message), forbidden.refused, reason)
            })?;
        }
        Ok(true)
    }

    /// The pin, and what it asks for; nothing if nothing is pinned.
    fn pinned(
        &self,
        protection: &Protection,
        gate: &Gate,
        message: &Message<'_>,
    ) -> Result<Option<Enforced>, Rejection> {
        let refuse = |code, why| refuse(message, code, why);
        let pin = gate.pin().map_err(|error| refuse("guard.pins-unreadable", error.to_string()))?;
        let Some(pin) = pin else { return Ok(None) };
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let known = newest.as_ref().filter(|known| Arc::ptr_eq(&known.pin, &pin));
        let asks = if let Some(known) = known {
            known.asks.clone()
        } else {
            let asks = protection.pinned(&pin.surface).map(Arc::new);
            newest.insert(Newest { pin: Arc::clone(&pin), asks }).asks.clone()
        };
        drop(newest);
        let asks = asks.map_err(|error| refuse(error.code(), error.to_string()))?;
        Ok(Some(Enforced { pin, asks }))
    }
}

/// The id of a call of a tool, and the era that it speaks.
pub(super) fn called(body: &[u8]) -> Option<(Vec<u8>, Era)> {
    let document = Document::parse(body, &Policy::default()).ok()?;
    let Frame::One(message) = Frame::read(&document).ok()? else { return None };
    let is_call = matches!(&message, Message::Request(request) if request.method == "tools/call");
    is_call.then(|| (id_of(&message).to_vec(), era_of(&message)))
}

fn era_of(message: &Message<'_>) -> Era {
    let version = wire::request::protocol_version(message.params());
    if version.is_ok_and(|version| version.is_some()) { Era::Modern } else { Era::Legacy }
}

/// Why is the record's; the caller hears that it is not about the caller.
fn refuse(message: &Message<'_>, code: &'static str, why: String) -> Rejection {
    let sentence = "what this server's tools need is not known here".to_owned();
    let status = StatusCode::FORBIDDEN;
    let refused = Refused { status, code, sentence, challenge: None, nonce: None };
    Rejection::forbidden(id_of(message), refused, Reason::new(code, why))
}
