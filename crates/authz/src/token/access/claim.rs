//! The claims of an access token, one function each: what is there has to be what it has to be.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{AccessError, Actor, Confirmation, Issuer, Typ};
use crate::limits;
use crate::token::jwt::Claims;
use crate::token::key::Thumbprint;
use crate::token::scope;

/// G4: an access token, and nothing that the issuer signs for another purpose (RFC 8725 §3.11).
pub(super) fn is_access_token(
    issuer: &Issuer,
    typ: Option<&str>,
    claims: &Claims,
) -> Result<(), AccessError> {
    match (typ, issuer.typ) {
        (Some("at+jwt"), _) => return Ok(()),
        (None | Some("jwt"), Typ::Jwt) => {}
        _ => return Err(AccessError::Type("its `typ` is another one")),
    }
    is_of_no_other_kind(issuer, claims)
}

/// G4 where no `typ` says what it is: nothing in it says that it is something else.
pub(in crate::token) fn is_of_no_other_kind(
    issuer: &Issuer,
    claims: &Claims,
) -> Result<(), AccessError> {
    if let Some(name) = ELSEWHERE.iter().find(|name| claims.0.contains_key(**name)) {
        return Err(AccessError::Type(name));
    }
    // Keycloak and Cognito say in a claim of their own what a token is.
    if claims.0.get("typ").is_some_and(|typ| typ != "Bearer" && typ != "DPoP") {
        return Err(AccessError::Type("its claim `typ` is another one"));
    }
    if claims.0.get("token_use").is_some_and(|purpose| purpose != "access") {
        return Err(AccessError::Type("its claim `token_use` is another one"));
    }
    client(issuer, claims).map(drop).map_err(|_| AccessError::Type("it names no client"))
}

/// G5: whole seconds; what is there counts.
pub(in crate::token) fn is_now(
    claims: &Claims,
    skew_s: u64,
    now_s: u64,
) -> Result<(), AccessError> {
    let time = |name| seconds(claims, name).map_err(|_| AccessError::Time("no whole seconds"));
    let expires_s = time("exp")?.ok_or(AccessError::Time("it never expires"))?;
    if expires_s.saturating_add(skew_s) <= now_s {
        return Err(AccessError::Time("it has expired"));
    }
    let latest_s = now_s.saturating_add(skew_s);
    if time("nbf")?.is_some_and(|from_s| from_s > latest_s) {
        return Err(AccessError::Time("it is not valid yet"));
    }
    if time("iat")?.is_some_and(|issued_s| issued_s > latest_s) {
        return Err(AccessError::Time("it is issued in the future"));
    }
    Ok(())
}

/// Whole seconds, if the claim is there.
pub(super) fn seconds(claims: &Claims, name: &'static str) -> Result<Option<u64>, AccessError> {
    match claims.0.get(name) {
        None => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or(AccessError::Claim(name)),
    }
}

/// A name, if the claim is there: not empty, and of bounded length.
pub(super) fn name<'c>(
    claims: &'c Claims,
    name: &'static str,
) -> Result<Option<&'c str>, AccessError> {
    named(&claims.0, name).map_err(|()| AccessError::Claim(name))
}

/// The client: the first of the issuer's client claims that is there.
pub(super) fn client<'c>(issuer: &Issuer, claims: &'c Claims) -> Result<&'c str, AccessError> {
    let found = issuer.client_claims.iter().find(|claim| claims.0.contains_key(*claim));
    found
        .and_then(|claim| named(&claims.0, claim).ok().flatten())
        .ok_or(AccessError::Claim("client_id"))
}

/// Scopes: a list in one text, or an array of texts (`scp`).
pub(super) fn scopes(issuer: &Issuer, claims: &Claims) -> Result<BTreeSet<String>, AccessError> {
    match claims.0.get(&issuer.scope_claim) {
        None => Some(BTreeSet::new()),
        Some(Value::String(list)) => scope::parse(list),
        Some(Value::Array(list)) => {
            let words: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            words.and_then(scope::collect)
        }
        Some(_) => None,
    }
    .ok_or(AccessError::Claim("scope"))
}

/// X6: the chain of `act`, the newest actor first. Members other than `iss`, `sub` and `act` are
/// dropped (RFC 8693 §4.1: they name nobody).
pub(super) fn actors(iss: &str, act: Option<&Value>) -> Result<Vec<Actor>, AccessError> {
    let mut actors = Vec::new();
    let Some(outermost) = act else { return Ok(actors) };
    if surface::canonical::to_vec(outermost).len() > limits::ACT_BYTES_MAX {
        return Err(AccessError::Actors("it is too large"));
    }
    let mut level = act;
    while let Some(act) = level {
        let members = act.as_object().ok_or(AccessError::Actors("a level is no object"))?;
        actors.push(actor(iss, members).ok_or(AccessError::Actors("a level names nobody"))?);
        if actors.len() > usize::from(limits::DEPTH_MAX) + 1 {
            return Err(AccessError::Actors("it is too deep"));
        }
        level = members.get("act");
    }
    Ok(actors)
}

/// RFC 8693 §4.4.
pub(super) fn may_act(iss: &str, may_act: Option<&Value>) -> Result<Option<Actor>, AccessError> {
    let Some(value) = may_act else { return Ok(None) };
    let named = value.as_object().and_then(|members| actor(iss, members));
    named.map(Some).ok_or(AccessError::Claim("may_act"))
}

/// G7: bound in exactly one way that is understood (RFC 7800 §3.1 allows one key).
pub(super) fn confirmation(cnf: Option<&Value>) -> Result<Option<Confirmation>, AccessError> {
    let Some(cnf) = cnf else { return Ok(None) };
    let mut members = cnf.as_object().ok_or(AccessError::Confirmation)?.iter();
    let (Some((name, Value::String(hash))), None) = (members.next(), members.next()) else {
        return Err(AccessError::Confirmation);
    };
    if !is_hash(hash) {
        return Err(AccessError::Confirmation);
    }
    match name.as_str() {
        "jkt" => Ok(Some(Confirmation::Jkt(Thumbprint(hash.clone())))),
        "x5t#S256" => Ok(Some(Confirmation::X5t(hash.clone()))),
        _ => Err(AccessError::Confirmation),
    }
}

/// A SHA-256 as Base64url.
fn is_hash(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() == HASH_CHARS && text.bytes().all(is_allowed)
}

fn actor(iss: &str, members: &Map<String, Value>) -> Option<Actor> {
    let sub = named(members, "sub").ok()??;
    let iss = named(members, "iss").ok()?.unwrap_or(iss);
    Some(Actor { iss: iss.to_owned(), sub: sub.to_owned() })
}

fn named<'m>(members: &'m Map<String, Value>, name: &str) -> Result<Option<&'m str>, ()> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.len() <= limits::NAME_BYTES_MAX => {
            Ok(Some(text))
        }
        Some(_) => Err(()),
    }
}

const HASH_CHARS: usize = 43;

/// Claims that an ID token, a security event, a logout token, a proof or a transaction token has and
/// no access token.
const ELSEWHERE: &[&str] =
    &["nonce", "at_hash", "c_hash", "s_hash", "events", "toe", "htm", "htu", "ath", "purp", "tctx"];
