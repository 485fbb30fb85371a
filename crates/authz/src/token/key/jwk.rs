//! One JWK (RFC 7517 §4), read strictly: its numbers have one encoding, its algorithm is one.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{Algorithm, Key, KeyError, Thumbprint};
use crate::limits;

pub(super) fn parse(jwk: &Map<String, Value>) -> Result<Key, KeyError> {
    if PRIVATE.iter().any(|name| jwk.contains_key(*name)) || text(jwk, "kty")? == "oct" {
        return Err(KeyError::NotPublic);
    }
    for_signatures(jwk)?;
    let kid = jwk.get("kid").map(|_| text(jwk, "kid")).transpose()?;
    if kid.is_some_and(|kid| kid.is_empty() || kid.len() > limits::NAME_BYTES_MAX) {
        return Err(KeyError::Malformed("a `kid` that is empty or too long"));
    }
    let (algorithm, required, parsed) = match text(jwk, "kty")? {
        "EC" => curve(jwk)?,
        "OKP" => edwards(jwk)?,
        "RSA" => rsa(jwk)?,
        _ => return Err(KeyError::Unsupported("its type")),
    };
    Ok(Key {
        kid: kid.map(str::to_owned),
        algorithm,
        thumbprint: Thumbprint(encode(&Sha256::digest(&required))),
        required,
        parsed,
    })
}

/// A raw public key of ours.
pub(super) fn of_signer(algorithm: Algorithm, raw: &[u8]) -> Result<Key, KeyError> {
    let jwk = match (algorithm, raw) {
        (Algorithm::Es256, [4, point @ ..]) => {
            let (x, y) = point.split_at_checked(P256_BYTES).unwrap_or_default();
            serde_json::json!({
                "kty": "EC", "crv": "P-256",
                "x": encode(x), "y": encode(y),
            })
        }
        (Algorithm::EdDsa, raw) => {
            serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": encode(raw)})
        }
        _ => return Err(KeyError::Unsupported("signing with its algorithm")),
    };
    let mut key = Key::parse(&jwk)?;
    key.kid = Some(key.thumbprint.0.clone());
    Ok(key)
}

/// `use` and `key_ops` (RFC 7517 §4.2, §4.3): what is there has to allow verification.
fn for_signatures(jwk: &Map<String, Value>) -> Result<(), KeyError> {
    if jwk.get("use").is_some_and(|purpose| purpose != "sig") {
        return Err(KeyError::Unsupported("a key that is not for signatures"));
    }
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(list)) if list.iter().any(|operation| operation == "verify") => Ok(()),
        Some(Value::Array(_)) => Err(KeyError::Unsupported("a key that is not for signatures")),
        Some(_) => Err(KeyError::Malformed("`key_ops` is an array")),
    }
}

type Parts = (Algorithm, String, ParsedPublicKey);

fn curve(jwk: &Map<String, Value>) -> Result<Parts, KeyError> {
    let (algorithm, method, size) = match text(jwk, "crv")? {
        "P-256" => (Algorithm::Es256, &ECDSA_P256_SHA256_FIXED, P256_BYTES),
        "P-384" => (Algorithm::Es384, &ECDSA_P384_SHA384_FIXED, P384_BYTES),
        _ => return Err(KeyError::Unsupported("its curve")),
    };
    only(jwk, algorithm)?;
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    // RFC 7518 §6.2.1.2. Or bytes could move from one to the other; that both are too long or short,
    // the library sees.
    if x.len() != size {
        return Err(KeyError::Malformed("a coordinate of another length than its curve's"));
    }
    let point = [&[4], x.as_slice(), &y].concat();
    let parsed = ParsedPublicKey::new(method, point);
    let parsed = parsed.map_err(|_| KeyError::Malformed("a point that is not on its curve"))?;
    let (crv, x, y) = (text(jwk, "crv")?, text(jwk, "x")?, text(jwk, "y")?);
    let required = format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#);
    Ok((algorithm, required, parsed))
}

fn edwards(jwk: &Map<String, Value>) -> Result<Parts, KeyError> {
    if text(jwk, "crv")? != "Ed25519" {
        return Err(KeyError::Unsupported("its curve"));
    }
    only(jwk, Algorithm::EdDsa)?;
    let point = bytes(jwk, "x")?;
    // With a point of small order, one signature holds for many messages.
    if !seal::crypto::is_ed25519_point(&point) {
        return Err(KeyError::Malformed("no point of Ed25519, or one of small order"));
    }
    let parsed = ParsedPublicKey::new(&ED25519, point);
    let parsed = parsed.map_err(|_| KeyError::Malformed("a point that is not on its curve"))?;
    let required = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(jwk, "x")?);
    Ok((Algorithm::EdDsa, required, parsed))
}

fn rsa(jwk: &Map<String, Value>) -> Result<Parts, KeyError> {
    let (algorithm, method): (_, &'static RsaParameters) = match alg(jwk)? {
        None | Some("RS256") => (Algorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256),
        Some("PS256") => (Algorithm::Ps256, &RSA_PSS_2048_8192_SHA256),
        Some(_) => return Err(KeyError::Unsupported("its algorithm")),
    };
    let (n, e) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
    let ([first, ..], [1..=255, ..]) = (n.as_slice(), e.as_slice()) else {
        return Err(KeyError::Malformed("an RSA key without modulus or exponent"));
    };
    if *first == 0 {
        return Err(KeyError::Malformed("a modulus with leading zeros"));
    }
    let bits = n.len().saturating_mul(8).saturating_sub(first.leading_zeros() as usize);
    if !(limits::RSA_BITS_MIN..=limits::RSA_BITS_MAX).contains(&bits) {
        return Err(KeyError::Unsupported("an RSA key of fewer than 2048 or more than 8192 bits"));
    }
    let parsed = RsaPublicKeyComponents { n: &n, e: &e }.to_parsed_public_key(method);
    let parsed = parsed.map_err(|_| KeyError::Malformed("an RSA key that is none"))?;
    let required =
        format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(jwk, "e")?, text(jwk, "n")?);
    Ok((algorithm, required, parsed))
}

/// Refuses an `alg` other than the one that the key's type leaves.
fn only(jwk: &Map<String, Value>, algorithm: Algorithm) -> Result<(), KeyError> {
    match alg(jwk)? {
        None => Ok(()),
        Some(name) if Algorithm::parse(name) == Some(algorithm) => Ok(()),
        Some(_) => Err(KeyError::Unsupported("its algorithm")),
    }
}

fn alg(jwk: &Map<String, Value>) -> Result<Option<&str>, KeyError> {
    jwk.get("alg").map(|_| text(jwk, "alg")).transpose()
}

fn text<'j>(jwk: &'j Map<String, Value>, name: &'static str) -> Result<&'j str, KeyError> {
    jwk.get(name)
        .and_then(Value::as_str)
        .ok_or(KeyError::Malformed("a member is missing or no text"))
}

/// Base64url without padding, in its one encoding.
fn bytes(jwk: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, KeyError> {
    let text = text(jwk, name)?;
    decode(text).ok_or(KeyError::Malformed("a number that is not Base64url"))
}

pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The members of private and symmetric keys (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
const PRIVATE: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

const P256_BYTES: usize = 32;
const P384_BYTES: usize = 48;
