//! Web servers on loopback, told apart by `Host`, and an issuer of tokens among them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::{ORIGIN, address_of, now_s};

type Pages = Arc<Mutex<HashMap<String, (u16, Vec<(String, String)>, Vec<u8>)>>>;

pub(in crate::publish::tests) struct Web {
    pub(in crate::publish::tests) address: SocketAddr,
    pages: Pages,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Web {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = address_of(&listener);
        let (pages, asked) = (Pages::default(), Arc::<Mutex<Vec<(String, String)>>>::default());
        let (known, seen) = (Arc::clone(&pages), Arc::clone(&asked));
        let app = axum::Router::new().fallback(move |request: Request| {
            let (known, seen) = (Arc::clone(&known), Arc::clone(&seen));
            async move { page(&request, &known, &seen) }
        });
        tokio::spawn(async move { crate::api::serve(listener, app, std::future::pending()).await });
        Self { address, pages, asked }
    }

    pub(in crate::publish::tests) fn url(&self, host: &str, path: &str) -> Url {
        format!("http://{host}:{}{path}", self.address.port()).parse().unwrap()
    }

    pub(in crate::publish::tests) fn put(
        &self,
        host: &str,
        path: &str,
        status: u16,
        body: impl Into<Vec<u8>>,
    ) {
        self.pages
            .lock()
            .unwrap()
            .insert(format!("{host}{path}"), (status, Vec::new(), body.into()));
    }

    pub(in crate::publish::tests) fn redirect(&self, host: &str, path: &str, to: &str) {
        let headers = vec![("location".to_owned(), to.to_owned())];
        self.pages.lock().unwrap().insert(format!("{host}{path}"), (302, headers, Vec::new()));
    }

    /// How often a path was asked for.
    pub(in crate::publish::tests) fn count(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|(asked, _)| asked == path).count()
    }

    /// The `Authorization` headers that came.
    pub(in crate::publish::tests) fn credentials(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|(_, header)| header.clone()).filter(|header| !header.is_empty()).collect()
    }
}

fn page(request: &Request, pages: &Pages, asked: &Mutex<Vec<(String, String)>>) -> Response {
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let host = header("host");
    let key = format!("{}{}", host.split(':').next().unwrap(), request.uri().path());
    asked.lock().unwrap().push((request.uri().path().to_owned(), header("authorization")));
    let Some((status, headers, body)) = pages.lock().unwrap().get(&key).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// An issuer of tokens, as GitHub Actions has one.
pub(in crate::publish::tests) struct Issuer {
    key: RsaKeyPair,
}

impl Issuer {
    pub(super) fn new(web: &Web) -> Self {
        let it = Self { key: RsaKeyPair::generate(KeySize::Rsa2048).unwrap() };
        it.publish_last_of(web, 2);
        it
    }

    /// Publishes its key as the last of so many.
    pub(in crate::publish::tests) fn publish_last_of(&self, web: &Web, count: usize) {
        let (n, e) = numbers(self.key.public_key().as_ref());
        let other = json!({ "kty": "EC", "crv": "P-256", "kid": "other", "x": "AA", "y": "AA" });
        let mut keys = vec![other; count - 1];
        keys.push(json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k1",
                          "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e) }));
        web.put("token.test", "/jwks", 200, json!({ "keys": keys }).to_string());
    }

    /// The claims of a token that proves `octo`, with an identifier.
    pub(in crate::publish::tests) fn claims(id: &str) -> Value {
        json!({
            "iss": "https://token.test", "aud": ORIGIN, "jti": id,
            "sub": "repo:octo/files:ref:refs/heads/main",
            "repository_owner": "octo", "repository_owner_id": "583231",
            "iat": now_s(), "nbf": now_s(), "exp": now_s() + 300,
        })
    }

    pub(in crate::publish::tests) fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({ "alg": "RS256", "kid": "k1", "typ": "JWT" }), claims)
    }

    pub(in crate::publish::tests) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The part of a token that is signed.
pub(in crate::publish::tests) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// Modulus and exponent of an RSA key in DER: a sequence of two integers.
fn numbers(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut rest = element(der).0;
    let mut number = || {
        let (number, after) = element(rest);
        rest = after;
        number.iter().copied().skip_while(|byte| *byte == 0).collect()
    };
    (number(), number())
}

fn element(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, from) = match usize::from(der[1]) {
        short if short < 128 => (short, 2),
        long => {
            let count = long - 128;
            let length =
                der[2..2 + count].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, 2 + count)
        }
    };
    der[from..].split_at(length)
}
