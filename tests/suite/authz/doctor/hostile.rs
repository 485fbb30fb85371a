//! Servers that are wrong in one way each, and a host that wants to harm whoever asks.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use harness::http::server::{CHUNKS_WITHOUT_END, Server, answer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{SECRET, codes, examine, finding};

/// What a server that is right answers to each path, by its origin.
fn right(origin: &str, path: &str) -> Option<Value> {
    Some(match path {
        "/.well-known/oauth-protected-resource/mcp" => json!({
            "resource": format!("{origin}/mcp"), "authorization_servers": [origin],
        }),
        "/.well-known/oauth-authorization-server" | "/.well-known/openid-configuration" => json!({
            "issuer": origin, "authorization_endpoint": format!("{origin}/authorize"),
            "token_endpoint": format!("{origin}/token"), "jwks_uri": format!("{origin}/jwks"),
            "response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "client_id_metadata_document_supported": true,
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        }),
        "/jwks" => json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "kid": "k", "use": "sig", "alg": "ES256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        }] }),
        _ => return None,
    })
}

fn ok(body: &Value) -> Vec<u8> {
    answer("200 OK", "content-type: application/json\r\n", body.to_string().as_bytes())
}

/// A server that is right but for what `wrong` answers instead: by origin, method, path and head.
async fn server(
    wrong: impl Fn(&str, &str, &str, &str) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> (Server, String) {
    let server = Server::start(move |head| {
        let host = head.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
        let origin = format!("http://{host}");
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if let Some(answer) = wrong(&origin, method, path, head) {
            return answer;
        }
        if path.starts_with("/mcp") {
            let metadata = format!("{origin}/.well-known/oauth-protected-resource/mcp");
            let challenge = format!(
                "www-authenticate: Bearer resource_metadata=\"{metadata}\", scope=\"a\"\r\n"
            );
            return answer("401 Unauthorized", &challenge, b"");
        }
        right(&origin, path).map_or_else(|| answer("404 Not Found", "", b""), |body| ok(&body))
    })
    .await;
    let url = format!("http://{}/mcp", server.address);
    (server, url)
}

/// A document that is right but for one member.
fn but(origin: &str, path: &str, member: &str, value: Value) -> Vec<u8> {
    let mut document = right(origin, path).expect("a document");
    document[member] = value;
    ok(&document)
}

fn allow(address: SocketAddr) -> String {
    address.to_string()
}

const PRM: &str = "/.well-known/oauth-protected-resource/mcp";
const METADATA: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_right_has_no_finding() {
    let (server, url) = server(|_, _, _, _| None).await;
    let (output, report) = examine(&[&url, "--allow", &allow(server.address)]);
    assert_eq!((output.code, codes(&report, true)), (Some(0), Vec::new()), "{report:#}");
    let skipped = report["unverified"].as_array().expect("a list");
    let whys: Vec<_> = skipped.iter().map(|it| it["why"].as_str().expect("a text")).collect();
    assert!(whys.contains(&"it attacks: only on a server that is declared `--own`"), "{whys:?}");
    // Nothing was shown to it that could be a credential.
    for head in server.heads() {
        assert!(!head.to_lowercase().contains("authorization:"), "{head}");
    }
}

/// One row for each way to be wrong: what is answered instead, and the codes of what is found.
type Wrong = fn(&str, &str) -> Option<Vec<u8>>;

const ROWS: &[(&[&str], Wrong)] = &[
    (&["not-challenged"], |_, path| (path == "/mcp").then(|| ok(&json!({})))),
    (&["challenge-missing"], |_, path| {
        (path == "/mcp").then(|| answer("401 Unauthorized", "", b""))
    }),
    (&["challenge-malformed"], |_, path| {
        let twice = "www-authenticate: Bearer scope=\"a\", scope=\"b\"\r\n";
        (path == "/mcp").then(|| answer("401 Unauthorized", twice, b""))
    }),
    (&["challenge-without-metadata", "challenge-without-scope"], |_, path| {
        let bare = "www-authenticate: Bearer\r\n";
        (path == "/mcp").then(|| answer("401 Unauthorized", bare, b""))
    }),
    (&["resource-mismatch"], |origin, path| {
        (path == PRM).then(|| but(origin, path, "resource", json!(format!("{origin}/mcp/"))))
    }),
    (&["resource-metadata-invalid"], |_, path| {
        (path == PRM).then(|| answer("200 OK", "", br#"{"resource":"a","resource":"b"}"#))
    }),
    (&["issuers-missing"], |origin, path| {
        (path == PRM).then(|| but(origin, path, "authorization_servers", json!([])))
    }),
    (&["issuer-mismatch"], |origin, path| {
        let other = json!("https://accounts.example");
        (path == METADATA).then(|| but(origin, path, "issuer", other))
    }),
    (&["issuer-metadata-invalid"], |origin, path| {
        (path == METADATA).then(|| but(origin, path, "token_endpoint", json!(7)))
    }),
    (&["issuer-one-form"], |_, path| (path == OPENID).then(|| answer("404 Not Found", "", b""))),
    (&["pkce-missing"], |origin, path| {
        let plain = json!([]);
        (path == METADATA || path == OPENID)
            .then(|| but(origin, path, "code_challenge_methods_supported", plain))
    }),
    (&["pkce-plain"], |origin, path| {
        let both = json!(["S256", "plain"]);
        (path == METADATA || path == OPENID)
            .then(|| but(origin, path, "code_challenge_methods_supported", both))
    }),
    (&["iss-missing"], |origin, path| {
        let member = "authorization_response_iss_parameter_supported";
        (path == METADATA || path == OPENID).then(|| but(origin, path, member, json!(false)))
    }),
    (&["registration-missing"], |origin, path| {
        let member = "client_id_metadata_document_supported";
        (path == METADATA || path == OPENID).then(|| but(origin, path, member, json!(false)))
    }),
    (&["registration-unusable"], |origin, path| {
        let (member, value) =
            ("token_endpoint_auth_methods_supported", json!(["client_secret_post"]));
        (path == METADATA || path == OPENID).then(|| but(origin, path, member, value))
    }),
    (&["resource-metadata-differs"], |origin, path| {
        let elsewhere = format!("{origin}/elsewhere");
        let challenge =
            format!("www-authenticate: Bearer resource_metadata=\"{elsewhere}\", scope=\"a\"\r\n");
        match path {
            "/mcp" => Some(answer("401 Unauthorized", &challenge, b"")),
            "/elsewhere" => Some(but(origin, PRM, "scopes_supported", json!(["a"]))),
            _ => None,
        }
    }),
    (&["challenge-with-error"], |origin, path| {
        let challenge = format!(
            "www-authenticate: Bearer resource_metadata=\"{origin}{PRM}\", scope=\"a\", error=\"invalid_token\"\r\n"
        );
        (path == "/mcp").then(|| answer("401 Unauthorized", &challenge, b""))
    }),
    (&["jwks-missing"], |origin, path| {
        let mut document = right(origin, path).filter(|_| path == METADATA || path == OPENID)?;
        document.as_object_mut()?.remove("jwks_uri");
        Some(ok(&document))
    }),
    (&["jwks-duplicate"], |origin, path| {
        let mut keys = right(origin, "/jwks").expect("keys");
        let again = keys["keys"][0].clone();
        keys["keys"].as_array_mut().expect("a list").push(again);
        (path == "/jwks").then(|| ok(&keys))
    }),
    (&["unsafe-fetch"], |origin, path| {
        // Plain http elsewhere is not asked, whatever is there.
        (path == PRM)
            .then(|| but(origin, path, "authorization_servers", json!(["https://127.0.0.1:9/a"])))
    }),
    (&["jwks-unreadable"], |_, path| (path == "/jwks").then(|| ok(&json!({ "keys": [] })))),
    (&["jwks-algorithm"], |origin, path| {
        let mut keys = right(origin, "/jwks").expect("keys");
        let rsa = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "r" });
        keys["keys"].as_array_mut().expect("a list").push(rsa);
        (path == "/jwks").then(|| ok(&keys))
    }),
    (&["endpoint-private"], |origin, path| {
        let inner = json!("https://169.254.169.254/latest/meta-data");
        (path == METADATA || path == OPENID)
            .then(|| but(origin, path, "registration_endpoint", inner))
    }),
    (&["endpoint-plain"], |origin, path| {
        (path == METADATA || path == OPENID)
            .then(|| but(origin, path, "registration_endpoint", json!("ftp://as.example/")))
    }),
    (&["dpop-algorithms"], |origin, path| {
        let other = json!(["ES512"]);
        (path == PRM).then(|| but(origin, path, "dpop_signing_alg_values_supported", other))
    }),
    (&["clock-offset"], |origin, path| {
        let late = "date: Mon, 01 Jan 2024 00:00:00 GMT\r\n";
        let body = right(origin, path).filter(|_| path == METADATA)?;
        Some(answer("200 OK", late, body.to_string().as_bytes()))
    }),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_be_wrong_is_found_by_its_code() {
    for (expected, wrong) in ROWS {
        let (server, url) = server(move |origin, _, path, _| wrong(origin, path)).await;
        let (_, report) = examine(&[&url, "--allow", &allow(server.address)]);
        let mut found = codes(&report, false);
        found.sort();
        assert_eq!(found, *expected, "{report:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deployment_is_known_for_is_said_of_it() {
    let (server, url) = server(|origin, _, path, _| {
        let mut document = right(origin, path).filter(|_| path == METADATA || path == OPENID)?;
        document.as_object_mut()?.remove("code_challenge_methods_supported");
        document["client_id_metadata_document_supported"] = json!(false);
        Some(ok(&document))
    })
    .await;
    let address = allow(server.address);
    let of = |id: &str| examine(&[&url, "--allow", &address, "--profile", id]).1;
    assert_eq!(codes(&of("entra-v2"), false), ["registration-manual", "pkce-assumed"]);
    assert_eq!(codes(&of("generic"), false), ["pkce-missing", "registration-missing"]);
    let github = of("github");
    assert_eq!(codes(&github, false), ["issuer-unfit", "pkce-missing", "registration-manual"]);
    let hints = github["findings"][0]["hints"].to_string();
    assert!(hints.contains("use it for GitHub's API alone"), "{hints}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_says_where_and_what_to_paste() {
    let (server, url) = server(|origin, _, path, _| {
        (path == PRM).then(|| but(origin, path, "resource", json!(format!("{origin}/mcp/"))))
    })
    .await;
    let (_, report) = examine(&[&url, "--allow", &allow(server.address)]);
    let found = finding(&report, "resource-mismatch");
    assert_eq!((found["rank"].as_u64(), found["probe"].as_u64()), (Some(2), Some(2)));
    assert_eq!(found["said"], format!("{url}/"));
    assert_eq!(found["paste"], format!("\"resource\": \"{url}\""));
    assert_eq!(found["section"], "RFC 9728 §3.3");
    let text = harness::Program::countersign().args(["auth", "doctor", &url, "--allow"]);
    let text = text.arg(allow(server.address)).run().expect(3);
    for said in ["breaks all clients:", "RFC 9728 §3.3", &format!("| \"resource\": \"{url}\"")] {
        assert!(text.stdout.contains(said), "{said} in {}", text.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_into_a_private_range_is_a_hole_and_the_cause_of_what_is_missing() {
    let inner = Server::start(|_| answer("200 OK", "", b"{}")).await;
    let locations = [
        "http://10.0.0.1/".to_owned(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[::ffff:192.168.0.1]/".to_owned(),
        format!("http://{}/", inner.address),
    ];
    for location in locations {
        let header = format!("location: {location}\r\n");
        let (server, url) = server(move |_, method, _, _| {
            (method == "GET").then(|| answer("302 Found", &header, b""))
        })
        .await;
        let (_, report) = examine(&[&url, "--allow", &allow(server.address)]);
        assert_eq!(codes(&report, false)[0], "unsafe-fetch", "{report:#}");
        let root = &report["findings"][0];
        assert_eq!(root["rank"], 1);
        assert_eq!(root["consequences"][0]["code"], "authz.doctor.resource-metadata-missing");
        assert!(root["said"].as_str().expect("a text").contains("net.address-denied"), "{root:#}");
    }
    assert!(inner.heads().is_empty(), "it was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_and_a_body_without_end_cost_little() {
    let (huge, url) = server(|_, _, path, _| {
        (path == METADATA || path == OPENID).then(|| CHUNKS_WITHOUT_END.to_vec())
    })
    .await;
    let (_, report) = examine(&[&url, "--allow", &allow(huge.address)]);
    assert_eq!(codes(&report, false), ["document-too-large"], "{report:#}");
    let effect = finding(&report, "issuer-metadata-missing");
    assert_eq!(effect["rank"], 2);
    // Buffers of the kernel hold a few megabytes of the gigabyte.
    assert!(huge.bytes_sent.load(Ordering::Relaxed) < 32 << 20);

    let slow = dripping().await;
    let began = Instant::now();
    let (_, report) =
        examine(&[&format!("http://{slow}/"), "--issuer", "--allow", &slow.to_string()]);
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
    // A host that never finishes cannot be examined: there is no report of it.
    assert_eq!(report, Value::Null);
}

/// A host whose small document comes a byte at a time.
async fn dripping() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                if !matches!(stream.read(&mut [0; 4096]).await, Ok(1..)) {
                    return;
                }
                let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";
                let mut sent = stream.write_all(head).await;
                while sent.is_ok() {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    sent = stream.write_all(b" ").await;
                }
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_key_among_the_public_ones_is_found_and_not_repeated() {
    let canary = "canaryPrivateScalarThatNobodyMayRepeat00000";
    let (server, url) = server(move |origin, _, path, _| {
        let mut keys = right(origin, "/jwks")?;
        keys["keys"][0]["d"] = json!(canary);
        (path == "/jwks").then(|| ok(&keys))
    })
    .await;
    let (output, report) = examine(&[&url, "--allow", &allow(server.address)]);
    assert_eq!(codes(&report, false), ["jwks-private-key"]);
    assert_eq!(report["findings"][0]["rank"], 1);
    assert!(!output.stdout.contains(canary) && !output.stderr.contains(canary));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_goes_to_the_issuer_it_is_for_and_to_nobody_else() {
    let client = |issuer: &str, url: &str, address: SocketAddr, more: &[&str]| {
        let address = allow(address);
        let mut line = vec![url, "--client-id", "doctor", "--client-issuer", issuer];
        line.extend(["--client-secret-env", "DOCTOR_SECRET", "--allow", &address]);
        line.extend(more);
        examine(&line)
    };
    let is_shown = |server: &Server| {
        let secret = base64_of(&format!("doctor:{SECRET}"));
        server.heads().iter().any(|head| head.contains(&secret))
    };
    // The server names an issuer of its own, and not the one that the client is known to.
    let (thief, url) = server(|_, _, _, _| None).await;
    let (_, report) = client("https://issuer.example", &url, thief.address, &["--own"]);
    assert!(!is_shown(&thief), "the secret went to a server that asked for it");
    let whys = report["unverified"].to_string();
    assert!(whys.contains("does not name the client's issuer; no secret was sent"), "{whys}");

    // The issuer that it is for redirects to one that answers in its name.
    let said = Arc::new(OnceLock::<String>::new());
    let says = Arc::clone(&said);
    let (liar, _) = server(move |origin, _, path, _| {
        let mut document = right(origin, METADATA)?;
        document["issuer"] = json!(says.get()?);
        path.starts_with("/as").then(|| ok(&document))
    })
    .await;
    let to = format!("location: http://{}/as\r\n", liar.address);
    let (named, url) = server(move |_, _, path, _| {
        (path == METADATA || path == OPENID).then(|| answer("302 Found", &to, b""))
    })
    .await;
    let issuer = format!("http://{}", named.address);
    said.set(issuer.clone()).expect("set once");
    let second = allow(liar.address);
    let (_, report) = client(&issuer, &url, named.address, &["--allow", &second]);
    assert!(!is_shown(&named) && !is_shown(&liar), "{report:#}");
    let whys = report["unverified"].to_string();
    assert!(whys.contains("the metadata came from another origin; no secret was sent"), "{whys}");

    // The issuer that it is for, as it says itself.
    let (honest, url) = server(|_, _, _, _| None).await;
    let issuer = format!("http://{}", honest.address);
    client(&issuer, &url, honest.address, &[]);
    assert!(is_shown(&honest), "it was not asked");
    let secret = base64_of(&format!("doctor:{SECRET}"));
    let mut shown = honest.heads().into_iter().filter(|head| head.contains(&secret));
    assert!(shown.all(|head| head.starts_with("POST /token ")));
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_believes_anything_is_found_when_it_is_ones_own_and_only_then() {
    let (open, url) = server(|_, method, path, head| {
        let is_shown = head.to_lowercase().contains("authorization: ");
        (method == "POST" && path == "/mcp" && is_shown).then(|| ok(&json!({})))
    })
    .await;
    let address = allow(open.address);
    let (_, report) = examine(&[&url, "--allow", &address]);
    assert_eq!(codes(&report, true), Vec::<String>::new());
    assert!(open.heads().iter().all(|head| !head.contains("uthorization:")), "it was attacked");
    let (_, report) = examine(&[&url, "--allow", &address, "--own"]);
    assert_eq!(codes(&report, false), ["accepts-forged", "accepts-forged"], "{report:#}");
    let places: Vec<_> = (0..2).map(|at| report["findings"][at]["place"].clone()).collect();
    assert_eq!(places, ["HS256, the public key", "alg none"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_examined_or_makes_no_sense_ends_by_its_exit_code() {
    let (server, url) = server(|_, _, _, _| None).await;
    let (output, _) = examine(&[&url]);
    assert_eq!(output.code, Some(1), "loopback needs --allow");
    assert!(output.stderr.contains("--allow"), "{}", output.stderr);
    assert!(server.heads().is_empty(), "it was asked");
    for wrong in [
        &["ftp://a.example/mcp"][..],
        &["http://a.example/mcp"],
        &["https://a.example/mcp", "--profile", "nobody"],
        &["https://a.example/mcp", "--client-id", "a"],
        &["https://a.example/mcp", "--foreign", "https://b.example/"],
    ] {
        assert_eq!(examine(wrong).0.code, Some(2), "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_a_hostile_server_do_not_steer_a_terminal() {
    let (server, url) = server(|origin, _, path, _| {
        let issuer = json!(format!("https://evil.example/\u{1b}[2J{}", "x".repeat(900)));
        (path == METADATA).then(|| but(origin, path, "issuer", issuer))
    })
    .await;
    let (_, report) = examine(&[&url, "--allow", &allow(server.address)]);
    assert!(report.to_string().len() < 20_000);
    let text = harness::Program::countersign().args(["auth", "doctor", &url, "--allow"]);
    let text = text.arg(allow(server.address)).run().expect(3);
    assert!(!text.stdout.contains('\u{1b}'), "{:?}", text.stdout);
}
