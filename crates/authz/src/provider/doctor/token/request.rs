//! Requests at an issuer's endpoints, by a client with its secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};
use wire::{Document, Policy};
use zeroize::Zeroizing;

use crate::limits;
use crate::net::{Client, NetError, Request, shown};
use crate::provider::Server;
use crate::provider::doctor::Registered;
use crate::token::{Proof, Secret, Signer};

/// Where tokens are asked for.
pub(in crate::provider::doctor) struct Desk<'a> {
    client: &'a Client,
    endpoint: Url,
    registered: &'a Registered,
    is_basic: bool,
    now_s: fn() -> u64,
}

/// What the issuer answers.
pub(in crate::provider::doctor) enum Answer {
    Issued(Issued),
    Refused { status: u16, error: String },
    Odd(&'static str),
}

/// A token.
pub(in crate::provider::doctor) struct Issued {
    pub(in crate::provider::doctor) token: Secret,
    pub(in crate::provider::doctor) token_type: String,
    pub(in crate::provider::doctor) scope: Option<String>,
    pub(in crate::provider::doctor) is_no_store: bool,
}

impl Issued {
    /// Whether it is no JWT.
    pub(in crate::provider::doctor) fn is_opaque(&self) -> bool {
        self.token.expose().split('.').count() != 3
    }

    pub(in crate::provider::doctor) fn is_type(&self, name: &str) -> bool {
        self.token_type.eq_ignore_ascii_case(name)
    }
}

impl<'a> Desk<'a> {
    pub(in crate::provider::doctor) fn new(
        client: &'a Client,
        endpoint: Url,
        registered: &'a Registered,
        server: &Server,
        now_s: fn() -> u64,
    ) -> Self {
        let methods = &server.auth_methods;
        let has = |name: &str| methods.iter().any(|method| method == name);
        // RFC 8414 §2: `client_secret_basic` where nothing is said.
        let is_basic = has("client_secret_basic") || !has("client_secret_post");
        Self { client, endpoint, registered, is_basic, now_s }
    }

    /// Its URL, for people.
    pub(in crate::provider::doctor) fn place(&self) -> String {
        shown(&self.endpoint)
    }

    /// Asks for a token; once more with a nonce if the issuer wants one (RFC 9449 §8).
    pub(in crate::provider::doctor) async fn ask(
        &self,
        params: &[(&str, &str)],
        signer: Option<&Signer>,
    ) -> Result<Answer, NetError> {
        let mut nonce: Option<String> = None;
        loop {
            let proof = signer.map(|signer| {
                let (uri, now_s) = (self.endpoint.as_str(), (self.now_s)());
                Proof::make(signer, "POST", uri, None, nonce.as_deref(), now_s)
            });
            let Ok(proof) = proof.transpose() else { return Ok(Answer::Odd("no proof was made")) };
            let (status, members, headers) =
                self.post(&self.endpoint, params, proof.as_ref()).await?;
            let answer = read(status, members, &headers);
            let asks =
                matches!(&answer, Answer::Refused { error, .. } if error == "use_dpop_nonce");
            let given = headers.get("dpop-nonce").and_then(|value| value.to_str().ok());
            match given.filter(|_| asks && nonce.is_none() && signer.is_some()) {
                Some(given) => nonce = Some(given.to_owned()),
                None => return Ok(answer),
            }
        }
    }

    /// Sends a form. A `POST` follows no redirect: the secret stays where it was sent.
    pub(in crate::provider::doctor) async fn post(
        &self,
        url: &Url,
        params: &[(&str, &str)],
        proof: Option<&Secret>,
    ) -> Result<(u16, Option<Map<String, Value>>, HeaderMap), NetError> {
        let mut form = Serializer::new(String::new());
        form.extend_pairs(params);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form_type);
        if let Some(basic) = self.basic() {
            headers.insert(AUTHORIZATION, basic);
        } else {
            form.append_pair("client_id", &self.registered.client_id);
            form.append_pair("client_secret", self.registered.secret.expose());
        }
        if let Some(value) = proof.and_then(|proof| sensitive(proof.expose())) {
            headers.insert("dpop", value);
        }
        let request = Request {
            headers,
            bytes_max: limits::TOKEN_ANSWER_BYTES_MAX,
            time_max: limits::DISCOVERY_TIME_MAX,
            ..Request::post(url.clone(), Bytes::from(form.finish()))
        };
        let answer = self.client.send(request).await?;
        Ok((answer.status.as_u16(), object(&answer.body), answer.headers))
    }

    /// RFC 6749 §2.3.1: both parts form-encoded first.
    fn basic(&self) -> Option<HeaderValue> {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let id = encoded(&self.registered.client_id);
        let secret = Zeroizing::new(encoded(self.registered.secret.expose()));
        let pair = Zeroizing::new(format!("{id}:{}", *secret));
        let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        self.is_basic.then(|| sensitive(&text)).flatten()
    }
}

/// A header value that is shown by nothing.
pub(in crate::provider) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn object(body: &[u8]) -> Option<Map<String, Value>> {
    let policy = Policy { bytes_max: limits::TOKEN_ANSWER_BYTES_MAX, ..Policy::default() };
    let document = Document::parse(body, &policy).ok()?;
    match surface::json::exact(document.root()).ok()? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

fn read(status: u16, members: Option<Map<String, Value>>, headers: &HeaderMap) -> Answer {
    let Some(members) = members else {
        return if status == 200 {
            Answer::Odd("the response is no strict JSON object")
        } else {
            Answer::Refused { status, error: String::new() }
        };
    };
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if status != 200 {
        // The code alone: a description may hold what was sent.
        let is_code = |code: &&str| {
            code.len() <= 64 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        let error = text("error").filter(is_code).unwrap_or_default().to_owned();
        return Answer::Refused { status, error };
    }
    let (Some(token), Some(token_type)) = (text("access_token"), text("token_type")) else {
        return Answer::Odd("the response has no `access_token` or `token_type`");
    };
    let cache = headers.get_all(CACHE_CONTROL).iter();
    let is_no_store = cache
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_ascii_lowercase().split(',').any(|word| word.trim() == "no-store"));
    Answer::Issued(Issued {
        token: token.into(),
        token_type: token_type.chars().take(32).collect(),
        scope: text("scope").map(str::to_owned),
        is_no_store,
    })
}
