//! `POST /token`.

mod assertion;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::answer::{self, Refusal};
use super::metadata::{JWT_BEARER, TOKEN_EXCHANGE};
use super::request::{Form, Shown};
use super::{GRANT_TYPE, MALFORMED, Sts, request};
use crate::exchange::{self, ExchangeError, Issued};
use crate::limits;
use crate::resource::Resource;

/// Answers a request for a token.
pub(super) async fn endpoint(State(sts): State<Sts>, asked: Request) -> Response {
    let started = Instant::now();
    let answer = sts.token(asked).await.map(|body| answer::secret(StatusCode::OK, &body));
    sts.finish(answer, started).await
}

impl Sts {
    async fn token(&self, asked: Request) -> Result<Value, Refusal> {
        let (mut form, shown) = request::form(asked, self.inner.terminator.as_ref()).await?;
        match form.text("grant_type").as_deref() {
            Some(TOKEN_EXCHANGE) => {
                let request = self.exchanged(&mut form, shown);
                let issued = self.inner.exchange.exchange(&request, self.now_s()).await?;
                Ok(body(&issued))
            }
            Some(JWT_BEARER) if !self.inner.asserters.is_empty() => {
                self.redeem(&mut form, shown).await
            }
            Some(_) => {
                let says = "the grant type is none that is served here";
                Err(Refusal::new(
                    StatusCode::BAD_REQUEST,
                    "unsupported_grant_type",
                    GRANT_TYPE,
                    says,
                ))
            }
            None => Err(Refusal::malformed(MALFORMED, "there is no `grant_type`")),
        }
    }

    /// What an exchange asks for.
    fn exchanged(&self, form: &mut Form, shown: Shown) -> exchange::Request {
        let (requested, resource, audience) =
            (form.text("requested_token_type"), form.resource(), form.audience());
        // An assertion has an audience: the domain of the server that it is for (ID-JAG §4.3).
        let domain = resource.first().and_then(|text| Resource::parse(text).ok());
        let domain = domain.and_then(|to| self.inner.exchange.domain_of(&to));
        let is_right = match requested.as_deref() {
            Some(exchange::ID_JAG) => {
                domain.is_some_and(|domain| *audience == [domain.issuer.as_str()])
            }
            _ => audience.is_empty(),
        };
        exchange::Request {
            subject_token: form.secret("subject_token"),
            subject_token_type: form.text("subject_token_type"),
            subject_token_proof: form.secret("subject_token_proof"),
            actor_token: form.secret("actor_token"),
            actor_token_type: form.text("actor_token_type"),
            resource,
            has_audience: !is_right,
            scope: form.text("scope"),
            authorization_details: form.text("authorization_details"),
            requested_token_type: requested,
            ..client(form, shown)
        }
    }

    /// The answer as it leaves. Until a client is authenticated all refusals are one: in what they say,
    /// and in when they say it.
    pub(super) async fn finish(
        &self,
        answer: Result<Response, Refusal>,
        started: Instant,
    ) -> Response {
        let response = match answer {
            Ok(response) => response,
            Err(refusal) => {
                self.inner.metrics.refused(refusal.code);
                if refusal.status == StatusCode::UNAUTHORIZED {
                    tokio::time::sleep_until(started + limits::UNAUTHENTICATED_TIME).await;
                }
                refusal.into_response()
            }
        };
        answer::with_nonce(response, &self.inner.nonces.issue(self.now_s()))
    }
}

/// Who asks.
pub(super) fn client(form: &mut Form, shown: Shown) -> exchange::Request {
    let is_assertion = form.text("client_assertion_type").as_deref() == Some(ASSERTION);
    exchange::Request {
        // Of another type it is none; then nobody is authenticated.
        client_assertion: form.secret("client_assertion").filter(|_| is_assertion),
        client_id: form.text("client_id"),
        proof: shown.proof,
        certificate: shown.certificate,
        traceparent: shown.traceparent,
        ..exchange::Request::default()
    }
}

impl From<ExchangeError> for Refusal {
    fn from(error: ExchangeError) -> Self {
        if let ExchangeError::Unavailable { .. } = &error {
            tracing::error!("nothing is issued: {}", answer::chain(&error));
        }
        let (word, code) = (error.oauth_error(), error.public_code());
        let refusal = Self::new(error.status(), word, code, error.public_text());
        Self { retry_s: error.retry_s(), ..refusal }
    }
}

fn body(issued: &Issued) -> Value {
    let (issued_token_type, token_type) = match (issued.is_assertion, issued.is_dpop) {
        (true, _) => (exchange::ID_JAG, "N_A"),
        (false, true) => (ACCESS_TOKEN, "DPoP"),
        // Bound to a certificate (RFC 8705 §3).
        (false, false) => (ACCESS_TOKEN, "Bearer"),
    };
    let mut body = json!({
        "access_token": issued.token.expose(),
        "issued_token_type": issued_token_type,
        "token_type": token_type,
        "expires_in": issued.expires_in_s,
        "scope": issued.scope,
    });
    // RFC 9396 §7.
    if let (Some(details), Some(members)) = (&issued.authorization_details, body.as_object_mut()) {
        members.insert("authorization_details".to_owned(), details.clone());
    }
    body
}

/// RFC 8693 §3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// How a client says who it is (RFC 7523 §2.2).
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use http::header::RETRY_AFTER;

    use super::*;

    #[test]
    fn a_refusal_says_when_to_come_back_and_never_more_than_it_may() {
        let rate = ExchangeError::Rate { what: "exchanges of one client", retry_s: 7 };
        let response = Refusal::from(rate).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[RETRY_AFTER], "7");
        let broken = std::io::Error::other("the password of the database is wrong");
        let broken =
            ExchangeError::Unavailable { doing: "working on grants", source: broken.into() };
        let refusal = Refusal::from(broken);
        assert_eq!((refusal.status, refusal.retry_s), (StatusCode::SERVICE_UNAVAILABLE, Some(1)));
        assert!(!refusal.says.contains("password") && !refusal.says.contains("grants"));
        let known = Refusal::from(ExchangeError::Client("its assertion is over"));
        let unknown = Refusal::from(ExchangeError::Client("it is not known"));
        assert_eq!(known, unknown);
    }
}
