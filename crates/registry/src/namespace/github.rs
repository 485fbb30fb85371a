//! What GitHub says of its accounts: tokens of GitHub Actions, verified here, and access tokens, about
//! which its API is asked.

use std::sync::Mutex;
use std::time::Instant;

use authz::token::{self, Jwt, JwtError, Key};
use http::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use url::Url;

use super::config::Github;
use super::error::NamespaceError;
use crate::{limits, net};

/// Whom to ask, and what a token has to be for.
pub(super) struct Asked<'a> {
    pub(super) client: &'a net::Client,
    pub(super) config: &'a Github,
    pub(super) origin: &'a str,
}

/// What a token of GitHub Actions says, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) owner: String,
    /// The number of the owner, which no later account of the same name has.
    pub(super) owner_id: String,
    pub(super) id: String,
    pub(super) expires_s: u64,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) login: String,
    pub(super) id: u64,
}

/// The issuer's keys, as they were fetched last.
#[derive(Default)]
pub(super) struct KeySet {
    fetched: Mutex<Option<(Instant, token::KeySet)>>,
}

/// Verifies a token of GitHub Actions.
///
/// # Errors
/// Whatever is not as it has to be.
pub(super) async fn verify(
    asked: &Asked<'_>,
    keys: &KeySet,
    token: &str,
    now_s: u64,
) -> Result<Claims, NamespaceError> {
    let jwt = Jwt::parse(token, limits::TOKEN_CHARS_MAX).map_err(jwt_refused)?;
    if jwt.typ().is_some_and(|typ| typ != "jwt") {
        return Err(refused("it is of another type"));
    }
    if jwt.jwk().is_some() {
        return Err(refused("it brings a key of its own"));
    }
    let id = jwt.kid().ok_or(refused("it names no key"))?;
    let key = keys.find(asked, id).await?.ok_or(refused("it names no key of the issuer"))?;
    claims(&jwt.verify(&key).map_err(jwt_refused)?, asked, now_s)
}

fn claims(claims: &token::Claims, asked: &Asked<'_>, now_s: u64) -> Result<Claims, NamespaceError> {
    if claims.text("iss") != Some(&asked.config.issuer) {
        return Err(refused("it is of another issuer"));
    }
    // One audience, and that is us: a token for several could be used by each of them.
    if claims.audience() != Some(asked.origin) {
        return Err(refused("it is for another audience"));
    }
    let skew_s = limits::CLOCK_SKEW_S_MAX;
    let expires_s = claims.seconds("exp").ok_or(refused("it never expires"))?;
    let issued_s = claims.seconds("iat").ok_or(refused("it does not say when it was issued"))?;
    if expires_s <= now_s {
        return Err(refused("it has expired"));
    }
    let from_s = claims.seconds("nbf").unwrap_or(issued_s).max(issued_s);
    if from_s > now_s.saturating_add(skew_s) {
        return Err(refused("it is not valid yet"));
    }
    if expires_s.saturating_sub(issued_s) > limits::OIDC_LIFE_S_MAX {
        return Err(refused("it lives too long"));
    }
    let text = |name: &str| claims.text(name).map(str::to_owned);
    let owner = text("repository_owner").filter(|owner| is_account(owner));
    let owner_id = text("repository_owner_id");
    let is_number = |id: &String| id.len() <= 20 && id.bytes().all(|b| b.is_ascii_digit());
    Ok(Claims {
        owner: owner.ok_or(refused("it names no owner of a repository"))?,
        owner_id: owner_id.filter(is_number).ok_or(refused("it does not number the owner"))?,
        id: text("jti").ok_or(refused("it has no identifier"))?,
        expires_s,
    })
}

impl KeySet {
    async fn find(&self, asked: &Asked<'_>, id: &str) -> Result<Option<Key>, NamespaceError> {
        let age = match self.known(id) {
            (Some(key), age) if age < limits::JWKS_AGE_MAX => return Ok(Some(key)),
            (_, age) => age,
        };
        // An unknown key may be a new one; asking for each would let anybody make us ask.
        if age < limits::JWKS_INTERVAL {
            return Ok(None);
        }
        let fetched = fetch(asked).await?;
        let found = named(&fetched, id);
        *self.fetched.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            Some((Instant::now(), fetched));
        Ok(found)
    }

    fn known(&self, id: &str) -> (Option<Key>, std::time::Duration) {
        let fetched = self.fetched.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some((when, keys)) = &*fetched else { return (None, std::time::Duration::MAX) };
        (named(keys, id), when.elapsed())
    }
}

fn named(keys: &token::KeySet, id: &str) -> Option<Key> {
    keys.0.iter().find(|key| key.id() == Some(id)).cloned()
}

async fn fetch(asked: &Asked<'_>) -> Result<token::KeySet, NamespaceError> {
    let answer = get(asked.client, asked.config.keys.clone(), HeaderMap::new()).await?;
    let keys = token::KeySet::from_value(&answer);
    keys.map_err(|_| NamespaceError::Github { what: "publishes no key set" })
}

/// The account of an access token, and the organisations that it owns.
///
/// # Errors
/// A token that GitHub does not know, or a GitHub that does not answer.
pub(super) async fn accounts(
    client: &net::Client,
    config: &Github,
    token: &str,
) -> Result<Vec<Account>, NamespaceError> {
    let strange = NamespaceError::Github { what: "does not know the access token" };
    let is_plain = |b: u8| b.is_ascii_graphic();
    if token.is_empty() || token.len() > limits::TOKEN_CHARS_MAX || !token.bytes().all(is_plain) {
        return Err(strange);
    }
    let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| strange)?;
    bearer.set_sensitive(true);
    let headers = HeaderMap::from_iter([
        (AUTHORIZATION, bearer),
        (ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
        (HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28")),
        (http::header::USER_AGENT, HeaderValue::from_static("countersign")),
    ]);
    let url = |path: &str| config.api.join(path);
    let no_url = |_| NamespaceError::Github { what: "has no such address" };
    let user = get(client, url("user").map_err(no_url)?, headers.clone()).await?;
    let user = account(&user).ok_or(NamespaceError::Github { what: "names no account" })?;
    let mut accounts = vec![user];
    let path = "user/memberships/orgs?state=active&per_page=100";
    match get(client, url(path).map_err(no_url)?, headers).await {
        Ok(memberships) => {
            let memberships = memberships.as_array().map(Vec::as_slice).unwrap_or_default();
            // An ordinary member speaks for nobody else.
            let owned = memberships.iter().filter(|member| {
                member.get("role").is_some_and(|role| role == "admin")
                    && member.get("state").is_none_or(|state| state == "active")
            });
            accounts.extend(owned.filter_map(|member| account(member.get("organization")?)));
        }
        // A token that may not read memberships proves the user alone.
        Err(NamespaceError::Status { status: 403 }) => {}
        Err(error) => return Err(error),
    }
    Ok(accounts)
}

fn account(value: &Value) -> Option<Account> {
    let login = text(value, "login").filter(|login| is_account(login))?;
    Some(Account { login, id: value.get("id")?.as_u64()? })
}

fn is_account(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=39).contains(&name.len()) && name.bytes().all(plain)
}

async fn get(client: &net::Client, url: Url, headers: HeaderMap) -> Result<Value, NamespaceError> {
    let response = client.send(net::Request { headers, ..net::Request::get(url) }).await?;
    if response.status != StatusCode::OK {
        return Err(NamespaceError::Status { status: response.status.as_u16() });
    }
    read(&response.body).ok_or(NamespaceError::Github { what: "answers what is no strict JSON" })
}

fn read(bytes: &[u8]) -> Option<Value> {
    let document = wire::Document::parse(bytes, &wire::Policy::default()).ok()?;
    surface::json::exact(document.root()).ok()
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}

const fn jwt_refused(error: JwtError) -> NamespaceError {
    refused(match error {
        JwtError::TooLong => "it is too long",
        JwtError::Malformed(why) => why,
        JwtError::Header(_) => "its header says what is not accepted",
        JwtError::Algorithm => "its algorithm is not the key's",
        JwtError::UnknownKey => "it names no key of the issuer",
        _ => "its signature is wrong",
    })
}

const fn refused(why: &'static str) -> NamespaceError {
    NamespaceError::Oidc { why }
}
