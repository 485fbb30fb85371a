//! Three issuers: our own STS, one that says `at+jwt` and one that says `JWT`. Each has its own keys;
//! the second and the third use one `kid` for different ones.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::token::{Algorithm, Issuer, Key, KeySet, Signer, Typ, Verifier};

pub(crate) const NOW_S: u64 = 1_795_600_000;
pub(crate) const OWN: &str = "https://sts.a.test";
pub(crate) const STRICT: &str = "https://idp.a.test";
pub(crate) const LAX: &str = "https://idp.b.test/tenant";
pub(crate) const RESOURCE: &str = "https://hop1.a.test/mcp";
pub(crate) const SHARED_KID: &str = "2026-11";

/// The keys of the three, made once.
pub(crate) struct Keys {
    pub(crate) own: Signer,
    pub(crate) strict: Signer,
    pub(crate) lax: Signer,
    pub(crate) rsa: RsaKeyPair,
}

pub(crate) static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    own: Signer::generate(Algorithm::Es256).unwrap(),
    strict: Signer::generate(Algorithm::Es256).unwrap(),
    lax: Signer::generate(Algorithm::Es256).unwrap(),
    rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
});

/// A public key under another `kid`.
pub(crate) fn named(key: &Key, kid: &str) -> Key {
    let mut jwk = key.jwk();
    jwk["kid"] = json!(kid);
    Key::parse(&jwk).unwrap()
}

pub(crate) fn rsa_key() -> Key {
    // DER of 2048 bits: a sequence of two integers, each part of a known length.
    let der = KEYS.rsa.public_key().as_ref();
    let (n, e) = (&der[9..265], &der[267..]);
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Key::parse(&json!({"kty": "RSA", "kid": "rsa", "n": text(n), "e": text(e)})).unwrap()
}

/// A token of the RSA key, under any header.
pub(crate) fn rsa_signed(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let mut signature = vec![0; KEYS.rsa.public_modulus_len()];
    KEYS.rsa
        .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn issuer(iss: &str, keys: Vec<Key>, typ: Typ) -> Issuer {
    Issuer {
        iss: iss.to_owned(),
        keys: Arc::new(watch::Sender::new(KeySet(keys))),
        typ,
        scope_claim: "scope".to_owned(),
        client_claims: vec!["client_id".to_owned(), "azp".to_owned()],
        is_own: iss == OWN,
    }
}

pub(crate) fn verifier() -> Verifier {
    let keys = &*KEYS;
    let strict = vec![named(keys.strict.public(), SHARED_KID), rsa_key()];
    let lax = vec![named(keys.lax.public(), SHARED_KID)];
    Verifier {
        issuers: vec![
            issuer(OWN, vec![keys.own.public().clone()], Typ::AtJwt),
            issuer(STRICT, strict, Typ::AtJwt),
            issuer(LAX, lax, Typ::Jwt),
        ],
        audience: RESOURCE.to_owned(),
    }
}

pub(crate) fn claims(iss: &str) -> Value {
    json!({
        "iss": iss,
        "sub": "user",
        "aud": RESOURCE,
        "client_id": "agent",
        "scope": "files:read files:write",
        "iat": NOW_S - 10,
        "exp": NOW_S + 200,
        "jti": "1",
    })
}

/// The same with one claim changed; `null` takes it away.
pub(crate) fn with(iss: &str, name: &str, value: Value) -> Value {
    let mut claims = claims(iss);
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

/// A token of an issuer under its `kid` and the type that it says.
pub(crate) fn token(iss: &str, claims: &Value) -> String {
    match iss {
        LAX => typed(iss, "JWT", claims),
        iss => typed(iss, "at+jwt", claims),
    }
}

pub(crate) fn typed(iss: &str, typ: &str, claims: &Value) -> String {
    let (signer, kid) = match iss {
        OWN => (&KEYS.own, KEYS.own.public().id().unwrap()),
        STRICT => (&KEYS.strict, SHARED_KID),
        _ => (&KEYS.lax, SHARED_KID),
    };
    under(signer, &json!({"alg": "ES256", "typ": typ, "kid": kid}), claims)
}

/// A token under any header, signed rightly.
pub(crate) fn under(signer: &Signer, header: &Value, claims: &Value) -> String {
    signer.sign_raw(header, claims).unwrap().expose().to_owned()
}
