//! Proofs of possession and the headers that show credentials: hostile bytes never panic, and what is
//! verified says what is expected.
#![no_main]

use std::sync::LazyLock;

use authz::token::proof::Expected;
use authz::token::{Algorithm, Credential, Nonces, Proof, Signer};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const NOW_S: u64 = 1_795_600_000;

static SIGNER: LazyLock<Signer> =
    LazyLock::new(|| Signer::generate(Algorithm::EdDsa).expect("a key can be drawn"));

fuzz_target!(|data: &[u8]| {
    let uri = "https://hop1.a.test/mcp";
    let expected = Expected { method: "POST", uri, token: None, age_s_max: 300, nonce: None };
    if let Ok(Some(credential)) = Credential::parse([data], [data]) {
        assert!(!format!("{credential:?}").contains(credential.token.expose()));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = Proof::verify(text, &expected, NOW_S);
    let nonces = Nonces::new([7; 32]);
    assert!(!nonces.is_fresh(text, 300, NOW_S) || text.len() == 32);
    // The same bytes as the claims of a proof that is signed rightly.
    let Ok(claims) = serde_json::from_slice::<Value>(data) else { return };
    let proof = SIGNER.sign_with_jwk("dpop+jwt", &claims).expect("a key signs");
    if let Ok(proof) = Proof::verify(proof.expose(), &expected, NOW_S) {
        assert_eq!(proof.jkt, SIGNER.public().thumbprint());
        assert!(proof.issued_s.abs_diff(NOW_S) <= 300 && !proof.jti.is_empty());
        assert_eq!(claims["htm"], "POST");
    }
});
