//! Issuers whose tokens are wrong in one way each.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use authz::token::proof::Expected;
use authz::token::{Algorithm, KeySet, Proof, Signer};
use harness::now_s;
use serde_json::{Value, json};

use super::{codes, examine};

/// What an issuer and its server do; each row changes one thing.
struct Ways {
    /// The claims of a token, once they are right.
    claims: fn(&mut Value),
    /// The response around it.
    response: fn(&mut Value),
    typ: &'static str,
    cache: &'static str,
    /// The audience for a resource that nobody declared, if a token is issued for it at all.
    unknown: Option<fn(&str) -> String>,
    is_own_key: bool,
    /// How the server answers a token.
    welcome: &'static str,
    /// What the issuer does with a proof, if it offers DPoP and exchange at all.
    dpop: Option<Dpop>,
}

#[derive(Clone, Copy, PartialEq)]
enum Dpop {
    Binds,
    Ignores,
}

const RIGHT: Ways = Ways {
    claims: |_| (),
    response: |_| (),
    typ: "at+jwt",
    cache: "Cache-Control: no-store\r\n",
    unknown: None,
    is_own_key: true,
    welcome: "HTTP/1.1 200 OK\r\n",
    dpop: None,
};

/// A server and its issuer at one origin.
struct World {
    origin: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl World {
    fn start(ways: &'static Ways) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let signer = Signer::generate(Algorithm::Es256).expect("a key");
        let other = Signer::generate(Algorithm::Es256).expect("a key");
        let jwks = KeySet(vec![signer.public().clone()]).jwks();
        let signer = if ways.is_own_key { signer } else { other };
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let (says, kept) = (origin.clone(), Arc::clone(&seen));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let Some((head, body)) = request(&mut stream) else { continue };
                let answer = respond(ways, &says, &signer, &jwks, &head, &body);
                kept.lock().expect("nobody panics").push(head);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { origin, seen }
    }

    fn examine(&self, more: &[&str]) -> Value {
        let url = format!("{}/mcp", self.origin);
        let address = self.origin.trim_start_matches("http://");
        let mut line = vec![
            url.as_str(),
            "--allow",
            address,
            "--client-id",
            "doctor",
            "--client-issuer",
            &self.origin,
            "--client-secret-env",
            "DOCTOR_SECRET",
            "--scope",
            "a",
            "--scope",
            "b",
        ];
        line.extend(more);
        examine(&line).1
    }

    /// How often the server was shown a token.
    fn shown(&self) -> usize {
        let seen = self.seen.lock().expect("nobody panics");
        let is_shown = |head: &&String| {
            head.starts_with("POST /mcp") && head.to_lowercase().contains("authorization:")
        };
        seen.iter().filter(is_shown).count()
    }
}

fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a length"));
        if body.len() >= length {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}

fn respond(
    ways: &Ways,
    origin: &str,
    signer: &Signer,
    jwks: &Value,
    head: &str,
    body: &str,
) -> String {
    let path = head.split(' ').nth(1).unwrap_or_default();
    let close = "Connection: close\r\n";
    let answer = |start: &str, body: &str| {
        let length = body.len();
        format!(
            "{start}{close}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let ok = |value: &Value| answer("HTTP/1.1 200 OK\r\n", &value.to_string());
    let prm = "/.well-known/oauth-protected-resource/mcp";
    match path {
        "/mcp" if head.to_lowercase().contains("authorization: ") => answer(ways.welcome, "{}"),
        _ if path.starts_with("/mcp?access_token=") => answer(ways.welcome, "{}"),
        "/mcp" => {
            let challenge = format!(
                "WWW-Authenticate: Bearer resource_metadata=\"{origin}{prm}\", scope=\"a b\"\r\n"
            );
            answer(&format!("HTTP/1.1 401 Unauthorized\r\n{challenge}"), "")
        }
        _ if path == prm => {
            ok(&json!({ "resource": format!("{origin}/mcp"), "authorization_servers": [origin] }))
        }
        "/.well-known/oauth-authorization-server" | "/.well-known/openid-configuration" => {
            let is_dpop = ways.dpop.is_some();
            ok(&json!({
                "dpop_signing_alg_values_supported": if is_dpop { vec!["ES256"] } else { vec![] },
                "grant_types_supported": [
                    "client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange",
                ],
                "issuer": origin, "token_endpoint": format!("{origin}/token"),
                "jwks_uri": format!("{origin}/jwks"), "response_types_supported": [],
                "client_id_metadata_document_supported": true,
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
            }))
        }
        "/jwks" => ok(jwks),
        "/token" => token(ways, origin, signer, (head, body), &answer),
        _ => answer("HTTP/1.1 404 Not Found\r\n", ""),
    }
}

fn token(
    ways: &Ways,
    origin: &str,
    signer: &Signer,
    (head, form): (&str, &str),
    answer: &dyn Fn(&str, &str) -> String,
) -> String {
    let own = format!("{origin}/mcp");
    let is_known = !form.contains("countersign.invalid");
    let audience = match (is_known, ways.unknown) {
        (true, _) => own.clone(),
        (false, Some(of)) => of(&own),
        (false, None) => {
            let refused = r#"{"error":"invalid_target"}"#;
            return answer("HTTP/1.1 400 Bad Request\r\n", refused);
        }
    };
    let now_s = now_s();
    let mut claims = json!({
        "iss": origin, "sub": "doctor", "aud": audience, "client_id": "doctor", "scope": "a b",
        "iat": now_s, "exp": now_s + 300, "jti": "1",
    });
    let jkt = head.lines().find_map(|line| line.strip_prefix("dpop: ")).map(|text| {
        let (method, uri) = ("POST", &*format!("{origin}/token"));
        let expected = Expected { method, uri, token: None, age_s_max: 60, nonce: None };
        Proof::verify(text, &expected, now_s).expect("a proof").jkt.0
    });
    let jkt = jkt.filter(|_| ways.dpop == Some(Dpop::Binds));
    if let Some(jkt) = &jkt {
        claims["cnf"] = json!({ "jkt": jkt });
    }
    (ways.claims)(&mut claims);
    let token = signer.sign(ways.typ, &claims).expect("a key signs");
    let mut response =
        json!({ "access_token": token.expose(), "token_type": "Bearer", "expires_in": 300 });
    if jkt.is_some() {
        response["token_type"] = json!("DPoP");
    }
    (ways.response)(&mut response);
    answer(&format!("HTTP/1.1 200 OK\r\n{}", ways.cache), &response.to_string())
}

fn without(value: &mut Value, member: &str) {
    value.as_object_mut().expect("an object").remove(member);
}

const ROWS: &[(&[&str], Ways)] = &[
    (&[], RIGHT),
    (&[], Ways { response: |it| it["token_type"] = json!("bearer"), ..RIGHT }),
    (&["audience-missing"], Ways { claims: |it| without(it, "aud"), ..RIGHT }),
    (&[], Ways { claims: |it| it["aud"] = json!([it["aud"]]), ..RIGHT }),
    (
        &["audience-multiple"],
        Ways { claims: |it| it["aud"] = json!([it["aud"], "https://b.example/"]), ..RIGHT },
    ),
    (
        &["audience-mismatch"],
        Ways {
            claims: |it| it["aud"] = json!(format!("{}/", it["aud"].as_str().expect("a text"))),
            ..RIGHT
        },
    ),
    (
        &["unknown-resource-issued"],
        Ways { unknown: Some(|_| "https://unknown.countersign.invalid/mcp".to_owned()), ..RIGHT },
    ),
    (&["unknown-resource-ignored"], Ways { unknown: Some(str::to_owned), ..RIGHT }),
    (&["token-type"], Ways { typ: "JWT", ..RIGHT }),
    (&["token-issuer"], Ways { claims: |it| it["iss"] = json!("https://b.example"), ..RIGHT }),
    (&["token-time"], Ways { claims: |it| it["exp"] = json!(1_700_000_000), ..RIGHT }),
    (&["token-time"], Ways { claims: |it| it["exp"] = json!("4000000000"), ..RIGHT }),
    (&["token-time"], Ways { claims: |it| it["iat"] = json!(4_000_000_000_u64), ..RIGHT }),
    (&["token-claims"], Ways { claims: |it| without(it, "client_id"), ..RIGHT }),
    (&["scope-silent"], Ways { claims: |it| it["scope"] = json!("a"), ..RIGHT }),
    (
        &[],
        Ways {
            claims: |it| it["scope"] = json!("a"),
            response: |it| it["scope"] = json!("a"),
            ..RIGHT
        },
    ),
    (&["token-signature"], Ways { is_own_key: false, ..RIGHT }),
    (&["token-cacheable"], Ways { cache: "Cache-Control: no-cache\r\n", ..RIGHT }),
    (
        &["introspection-missing", "audience-missing"],
        Ways { response: |it| it["access_token"] = json!("opaque"), ..RIGHT },
    ),
    (&["token-request-refused"], Ways { response: |it| without(it, "token_type"), ..RIGHT }),
    (&["dpop-ignored"], Ways { dpop: Some(Dpop::Ignores), ..RIGHT }),
    (&[], Ways { dpop: Some(Dpop::Binds), ..RIGHT }),
    (&["token-refused"], Ways { welcome: "HTTP/1.1 401 Unauthorized\r\n", ..RIGHT }),
    (
        &["step-up-incomplete"],
        Ways {
            welcome: "HTTP/1.1 403 Forbidden\r\nWWW-Authenticate: Bearer error=\"insufficient_scope\"\r\n",
            ..RIGHT
        },
    ),
    (
        &[],
        Ways {
            welcome: "HTTP/1.1 403 Forbidden\r\nWWW-Authenticate: Bearer error=\"insufficient_scope\", scope=\"a b c\"\r\n",
            ..RIGHT
        },
    ),
];

#[test]
fn each_way_of_a_token_to_be_wrong_is_found_by_its_code() {
    for (at, (expected, ways)) in ROWS.iter().enumerate() {
        let world = World::start(ways);
        let report = world.examine(&[]);
        let (mut found, mut expected) = (codes(&report, true), expected.to_vec());
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "row {at}: {report:#}");
    }
}

#[test]
fn a_token_is_shown_to_the_server_that_it_names_and_to_no_other() {
    static NAMED: Ways = RIGHT;
    static SLASH: Ways = Ways { claims: |it| it["aud"] = json!("https://b.example/"), ..RIGHT };
    static ENTRA: Ways = Ways {
        claims: |it| {
            it["aud"] = json!("doctor");
            it["azp"] = json!("doctor");
            it["scp"] = json!("a b");
        },
        typ: "JWT",
        ..RIGHT
    };
    let world = World::start(&NAMED);
    world.examine(&[]);
    assert_eq!(world.shown(), 1);
    let world = World::start(&SLASH);
    world.examine(&[]);
    assert_eq!(world.shown(), 0, "a token for another");
    // The client's identifier is the audience at every server of the client: nobody is named by it.
    let world = World::start(&ENTRA);
    let report = world.examine(&["--profile", "entra-v2"]);
    assert_eq!((codes(&report, true), world.shown()), (Vec::new(), 0), "{report:#}");
    let report = world.examine(&["--profile", "entra-v2", "--expect-audience", "doctor"]);
    assert_eq!((codes(&report, true), world.shown()), (Vec::new(), 1), "{report:#}");
}

#[test]
fn an_issuer_and_a_server_that_believe_everything_have_every_hole() {
    static WAYS: Ways = Ways { dpop: Some(Dpop::Binds), ..RIGHT };
    let world = World::start(&WAYS);
    let report = world.examine(&["--own", "--foreign", "https://b.example/mcp"]);
    let found = codes(&report, false);
    let holes = [
        "accepts-query",
        "accepts-forged",
        "accepts-foreign",
        "accepts-forged",
        "accepts-bound-as-bearer",
        "accepts-replay",
        "exchange-unbound",
    ];
    assert_eq!(found, holes, "{report:#}");
    assert!(report["findings"].as_array().expect("a list").iter().all(|it| it["rank"] == 1));
    // On a server that is not declared one's own, none of it is tried.
    let world = World::start(&WAYS);
    let report = world.examine(&[]);
    assert_eq!((codes(&report, true), world.shown()), (Vec::new(), 1), "{report:#}");
}
