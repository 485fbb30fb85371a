//! `POST /revoke` (RFC 7009): any token ends its whole grant.
//!
//! What is unknown, not the asker's or over already is answered as what was revoked: nobody learns by it
//! whether a token lives (threat T22).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use tokio::time::Instant;

use super::answer::Refusal;
use super::{MALFORMED, Sts, request, token};
use crate::exchange::ExchangeError;
use crate::grant::GrantError;
use crate::limits;
use crate::token::{Jwt, Secret, Verifier};

/// Answers a request to end a grant.
pub(super) async fn endpoint(State(sts): State<Sts>, asked: Request) -> Response {
    let started = Instant::now();
    let answer = sts.revoke(asked).await;
    sts.finish(answer, started).await
}

impl Sts {
    async fn revoke(&self, asked: Request) -> Result<Response, Refusal> {
        let (mut form, shown) = request::form(asked, self.inner.terminator.as_ref()).await?;
        let token = form.secret("token");
        let client = token::client(&mut form, shown);
        let now_s = self.now_s();
        let endpoint = format!("{}/revoke", self.inner.issuer);
        let client = self.inner.exchange.authenticate(&client, &endpoint, now_s).await?;
        let token = token.ok_or_else(|| Refusal::malformed(MALFORMED, "there is no `token`"))?;
        let found = match self.own(token.expose(), &client) {
            Some(txn) => Some(txn),
            None => {
                self.root(&token, &client, now_s).await.map_err(|error| Refusal::store(&error))?
            }
        };
        if let Some(txn) = found {
            let ended = self.inner.grants.revoke(&txn, "revoked by a client", now_s).await;
            ended.map_err(|error| Refusal::store(&error))?;
            tracing::info!(txn, client, "a grant was revoked");
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::OK;
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }

    /// The grant of a token of our own that was issued to the client, or is for its server. Its time may
    /// be over: its grant need not be.
    fn own(&self, token: &str, client: &str) -> Option<String> {
        let jwt = Jwt::parse(token, limits::TOKEN_CHARS_MAX).ok()?;
        if jwt.typ() != Some("at+jwt") || jwt.issuer_unverified() != Some(&self.inner.issuer) {
            return None;
        }
        let claims = jwt.verify_by(self.inner.keys.published()).ok()?;
        let edges = self.inner.exchange.edges();
        let server = edges.server_of(client);
        let is_for =
            server.is_some_and(|(resource, _)| claims.audience() == Some(resource.as_str()));
        let is_to = claims.text("client_id") == Some(client);
        (is_for || is_to).then(|| claims.text("txn").map(str::to_owned)).flatten()
    }

    /// The grant that a token of a trusted issuer founded, or could found: it will found no other.
    async fn root(
        &self,
        token: &Secret,
        client: &str,
        now_s: u64,
    ) -> Result<Option<String>, GrantError> {
        let edges = self.inner.exchange.edges();
        let Some((_, server)) = edges.server_of(client) else { return Ok(None) };
        let verifier =
            Verifier { issuers: self.inner.trusted.clone(), audience: server.audience.clone() };
        let access = match self.inner.exchange.verified(&verifier, token, now_s).await {
            Ok(access) => access,
            // Whether there is a grant to end, nobody can say now: to say that it ended would be a lie.
            Err(ExchangeError::Unavailable { source, .. }) => {
                return Err(GrantError::Store(source));
            }
            Err(_) => return Ok(None),
        };
        self.inner.exchange.founded(&access, client, now_s).await.map(|grant| Some(grant.txn))
    }
}
