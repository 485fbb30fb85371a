//! Opaque tokens: their issuer is asked (G10; RFC 7662). Whatever keeps us from an answer refuses.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;
use tokio::sync::Semaphore;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::limits;
use crate::net::{Client, Request};
use crate::token::{
    Access, IntrospectionError, Secret, Signer, TokenHash, Verifier, introspection,
};

/// The one issuer whose tokens are opaque: of two nobody could tell whom to show one.
pub struct Opaque {
    iss: String,
    endpoint: Url,
    client_id: String,
    by: ClientKey,
    client: Client,
    room: Semaphore,
    kept: Mutex<HashMap<TokenHash, Kept>>,
}

/// How we say who we are (RFC 7662 §2.1: only those who may ask are answered).
#[derive(Debug)]
pub enum ClientKey {
    /// `client_secret_basic` (RFC 6749 §2.3.1).
    Secret(Secret),
    /// `private_key_jwt` (RFC 7523 §2.2).
    Signer(Arc<Signer>),
}

struct Kept {
    /// Nothing: it is not active.
    access: Option<Access>,
    until_s: u64,
}

/// Why an opaque token does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpaqueError {
    /// The issuer was asked.
    #[error(transparent)]
    Refused(#[from] IntrospectionError),
    /// It does not say.
    #[error("the issuer of the token cannot be asked now: {0}")]
    Unavailable(String),
}

impl Opaque {
    /// Asks `endpoint` of the issuer `iss` as the client `client_id`.
    pub fn new(
        iss: String,
        endpoint: Url,
        client_id: String,
        by: ClientKey,
        client: Client,
    ) -> Self {
        let room = Semaphore::new(limits::INTROSPECTIONS_MAX);
        Self { iss, endpoint, client_id, by, client, room, kept: Mutex::default() }
    }

    /// What a token is, as its issuer says, or said within the last minute.
    ///
    /// INVARIANT: what was kept for one audience says nothing to a verifier of another.
    ///
    /// # Errors
    /// A token that does not count, or an issuer that cannot be asked: then nobody knows.
    pub async fn access(
        &self,
        verifier: &Verifier,
        token: &Secret,
        now_s: u64,
    ) -> Result<Access, OpaqueError> {
        let hash = TokenHash::of(token.expose());
        if let Some(known) = self.known(&hash, &verifier.audience, now_s) {
            return known;
        }
        let asked = tokio::time::timeout(limits::ISSUER_TIME_MAX, self.ask(token, now_s));
        let answer = asked.await.unwrap_or_else(|_| Err("it takes too long".to_owned()));
        let answer = answer.map_err(OpaqueError::Unavailable)?;
        let read = introspection::access(verifier, &self.iss, &answer, token.expose(), now_s);
        match read {
            Ok(read) => {
                let kept = Kept { access: Some(read.access.clone()), until_s: read.cache_until_s };
                self.keep(hash, kept, now_s);
                Ok(read.access)
            }
            Err(error) => {
                if error == IntrospectionError::Inactive {
                    let until_s = now_s.saturating_add(limits::INACTIVE_CACHE_S);
                    self.keep(hash, Kept { access: None, until_s }, now_s);
                }
                Err(error.into())
            }
        }
    }

    fn known(
        &self,
        hash: &TokenHash,
        audience: &str,
        now_s: u64,
    ) -> Option<Result<Access, OpaqueError>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_for = |access: &Access| access.audience == audience;
        let kept = kept.get(hash).filter(|kept| now_s < kept.until_s)?;
        let kept = Some(kept).filter(|kept| kept.access.as_ref().is_none_or(is_for))?;
        let inactive = OpaqueError::Refused(IntrospectionError::Inactive);
        Some(kept.access.clone().ok_or(inactive))
    }

    /// Keeps an answer, if there is room: one that is not kept is asked for again.
    fn keep(&self, hash: TokenHash, one: Kept, now_s: u64) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= limits::INTROSPECTIONS_KEPT_MAX {
            kept.retain(|_, one| now_s < one.until_s);
        }
        if kept.len() < limits::INTROSPECTIONS_KEPT_MAX || kept.contains_key(&hash) {
            kept.insert(hash, one);
        }
    }

    async fn ask(&self, token: &Secret, now_s: u64) -> Result<Bytes, String> {
        let _place = self.room.acquire().await.map_err(|error| error.to_string())?;
        let (headers, body) = self.question(token, now_s)?;
        let request = Request {
            headers,
            bytes_max: limits::INTROSPECTION_BYTES_MAX,
            ..Request::post(self.endpoint.clone(), body)
        };
        let answer = self.client.send(request).await.map_err(|error| error.to_string())?;
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            status => Err(format!("it answers {status}")),
        }
    }

    fn question(&self, token: &Secret, now_s: u64) -> Result<(HeaderMap, Bytes), String> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        let mut form = Serializer::new(String::new());
        form.append_pair("token", token.expose());
        form.append_pair("token_type_hint", "access_token");
        match &self.by {
            ClientKey::Secret(secret) => {
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encoded(&self.client_id), encoded(secret.expose()));
                let value = Secret::from(format!("Basic {}", STANDARD.encode(pair)));
                let mut value =
                    HeaderValue::from_str(value.expose()).map_err(|error| error.to_string())?;
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
            ClientKey::Signer(signer) => {
                let assertion = self.assertion(signer, now_s)?;
                form.append_pair("client_id", &self.client_id);
                form.append_pair("client_assertion_type", ASSERTION);
                form.append_pair("client_assertion", assertion.expose());
            }
        }
        Ok((headers, Bytes::from(form.finish())))
    }

    fn assertion(&self, signer: &Signer, now_s: u64) -> Result<Secret, String> {
        let mut jti = [0; 16];
        rand::fill(&mut jti).map_err(|_| "no randomness".to_owned())?;
        let claims = json!({
            "iss": self.client_id, "sub": self.client_id, "aud": self.iss,
            "jti": URL_SAFE_NO_PAD.encode(jti), "iat": now_s,
            "exp": now_s.saturating_add(ASSERTION_LIFE_S),
        });
        signer.sign("JWT", &claims).map_err(|error| error.to_string())
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opaque").field("iss", &self.iss).finish_non_exhaustive()
    }
}

/// For one request.
const ASSERTION_LIFE_S: u64 = 60;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
