//! What a client shows: kinds of tokens, keys, proofs, certificates; and where none of it may be seen.

use authz::token::{Algorithm, Proof, Signer, TokenHash};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use harness::http::recorder::Recorder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{RESOURCE, claims, guarded, ping, post, said, signed, with, write_private};

fn key() -> Signer {
    Signer::generate(Algorithm::Es256).expect("a key")
}

fn now_s() -> u64 {
    claims()["iat"].as_u64().expect("a time")
}

fn refused(code: &str) -> (u16, String) {
    (401, format!("authz.guard.{code}"))
}

#[test]
fn t14_no_other_kind_of_token_opens_the_guard() {
    let (signer, upstream) = (key(), Recorder::start());
    let (_folder, guard) = guarded(&signer, "", &upstream);
    let shown = |typ: &str, claims: &Value| {
        let token = signer.sign(typ, claims).expect("a key signs");
        let bearer = format!("Bearer {}", token.expose());
        said(ping(guard.url(), &[("Authorization", &bearer)]))
    };
    for typ in ["at+jwt", "application/at+jwt", "AT+JWT"] {
        assert_eq!(shown(typ, &claims()).0, 200, "{typ}");
    }
    for typ in [
        "JWT",
        "",
        "dpop+jwt",
        "secevent+jwt",
        "oauth-id-jag+jwt",
        "txntoken+jwt",
        "client-authentication+jwt",
        "logout+jwt",
        "at+jwt2",
    ] {
        assert_eq!(shown(typ, &claims()), refused("type-refused"), "{typ}");
    }
    // An issuer that says `JWT` of all its tokens: what marks another kind refuses it.
    let lax = "[[trusted]]\nissuer = \"https://lax.a.test\"\njwks = \"idp.json\"\ntyp = \"JWT\"\n";
    let (folder, guard) = guarded(&signer, "", &upstream);
    drop(guard);
    let known = std::fs::read_to_string(folder.file("authorize.toml")).expect("a file");
    let guard = super::listen(&folder, &(known + lax), &upstream);
    let mut access = with("iss", json!("https://lax.a.test"));
    let shown = |claims: &Value| {
        let token = signer.sign("JWT", claims).expect("a key signs");
        said(ping(guard.url(), &[("Authorization", &format!("Bearer {}", token.expose()))]))
    };
    assert_eq!(shown(&access).0, 200);
    for (name, value) in [
        ("nonce", json!("n")),
        ("at_hash", json!("h")),
        ("events", json!({"https://schemas.openid.net/secevent/caep/event-type/x": {}})),
    ] {
        access[name] = value;
        assert_eq!(shown(&access), refused("type-refused"), "{name}");
        access.as_object_mut().expect("claims").remove(name);
    }
    // One key of two issuers says nothing of the other's tokens: `iss` decides on `typ`.
    assert_eq!(shown(&claims()), refused("type-refused"));
}

#[test]
fn t17_a_token_is_verified_by_its_issuers_key_and_that_keys_algorithm_alone() {
    let (signer, thief, upstream) = (key(), key(), Recorder::start());
    let (_folder, guard) = guarded(&signer, "", &upstream);
    let shown =
        |token: &str| said(ping(guard.url(), &[("Authorization", &format!("Bearer {token}"))]));
    let good = signed(&signer, &claims());
    assert_eq!(shown(&good).0, 200);
    let (signature, kid) = (good.rsplit('.').next().expect("three parts"), signer.public().id());
    let payload = good.split('.').nth(1).expect("three parts");
    let under = |header: Value, signature: &str| {
        format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()))
    };
    let jwk = thief.public().jwk();
    for (header, signature) in [
        (json!({"alg": "none", "typ": "at+jwt", "kid": kid}), ""),
        (json!({"alg": "None", "typ": "at+jwt", "kid": kid}), signature),
        (json!({"alg": "HS256", "typ": "at+jwt", "kid": kid}), signature),
        (json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid}), signature),
        (json!({"alg": "ES256", "typ": "at+jwt", "kid": "../../etc/passwd"}), signature),
        (json!({"alg": "ES256", "typ": "at+jwt", "kid": "' OR 1=1 --"}), signature),
        (json!({"alg": "ES256", "typ": "at+jwt", "kid": kid, "jwk": jwk}), signature),
        (json!({"alg": "ES256", "typ": "at+jwt", "kid": kid, "jku": "https://e.test"}), signature),
        (json!({"alg": "ES256", "typ": "at+jwt", "kid": kid, "x5u": "https://e.test"}), signature),
        (json!({"alg": "ES256", "typ": "at+jwt", "kid": kid, "x5c": ["AA=="]}), signature),
        (json!({"alg": "ES256", "typ": "at+jwt", "kid": kid, "crit": ["exp"]}), signature),
        (json!({"alg": "ES256", "typ": "at+jwt", "kid": kid, "b64": false}), signature),
    ] {
        assert_eq!(shown(&under(header.clone(), signature)), refused("key-refused"), "{header}");
    }
    assert_eq!(shown(&signed(&thief, &claims())), refused("key-refused"), "an unknown key");
    let by_jwk = thief.sign_with_jwk("at+jwt", &claims()).expect("a key signs");
    assert_eq!(shown(by_jwk.expose()), refused("key-refused"), "a key of its own");
    let other = with("iss", json!("https://idp.a.test/"));
    assert_eq!(shown(&signed(&signer, &other)), refused("issuer-unknown"));
    // The same `kid` for another's key.
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid});
    let foreign = signed(&thief, &claims());
    let foreign = foreign.rsplit('.').next().expect("three parts");
    assert_eq!(shown(&under(header, foreign)), refused("key-refused"));
    assert!(upstream.seen().matches("ping").count() == 1, "one call of all of these");
}

#[test]
fn t10_a_bound_token_needs_a_fresh_proof_with_a_nonce_of_ours_once() {
    let (signer, holder, upstream) = (key(), key(), Recorder::start());
    let guard = harness::Guard::new();
    write_private(&guard, "nonce.key", &URL_SAFE_NO_PAD.encode([7; 32]));
    let jwks = authz::token::KeySet(vec![signer.public().clone()]).jwks().to_string();
    std::fs::write(guard.file("idp.json"), jwks).expect("a scratch file");
    let config = format!(
        "resource = \"{RESOURCE}\"\ndpop_required = true\nnonce_key = \"nonce.key\"\n\
         [[trusted]]\nissuer = \"{}\"\njwks = \"idp.json\"\n",
        super::ISSUER
    );
    let listening = super::listen(&guard, &config, &upstream);
    let bound = signed(&signer, &with("cnf", json!({"jkt": holder.public().thumbprint().0})));
    let hash = TokenHash::of(&bound);
    let prove = |by: &Signer, method: &str, uri: &str, token: Option<&TokenHash>, nonce| {
        let proof = Proof::make(by, method, uri, token, nonce, now_s()).expect("a proof");
        proof.expose().to_owned()
    };
    let dpop = format!("DPoP {bound}");
    let show = |proof: &str| ping(listening.url(), &[("Authorization", &dpop), ("DPoP", proof)]);

    let first = prove(&holder, "POST", RESOURCE, Some(&hash), None);
    let asked = show(&first);
    let challenge = asked.header("www-authenticate").expect("a challenge").to_owned();
    assert!(challenge.starts_with("DPoP error=\"use_dpop_nonce\""), "{challenge}");
    assert!(challenge.contains("algs=\"ES256 ES384 EdDSA\""), "{challenge}");
    let nonce = asked.header("dpop-nonce").expect("a nonce").to_owned();
    let nonce = Some(nonce.as_str());
    let good = prove(&holder, "POST", RESOURCE, Some(&hash), nonce);
    assert_eq!(show(&good).status, 200);
    assert_eq!(said(show(&good)), refused("proof-invalid"), "used twice");
    let port = RESOURCE.replace(".test/", ".test:8443/");
    for (why, wrong) in [
        ("another key", prove(&key(), "POST", RESOURCE, Some(&hash), nonce)),
        ("another method", prove(&holder, "GET", RESOURCE, Some(&hash), nonce)),
        (
            "the sibling path",
            prove(&holder, "POST", &RESOURCE.replace("/mcp", "/mcp2"), Some(&hash), nonce),
        ),
        ("another port", prove(&holder, "POST", &port, Some(&hash), nonce)),
        ("another token", prove(&holder, "POST", RESOURCE, Some(&TokenHash::of("x")), nonce)),
        ("no token", prove(&holder, "POST", RESOURCE, None, nonce)),
        ("a nonce of its own", prove(&holder, "POST", RESOURCE, Some(&hash), Some("mine"))),
        ("the token as its proof", bound.clone()),
        ("no proof", "x".to_owned()),
    ] {
        assert_eq!(said(show(&wrong)), refused("proof-invalid"), "{why}");
    }
    let none = ping(listening.url(), &[("Authorization", &dpop)]);
    assert_eq!(said(none), refused("binding-missing"));
    let bearer = format!("Bearer {bound}");
    let fresh = prove(&holder, "POST", RESOURCE, Some(&hash), nonce);
    let shown = [("Authorization", bearer.as_str()), ("DPoP", &fresh)];
    assert_eq!(said(ping(listening.url(), &shown)), refused("binding-missing"), "downgrade");
    let unbound = format!("Bearer {}", signed(&signer, &claims()));
    let unbound = ping(listening.url(), &[("Authorization", &unbound)]);
    assert_eq!(said(unbound), refused("binding-missing"), "posture");
    let two = [("Authorization", dpop.as_str()), ("DPoP", &fresh), ("DPoP", &good)];
    assert_eq!(said(ping(listening.url(), &two)).0, 400, "two proofs");
    assert_eq!(show(&fresh).status, 200, "what was refused before used nothing up");
    let written = listening.stderr();
    for secret in [&bound, &good, &fresh, &first] {
        let signature = secret.rsplit('.').next().expect("a signature");
        assert!(!written.contains(signature), "a credential is in the events");
        assert!(!upstream.seen().contains(signature), "the server saw a credential");
    }
}

#[test]
fn a_certificate_counts_from_the_terminator_and_goes_no_further() {
    let (signer, upstream) = (key(), Recorder::start());
    let mut der = vec![0x30, 0x82, 1, 0];
    der.extend([7; 256]);
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&der));
    let bound = format!("Bearer {}", signed(&signer, &with("cnf", json!({"x5t#S256": hash}))));
    let field = format!(":{}:", STANDARD.encode(&der));
    let shown = [("Authorization", bound.as_str()), ("X-Tls-Peer", field.as_str())];
    let of = |peers: &str| {
        let terminator = format!("terminator = {{ header = \"X-Tls-Peer\", peers = [{peers}] }}");
        guarded(&signer, &terminator, &upstream)
    };
    let (_folder, guard) = of("\"127.0.0.1\"");
    assert_eq!(ping(guard.url(), &shown).status, 200);
    assert_eq!(said(ping(guard.url(), &shown[..1])), refused("certificate-mismatch"));
    der[10] = 8;
    let other = format!(":{}:", STANDARD.encode(&der));
    let stolen = [("Authorization", bound.as_str()), ("X-Tls-Peer", other.as_str())];
    assert_eq!(said(ping(guard.url(), &stolen)), refused("certificate-mismatch"));
    // Whoever is not the terminator writes the header in vain.
    let (_folder, elsewhere) = of("\"192.0.2.1\"");
    assert_eq!(said(ping(elsewhere.url(), &shown)), refused("certificate-mismatch"));
    let unbound = format!("Bearer {}", signed(&signer, &claims()));
    let unbound = [("Authorization", unbound.as_str()), ("X-Tls-Peer", field.as_str())];
    assert_eq!(ping(elsewhere.url(), &unbound).status, 200);
    let seen = upstream.seen().to_ascii_lowercase();
    assert!(seen.contains("ping") && !seen.contains("x-tls-peer"), "{seen}");
}

#[test]
fn t1_no_credential_of_a_client_reaches_the_server_an_event_or_an_error() {
    let (signer, upstream) = (key(), Recorder::start());
    let (_folder, guard) = guarded(&signer, "scopes = [\"a\"]", &upstream);
    let token = signed(&signer, &claims());
    let bearer = format!("Bearer {token}");
    let names = [
        "Proxy-Authorization",
        "X-Authorization",
        "X-Forwarded-Authorization",
        "Cookie",
        "Cookie2",
        "X-Api-Key",
        "X-Auth-Token",
        "X-Access-Token",
        "X-Csrf-Token",
        "X-Client-Secret",
        "Txn-Token",
        "Client-Cert",
        "Client-Cert-Chain",
        "X-Forwarded-Client-Cert",
        "X-SSL-Client-Cert",
        "X-Amzn-Mtls-Clientcert",
        "X-Amzn-Oidc-Data",
        "X-Goog-Iap-Jwt-Assertion",
        "Cf-Access-Jwt-Assertion",
        "X-Ms-Client-Principal",
        "X-User-Credential",
        "Signature",
        "Signature-Input",
    ];
    let canaries: Vec<_> = names.iter().map(|name| format!("canary-{name}")).collect();
    let mut shown = vec![("Authorization", bearer.as_str()), ("X-Request-Id", "passes")];
    shown.extend(names.iter().copied().zip(canaries.iter().map(String::as_str)));
    assert_eq!(ping(guard.url(), &shown).status, 200);
    let seen = upstream.seen();
    assert!(seen.contains("passes"), "what is no credential goes on: {seen}");
    // The same where nobody is let in: wrong in each way that quotes could come from.
    let mut told = String::new();
    for wrong in [
        format!("Bearer canary-opaque-{}", "x".repeat(20)),
        "Bearer eyJcanary.eyJcanary.canary".to_owned(),
        "Basic Y2FuYXJ5OmNhbmFyeQ==".to_owned(),
        format!("DPoP {token}"),
        format!("Bearer {}", signed(&signer, &with("aud", json!("canary-audience")))),
        format!("Bearer {}", signed(&signer, &with("iss", json!("https://canary-issuer.test")))),
        format!("Bearer {}", signed(&signer, &with("scope", json!("canary-scope")))),
        format!("Bearer {}", signed(&signer, &with("sub", json!(["canary-subject"])))),
    ] {
        let mut shown = shown.clone();
        shown[0] = ("Authorization", &wrong);
        let answer = ping(guard.url(), &shown);
        assert!(matches!(answer.status, 400 | 401 | 403), "{wrong}");
        told += answer.header("www-authenticate").unwrap_or_default();
        told += &String::from_utf8_lossy(&answer.bytes());
        let two = [("Authorization", wrong.as_str()); 2];
        told += &String::from_utf8_lossy(&ping(guard.url(), &two).bytes());
        // In a query it is no credential, and in no log.
        let in_query = format!("{}?access_token={}", guard.url(), "canary-query");
        told += &String::from_utf8_lossy(&ping(&in_query, &[]).bytes());
    }
    let signature = token.rsplit('.').next().expect("a signature");
    for (place, text) in
        [("server", upstream.seen()), ("events", guard.stderr()), ("answers", told)]
    {
        assert!(!text.is_empty(), "{place}");
        for secret in ["canary", "Y2FuYXJ5", signature] {
            assert!(!text.contains(secret), "{secret} in what the {place} saw:\n{text}");
        }
    }
}

#[test]
fn clients_of_apps_find_the_challenge_in_the_result_of_their_call() {
    let (signer, upstream) = (key(), Recorder::start());
    let (_folder, guard) = guarded(&signer, "apps = true\nscopes = [\"a\"]", &upstream);
    let call = br#"{"jsonrpc":"2.0","id":"c1","method":"tools/call","params":{"name":"x"}}"#;
    let narrow = format!("Bearer {}", signed(&signer, &with("scope", json!("b"))));
    for (shown, error) in [
        (vec![], "invalid_token"),
        (vec![("Authorization", narrow.as_str())], "insufficient_scope"),
    ] {
        let answer = post(guard.url(), &shown, call);
        assert_eq!(answer.status, 200);
        let header = answer.header("www-authenticate").map(str::to_owned);
        let body: Value = serde_json::from_slice(&answer.bytes()).expect("JSON");
        assert_eq!(
            (&body["id"], &body["result"]["isError"]),
            (&json!("c1"), &json!(true)),
            "{body}"
        );
        let challenges = body["result"]["_meta"]["mcp/www_authenticate"].as_array();
        let [challenge] = challenges.expect("challenges").as_slice() else { panic!("{body}") };
        let challenge = challenge.as_str().expect("a text");
        assert!(challenge.starts_with(&format!("Bearer error=\"{error}\"")), "{challenge}");
        for part in
            ["error_description=\"", "scope=\"a\"", "/.well-known/oauth-protected-resource/mcp\""]
        {
            assert!(challenge.contains(part), "{challenge}");
        }
        assert!(header.is_some(), "the header is there for everybody else");
    }
    // Whatever is no call is answered by its status, and so is everything without the option.
    assert_eq!(ping(guard.url(), &[]).status, 401);
    let (_folder, plain) = guarded(&signer, "", &upstream);
    assert_eq!(post(plain.url(), &[], call).status, 401);
    assert_eq!(upstream.seen(), "");
}
