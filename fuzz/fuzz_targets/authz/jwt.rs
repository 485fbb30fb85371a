//! Access tokens and the keys that verify them: hostile bytes never panic, and what is verified has one
//! audience, whoever its issuer is.
#![no_main]

use std::sync::{Arc, LazyLock};

use authz::token::{
    Algorithm, Issuer, Jwt, KeySet, Signer, TokenHash, Typ, Verifier, introspection,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const NOW_S: u64 = 1_795_600_000;
const ISSUER: &str = "https://idp.a.test";
const AUDIENCE: &str = "https://hop1.a.test/mcp";

static SIGNER: LazyLock<Signer> =
    LazyLock::new(|| Signer::generate(Algorithm::EdDsa).expect("a key can be drawn"));

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| Verifier {
    issuers: vec![Issuer {
        iss: ISSUER.to_owned(),
        keys: Arc::new(tokio::sync::watch::Sender::new(KeySet(vec![SIGNER.public().clone()]))),
        typ: Typ::Jwt,
        scope_claim: "scope".to_owned(),
        client_claims: vec!["client_id".to_owned()],
        is_own: false,
    }],
    audience: AUDIENCE.to_owned(),
});

fuzz_target!(|data: &[u8]| {
    if let Ok(keys) = KeySet::parse(data) {
        assert_eq!(KeySet::from_value(&keys.jwks()).expect("as it is published, it is read"), keys);
    }
    if let Ok(answer) = introspection::access(&VERIFIER, ISSUER, data, "token", NOW_S) {
        assert!(answer.access.audience == AUDIENCE && answer.cache_until_s <= NOW_S + 60);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Jwt::parse(text, 6 << 10).map(|jwt| jwt.verify(SIGNER.public()));
        let _ = VERIFIER.verify(text, NOW_S);
    }
    // The same bytes as the claims of a token that is signed rightly.
    let Ok(claims) = serde_json::from_slice::<Value>(data) else { return };
    let token = SIGNER.sign("at+jwt", &claims).expect("a key signs");
    if let Ok(access) = VERIFIER.verify(token.expose(), NOW_S) {
        assert_eq!((access.audience.as_str(), access.subject.iss.as_str()), (AUDIENCE, ISSUER));
        assert_eq!(access.hash, TokenHash::of(token.expose()));
        assert!(access.expires_s + 300 > NOW_S && access.txn.is_none());
    }
});
