//! Probe 7: the keys that an issuer publishes.

use serde_json::Value;
use wire::{Document, Policy};

use super::finding::{self, Kind};
use crate::limits;
use crate::token::KeySet;

/// What is wrong with a JWKS: the kind, and which key.
pub(super) type Fault = (Kind, String);

/// Reads a JWKS: its keys if they can be used, and what is wrong with it. Nothing of a key is quoted
/// but its `kid`.
pub(super) fn examine(bytes: &[u8]) -> (Option<KeySet>, Vec<Fault>) {
    let policy = Policy { bytes_max: limits::JWKS_BYTES_MAX, ..Policy::default() };
    let document = Document::parse(bytes, &policy).ok();
    let value = document.and_then(|document| surface::json::exact(document.root()).ok());
    let list = value.as_ref().and_then(|value| value.get("keys")).and_then(Value::as_array);
    let Some(list) = list.filter(|list| list.len() <= limits::KEYS_MAX) else {
        return (None, vec![(finding::JWKS_UNREADABLE, "keys".to_owned())]);
    };
    let mut faults = Vec::new();
    for (at, jwk) in list.iter().enumerate() {
        let member = |name: &str| jwk.get(name).and_then(Value::as_str);
        let kid = member("kid");
        let place = || kid.map_or_else(|| format!("/keys/{at}"), |kid| format!("kid {kid}"));
        if PRIVATE.iter().any(|name| jwk.get(*name).is_some()) || member("kty") == Some("oct") {
            faults.push((finding::JWKS_PRIVATE_KEY, place()));
        }
        // The curve of another key says what it is for; an RSA key could be for several.
        let is_signing = member("use") != Some("enc");
        if is_signing && member("kty") == Some("RSA") && member("alg").is_none() {
            faults.push((finding::JWKS_ALGORITHM, place()));
        }
        let is_same = |other: &Value| kid.is_some() && other.get("kid") == jwk.get("kid");
        if list.iter().take(at).any(is_same) {
            faults.push((finding::JWKS_DUPLICATE, place()));
        }
    }
    let keys = value.as_ref().and_then(|value| KeySet::from_value(value).ok());
    let is_unusable = keys.as_ref().is_none_or(|keys| keys.0.is_empty());
    if is_unusable && faults.is_empty() {
        faults.push((finding::JWKS_UNREADABLE, "keys".to_owned()));
    }
    (keys, faults)
}

/// The members of private keys (RFC 7518 §6).
const PRIVATE: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::token::{Algorithm, Signer};

    fn codes(jwks: &Value) -> Vec<&'static str> {
        let (_, faults) = examine(jwks.to_string().as_bytes());
        faults.into_iter().map(|(kind, _)| kind.code).collect()
    }

    #[test]
    fn keys_that_are_not_only_public_are_found() {
        let good = Signer::generate(Algorithm::Es256).unwrap().public().jwk();
        assert!(codes(&json!({ "keys": [good] })).is_empty());
        let with = |name: &str, value: Value| {
            let mut key = good.clone();
            key[name] = value;
            codes(&json!({ "keys": [key] }))
        };
        for name in ["d", "k", "p", "priv"] {
            assert_eq!(with(name, json!("AAAA")), ["authz.doctor.jwks-private-key"], "{name}");
        }
        assert_eq!(with("kty", json!("oct")), ["authz.doctor.jwks-private-key"]);
        let twice = json!({ "keys": [good, good] });
        assert_eq!(codes(&twice), ["authz.doctor.jwks-duplicate"]);
        let rsa = json!({ "keys": [good, { "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "r" }] });
        assert_eq!(codes(&rsa), ["authz.doctor.jwks-algorithm"]);
        let (keys, faults) = examine(rsa.to_string().as_bytes());
        assert_eq!((keys.unwrap().0.len(), faults[0].1.as_str()), (1, "kid r"));
    }

    #[test]
    fn what_is_no_set_of_keys_is_unreadable() {
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]}"#, r#"{"keys":[],"keys":[]}"#]
        {
            let (keys, faults) = examine(text.as_bytes());
            assert_eq!(faults.len(), 1, "{text}");
            assert_eq!(faults[0].0.code, "authz.doctor.jwks-unreadable", "{text}");
            assert!(keys.is_none_or(|keys| keys.0.is_empty()));
        }
    }
}
