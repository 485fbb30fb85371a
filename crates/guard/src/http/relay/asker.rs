//! Who asks, and the server as it is asked for them.

use std::sync::Arc;

use authz::broker::Person;
use authz::token::{Access, Credential};
use http::{HeaderMap, HeaderValue};

use super::conversation::Principal;
use crate::http::upstream::Upstream;

/// Who asks.
pub(super) struct Asker {
    pub(super) principal: Principal,
    pub(super) upstream: Arc<Upstream>,
    /// The token that let them in, where one is needed.
    pub(super) access: Option<Access>,
}

/// The server as it is asked on behalf of whoever showed a token, if it takes tokens of its own.
pub(super) fn on_behalf(
    upstream: Arc<Upstream>,
    access: &Access,
    headers: &HeaderMap,
) -> Arc<Upstream> {
    match upstream.broker().and_then(|_| person(access, headers)) {
        Some(person) => Arc::new(upstream.on_behalf_of(person)),
        None => upstream,
    }
}

/// Whoever showed a token, for an exchange.
fn person(access: &Access, headers: &HeaderMap) -> Option<Person> {
    let values = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let shown = Credential::parse(values("authorization"), values("dpop")).ok()??;
    Some(Person {
        subject: access.subject.clone(),
        client_id: access.client_id.clone(),
        scopes: access.scopes.clone(),
        expires_s: access.expires_s,
        token: shown.token,
        proof: shown.proof,
    })
}
