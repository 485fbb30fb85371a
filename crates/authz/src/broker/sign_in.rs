//! A person signs in: authorization code with PKCE (OAuth 2.1 §4.1), at a browser of this machine.
//!
//! Only for the guard itself: whoever signs in is served, and nobody else (threat T11). The page that
//! it ends at is on loopback; a code counts once, by its `state`, and only of the issuer that was asked.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::Html;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use url::Url;
use url::form_urlencoded;

use super::cache::{Held, Key};
use super::config::Way;
use super::desk::{Identity, object, random};
use super::discovery::Found;
use super::route::{OFFLINE, is_bound, resource_param, scope_param};
use super::{Broker, Refused};
use crate::limits;
use crate::net::Request;
use crate::provider::Server;
use crate::provider::profile::Pkce;
use crate::token::Secret;

/// The page that sign-ins end at.
pub(super) struct Page {
    pub(super) uri: String,
    waiting: Waiting,
}

type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<Ended>>>>;

/// What the browser brought.
pub(super) struct Ended {
    code: Option<Secret>,
    error: Option<String>,
    iss: Option<String>,
}

/// A client that registered itself, or that was known before.
#[derive(Debug, Clone)]
pub(super) struct Registered {
    id: String,
    secret: Option<Secret>,
    is_post: bool,
}

impl Broker {
    /// Gets a token for the person who signs in: by what they signed in for before, else again.
    pub(super) async fn sign_in(
        &self,
        key: &Key,
        way: &Way,
        found: &Found,
        before: Option<&Held>,
    ) -> Result<Held, Refused> {
        let server = self.server_of(found).await?;
        let page = self.page(way).await?;
        let registered = self.registered(way, &server, page).await?;
        let identity = registered.identity(way, &server)?;
        let is_bound = is_bound(way, &server)?;
        let resource = resource_param(way, &found.resource);
        if let Some(refresh) = before.and_then(|held| held.refresh.as_ref()) {
            let mut params =
                vec![("grant_type", "refresh_token"), ("refresh_token", refresh.expose())];
            params.extend(resource.iter().copied());
            match self.ask(&server, identity, &params, is_bound).await {
                Ok(issued) => return self.held(way, key, issued, is_bound, before),
                // What was over, or taken back: the person is asked.
                Err(Refused::Denied { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        let (code, verifier) = self.authorize(way, &server, &registered.id, key, found).await?;
        let mut params = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", page.uri.as_str()),
            ("code_verifier", verifier.expose()),
        ];
        params.extend(resource);
        let issued = self.ask(&server, identity, &params, is_bound).await?;
        self.held(way, key, issued, is_bound, None)
    }

    /// Asks the person, and waits. Gives the code, and what proves that it was us who asked.
    async fn authorize(
        &self,
        way: &Way,
        server: &Arc<Server>,
        client_id: &str,
        key: &Key,
        found: &Found,
    ) -> Result<(Secret, Secret), Refused> {
        check_pkce(way, server)?;
        let page = self.page(way).await?;
        let endpoint = server.authorization_endpoint.as_deref();
        let endpoint = endpoint.and_then(|url| url.parse::<Url>().ok());
        let mut url = endpoint.ok_or(Refused::Discovery("its issuer has no sign-in page"))?;
        let (state, verifier) = (random()?, Secret::from(random()?));
        let challenge = digest::digest(&digest::SHA256, verifier.expose().as_bytes());
        let scopes = offline(scope_param(way, &key.scopes), server);
        let jkt = is_bound(way, server)?.then_some(key.jkt.0.as_str());
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", client_id)
                .append_pair("redirect_uri", &page.uri)
                .append_pair("state", &state)
                .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(challenge))
                .append_pair("code_challenge_method", "S256");
            query.extend_pairs(resource_param(way, &found.resource));
            if !scopes.is_empty() {
                query.append_pair("scope", &scopes);
            }
            // RFC 9449 §10: a stolen code is of no use without our key.
            query.extend_pairs(jkt.map(|jkt| ("dpop_jkt", jkt)));
        }
        let ended = page.expect(&state)?;
        (self.prompt)(url.as_str());
        let waited = tokio::time::timeout(limits::SIGN_IN_TIME_MAX, ended).await;
        page.forget(&state);
        let ended = waited.map_err(|_| Refused::SignIn("not in time"))?;
        let ended = ended.map_err(|_| Refused::SignIn("the page is gone"))?;
        check_iss(server, &ended)?;
        if let Some(error) = ended.error {
            return Err(Refused::Denied { status: 0, error });
        }
        let code = ended.code.ok_or(Refused::SignIn("there is no code"))?;
        Ok((code, verifier))
    }

    async fn page(&self, way: &Way) -> Result<&Page, Refused> {
        self.page.get_or_try_init(|| Page::open(way.redirect_port)).await
    }

    /// Who we are at an issuer: as configured, by our document, or registered there once.
    ///
    /// INVARIANT: what one issuer knows us by is never shown to another (SEP-2352).
    async fn registered(
        &self,
        way: &Way,
        server: &Arc<Server>,
        page: &Page,
    ) -> Result<Registered, Refused> {
        let known = |id: &str| Registered { id: id.to_owned(), secret: None, is_post: false };
        if let Some(id) = &way.client.id {
            return Ok(known(id));
        }
        if let Some(document) = way.client.document.as_ref().filter(|_| server.has_client_documents)
        {
            return Ok(known(document));
        }
        let mut all = self.registered.lock().await;
        if let Some(registered) = all.get(&server.issuer) {
            return Ok(registered.clone());
        }
        let registered = self.register(server, page).await?;
        if all.len() >= limits::DOMAINS_MAX {
            all.clear();
        }
        all.insert(server.issuer.clone(), registered.clone());
        Ok(registered)
    }

    /// RFC 7591.
    async fn register(&self, server: &Server, page: &Page) -> Result<Registered, Refused> {
        let endpoint = server.registration_endpoint.as_deref();
        let endpoint = endpoint.and_then(|url| url.parse::<Url>().ok());
        let endpoint = endpoint.ok_or(Refused::Unconfigured(server.issuer.clone()))?;
        let body = json!({
            "client_name": "Countersign",
            "application_type": "native",
            "redirect_uris": [page.uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": method(server),
        });
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = Request {
            headers,
            bytes_max: limits::TOKEN_ANSWER_BYTES_MAX,
            time_max: limits::DISCOVERY_TIME_MAX,
            ..Request::post(endpoint, Bytes::from(body.to_string()))
        };
        let answer = self.net.send(request).await?;
        if !answer.status.is_success() {
            let error = "registration".to_owned();
            return Err(Refused::Denied { status: answer.status.as_u16(), error });
        }
        let members = object(&answer.body).ok_or(Refused::Answer("it registered nobody"))?;
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let id = text("client_id").ok_or(Refused::Answer("it registered nobody"))?;
        let method = text("token_endpoint_auth_method").unwrap_or_else(|| method(server));
        let secret = text("client_secret").filter(|_| method != "none").map(Secret::from);
        Ok(Registered { id: id.to_owned(), secret, is_post: method == "client_secret_post" })
    }
}

impl Registered {
    fn identity<'a>(&'a self, way: &'a Way, server: &Server) -> Result<Identity<'a>, Refused> {
        if way.client.id.is_some() {
            return Identity::of(&way.client, server);
        }
        Ok(match &self.secret {
            None => Identity::Public(&self.id),
            Some(secret) if self.is_post => Identity::Post(&self.id, secret),
            Some(secret) => Identity::Basic(&self.id, secret),
        })
    }
}

impl Page {
    pub(super) async fn open(port: u16) -> Result<Self, Refused> {
        let failed = |error: std::io::Error| Refused::Own(error.to_string());
        // INVARIANT: on loopback alone (RFC 8252 §7.3).
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let waiting = Waiting::default();
        let router = Router::new().route(PATH, get(ended)).with_state(Arc::clone(&waiting));
        tokio::spawn(async move {
            // A page that fails is one that nobody comes back to: the sign-in ends by its time.
            drop(axum::serve(listener, router).await);
        });
        Ok(Self { uri: format!("http://{address}{PATH}"), waiting })
    }

    pub(super) fn expect(&self, state: &str) -> Result<oneshot::Receiver<Ended>, Refused> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= limits::SIGN_INS_MAX {
            return Err(Refused::SignIn("too many wait"));
        }
        waiting.insert(state.to_owned(), sender);
        Ok(receiver)
    }

    pub(super) fn forget(&self, state: &str) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(state);
    }
}

/// Takes what the browser brings, once.
async fn ended(
    State(waiting): State<Waiting>,
    RawQuery(query): RawQuery,
) -> (StatusCode, [(&'static str, &'static str); 3], Html<&'static str>) {
    let headers = [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ];
    let query = query.unwrap_or_default();
    let mut once: HashMap<String, String> = HashMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let is_long = value.len() > limits::SIGN_IN_PARAMETER_BYTES_MAX;
        if is_long || once.insert(name.into_owned(), value.into_owned()).is_some() {
            return (StatusCode::BAD_REQUEST, headers, Html(ODD));
        }
    }
    let state = once.remove("state").unwrap_or_default();
    let sender = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&state);
    let Some(sender) = sender else { return (StatusCode::BAD_REQUEST, headers, Html(ODD)) };
    let is_code = |it: &String| {
        it.len() <= 64 && it.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let ended = Ended {
        code: once.remove("code").map(Secret::from),
        error: once.remove("error").map(|it| if is_code(&it) { it } else { String::new() }),
        iss: once.remove("iss"),
    };
    // Whoever waited may have given up.
    drop(sender.send(ended));
    (StatusCode::OK, headers, Html(DONE))
}

/// RFC 9207 §2.4: compared as it is. Where it is announced it has to be there; where it is there it has
/// to be right.
fn check_iss(server: &Server, ended: &Ended) -> Result<(), Refused> {
    match &ended.iss {
        Some(iss) if *iss != server.issuer => Err(Refused::Issuer),
        None if server.has_iss => Err(Refused::Issuer),
        _ => Ok(()),
    }
}

/// INVARIANT: no sign-in without S256 (OAuth 2.1 §7.5.2; MCP, authorization code protection).
fn check_pkce(way: &Way, server: &Server) -> Result<(), Refused> {
    let is_assumed = way.profile.pkce == Pkce::AssumeS256;
    let has = |methods: &Vec<String>| methods.iter().any(|method| method == "S256");
    let is_there = server.pkce_methods.as_ref().map_or(is_assumed, has);
    if is_there { Ok(()) } else { Err(Refused::Pkce) }
}

/// SEP-2207: with `offline_access` where the issuer knows it, so that a person signs in once.
fn offline(scopes: String, server: &Server) -> String {
    let is_known = server.scopes.iter().any(|scope| scope == OFFLINE);
    if !is_known || scopes.split(' ').any(|scope| scope == OFFLINE) {
        return scopes;
    }
    let mut all: Vec<&str> = scopes.split(' ').filter(|scope| !scope.is_empty()).collect();
    all.push(OFFLINE);
    all.join(" ")
}

/// How we authenticate at a token endpoint once registered.
fn method(server: &Server) -> &'static str {
    let offers = |name: &str| server.auth_methods.iter().any(|method| method == name);
    ["none", "client_secret_basic", "client_secret_post"]
        .into_iter()
        .find(|name| offers(name))
        // RFC 7591 §2: what is meant where nothing is said.
        .unwrap_or("client_secret_basic")
}

const PATH: &str = "/callback";
const DONE: &str =
    "<!doctype html><title>Countersign</title><p>Signed in. You can close this page.";
const ODD: &str = "<!doctype html><title>Countersign</title><p>Nobody waits for this sign-in.";
