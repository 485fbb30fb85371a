//! Requests at a token endpoint, and what their answers have to be.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};
use wire::{Document, Policy};
use zeroize::Zeroizing;

use super::config::Client;
use super::{Broker, Refused};
use crate::limits;
use crate::net::{Request, Response};
use crate::provider::Server;
use crate::token::{Proof, Secret, Signer, scope};

/// What a request says of who asks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Identity<'a> {
    /// Only a name.
    Public(&'a str),
    /// RFC 6749 §2.3.1, in the header.
    Basic(&'a str, &'a Secret),
    /// The same in the body.
    Post(&'a str, &'a Secret),
    /// RFC 7523 §2.2.
    Key(&'a str, &'a Signer),
}

/// What an issuer issued.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) token: Secret,
    pub(super) token_type: String,
    /// RFC 8693 §2.2.1: `issued_token_type`.
    pub(super) what: Option<String>,
    pub(super) scopes: Option<BTreeSet<String>>,
    pub(super) life_s: Option<u64>,
    pub(super) refresh: Option<Secret>,
}

impl<'a> Identity<'a> {
    /// As the issuer wants it of this client.
    pub(super) fn of(client: &'a Client, server: &Server) -> Result<Self, Refused> {
        let id = client.id.as_deref();
        let id = id.ok_or_else(|| Refused::Own("there is no client identifier".to_owned()))?;
        Ok(match (&client.key, &client.secret) {
            (Some(key), _) => Self::Key(id, key),
            (None, Some(secret)) => Self::secret(id, secret, server),
            (None, None) => Self::Public(id),
        })
    }

    /// RFC 8414 §2: in the header where nothing is said.
    pub(super) fn secret(id: &'a str, secret: &'a Secret, server: &Server) -> Self {
        let has = |name: &str| server.auth_methods.iter().any(|method| method == name);
        if has("client_secret_post") && !has("client_secret_basic") {
            Self::Post(id, secret)
        } else {
            Self::Basic(id, secret)
        }
    }
}

impl Broker {
    /// Asks for a token; once more with a nonce if the issuer wants one (RFC 9449 §8). Each request has
    /// an assertion and a proof of its own.
    pub(super) async fn ask(
        &self,
        server: &Server,
        identity: Identity<'_>,
        params: &[(&str, &str)],
        is_bound: bool,
    ) -> Result<Issued, Refused> {
        let endpoint = server.token_endpoint.as_deref();
        let endpoint = endpoint.and_then(|url| url.parse::<Url>().ok());
        let endpoint = endpoint.ok_or(Refused::Discovery("its issuer has no token endpoint"))?;
        let origin = endpoint.origin().ascii_serialization();
        let mut has_retried = false;
        loop {
            let request = self.request(&endpoint, server, identity, params, is_bound)?;
            let answer = self.net.send(request).await?;
            let asks_again = is_bound && self.remember_nonce(&origin, &answer.headers);
            match read(&answer) {
                Err(Refused::Denied { error, .. })
                    if error == "use_dpop_nonce" && asks_again && !has_retried =>
                {
                    has_retried = true;
                }
                outcome => return outcome,
            }
        }
    }

    /// Remembers the nonce that the next proof has to have there; whether there is one.
    pub(super) fn remember_nonce(&self, origin: &str, headers: &HeaderMap) -> bool {
        let Some(nonce) = headers.get("dpop-nonce").and_then(|value| value.to_str().ok()) else {
            return false;
        };
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        if nonces.len() >= limits::DOMAINS_MAX && !nonces.contains_key(origin) {
            nonces.clear();
        }
        nonces.insert(origin.to_owned(), nonce.to_owned());
        true
    }

    /// The nonce that an origin asked for last.
    pub(super) fn nonce(&self, origin: &str) -> Option<String> {
        let nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.get(origin).cloned()
    }

    fn request(
        &self,
        endpoint: &Url,
        server: &Server,
        identity: Identity<'_>,
        params: &[(&str, &str)],
        is_bound: bool,
    ) -> Result<Request, Refused> {
        let now_s = (self.now_s)();
        let mut form = Serializer::new(String::new());
        form.extend_pairs(params);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
        match identity {
            Identity::Public(id) => {
                form.append_pair("client_id", id);
            }
            Identity::Post(id, secret) => {
                form.append_pair("client_id", id).append_pair("client_secret", secret.expose());
            }
            Identity::Basic(id, secret) => {
                headers.insert(AUTHORIZATION, basic(id, secret)?);
            }
            Identity::Key(id, key) => {
                let assertion = assertion(id, key, &server.issuer, now_s)?;
                form.append_pair("client_id", id);
                form.append_pair("client_assertion_type", ASSERTION_TYPE);
                form.append_pair("client_assertion", assertion.expose());
            }
        }
        if is_bound {
            let nonce = self.nonce(&endpoint.origin().ascii_serialization());
            let uri = endpoint.as_str();
            let proof = Proof::make(&self.key, "POST", uri, None, nonce.as_deref(), now_s);
            let proof = proof.map_err(|error| Refused::Own(error.to_string()))?;
            headers.insert("dpop", sensitive(proof.expose())?);
        }
        Ok(Request {
            headers,
            bytes_max: limits::TOKEN_ANSWER_BYTES_MAX,
            time_max: limits::DISCOVERY_TIME_MAX,
            // A `POST` follows no redirect: what proves us stays where it was sent.
            ..Request::post(endpoint.clone(), Bytes::from(form.finish()))
        })
    }
}

/// A header value that is shown by nothing.
pub(super) fn sensitive(text: &str) -> Result<HeaderValue, Refused> {
    let value = HeaderValue::from_str(text);
    let mut value = value.map_err(|_| Refused::Answer("a token that no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// RFC 6749 §2.3.1: both parts form-encoded first.
fn basic(id: &str, secret: &Secret) -> Result<HeaderValue, Refused> {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let secret = Zeroizing::new(encoded(secret.expose()));
    let pair = Zeroizing::new(format!("{}:{}", encoded(id), *secret));
    sensitive(&Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes()))))
}

/// RFC 7523 §3: for this issuer, once, for a minute.
fn assertion(id: &str, key: &Signer, issuer: &str, now_s: u64) -> Result<Secret, Refused> {
    let claims = json!({
        "iss": id, "sub": id, "aud": issuer, "jti": random()?,
        "iat": now_s, "exp": now_s.saturating_add(60),
    });
    key.sign("JWT", &claims).map_err(|error| Refused::Own(error.to_string()))
}

/// 256 random bits, as Base64url.
pub(super) fn random() -> Result<String, Refused> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| Refused::Own("there is no randomness".to_owned()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A JSON object that all parsers read alike.
pub(super) fn object(body: &[u8]) -> Option<Map<String, Value>> {
    let policy = Policy { bytes_max: limits::TOKEN_ANSWER_BYTES_MAX, ..Policy::default() };
    let document = Document::parse(body, &policy).ok()?;
    match surface::json::exact(document.root()).ok()? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// RFC 6749 §5.1, §5.2.
fn read(answer: &Response) -> Result<Issued, Refused> {
    let status = answer.status.as_u16();
    let members = object(&answer.body);
    let text = |name: &str| members.as_ref()?.get(name)?.as_str();
    if status != 200 {
        // The code alone: a description may hold what was sent.
        let is_code = |code: &&str| {
            code.len() <= 64 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        let error = text("error").filter(is_code).unwrap_or_default().to_owned();
        return Err(Refused::Denied { status, error });
    }
    let malformed = |why| move || Refused::Answer(why);
    let token = text("access_token").filter(|it| it.len() <= limits::TOKEN_CHARS_MAX);
    let token = token.ok_or_else(malformed("there is no `access_token`, or a very long one"))?;
    let token_type = text("token_type").ok_or_else(malformed("there is no `token_type`"))?;
    let member = |name: &str| members.as_ref().and_then(|all| all.get(name));
    let life_s = member("expires_in").map(Value::as_u64);
    let scopes = text("scope").map(scope::parse);
    Ok(Issued {
        token: token.into(),
        token_type: token_type.to_owned(),
        what: text("issued_token_type").map(str::to_owned),
        scopes: scopes.map(|it| it.ok_or_else(malformed("its `scope` is none"))).transpose()?,
        life_s: life_s.map(|it| it.ok_or_else(malformed("`expires_in` is none"))).transpose()?,
        refresh: text("refresh_token").map(Secret::from),
    })
}

const FORM: &str = "application/x-www-form-urlencoded";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
