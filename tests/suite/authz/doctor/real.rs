//! Before `oidc-provider`, our own token service, and our own guard.

use harness::http::free_port;
use harness::http::server::{Server, answer};
use harness::{Draft, Guard, Others};
use serde_json::{Value, json};

use super::{codes, examine, finding};

const FOREIGN: &str = "https://hop2.a.test/mcp";

/// A guard before a server that answers everything alike, for tokens of the others.
fn guarded(others: &mut Others, resource: &str, more: &str) -> Guard {
    let guard = Guard::new();
    let jwks = others.ask("fetch", json!({ "url": format!("{}/jwks", others.issuer) }));
    std::fs::write(guard.file("jwks.json"), jwks["text"].as_str().expect("keys")).expect("written");
    let config = format!(
        "resource = \"{resource}\"\nscopes = [\"files:read\"]\n{more}\n[[trusted]]\nissuer = \"{}\"\njwks = \"jwks.json\"\n",
        others.issuer
    );
    std::fs::write(guard.file("authorize.toml"), config).expect("written");
    guard
}

async fn upstream() -> (Server, String) {
    let body = br#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    let server = Server::start(|_| answer("200 OK", "content-type: application/json\r\n", body));
    let server = server.await;
    let url = format!("http://{}/mcp", server.address);
    (server, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn oidc_provider_before_our_guard_has_no_hole() {
    let address = format!("127.0.0.1:{}", free_port());
    let resource = format!("http://{address}/mcp");
    let mut others = Others::start(&json!({ &resource: "files:read", FOREIGN: "files:read" }));
    let guard = guarded(&mut others, &resource, "");
    let (server, url) = upstream().await;
    let options = ["--mode", "observe", "--authorize", "authorize.toml"];
    let listening = guard.listen_at(&address, &options, &url);
    let issuer = others.issuer.clone();
    let (output, report) = examine(&[
        &resource,
        "--allow",
        &address,
        "--allow",
        &others.address,
        "--own",
        "--client-id",
        "doctor",
        "--client-issuer",
        &issuer,
        "--client-secret-env",
        "DOCTOR_SECRET",
        "--scope",
        "files:read",
        "--foreign",
        FOREIGN,
        "--profile",
        "oidc-provider",
    ]);
    assert_eq!(output.code, Some(0), "{report:#}");
    let good: Vec<_> = forms(&report);
    assert_eq!(good, ["8414-insert", "oidc-append"], "{report:#}");
    assert_eq!(report["issuers"][0]["profile"], "oidc-provider");
    // Every attack ran: what is left is what this cannot see.
    let skipped = report["unverified"].as_array().expect("a list");
    let skipped: Vec<_> = skipped.iter().map(|it| it["what"].as_str().expect("a text")).collect();
    for ran in [
        "a token for another server",
        "HS256 with the public key",
        "a replayed proof",
        "bound tokens",
    ] {
        assert!(!skipped.contains(&ran), "{ran} was not tried: {skipped:?}");
    }
    let events = listening.stderr();
    for code in ["audience-mismatch", "binding-missing", "proof-invalid", "key-refused"] {
        assert!(events.contains(&format!("authz.guard.{code}")), "{code} in {events}");
    }
    for head in server.heads() {
        assert!(!head.to_lowercase().contains("authorization:"), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oidc_provider_without_a_resource_it_knows_is_refused_by_its_own_words() {
    let address = format!("127.0.0.1:{}", free_port());
    let resource = format!("http://{address}/mcp");
    let mut others = Others::start(&json!({ FOREIGN: "files:read" }));
    let guard = guarded(&mut others, &resource, "");
    let (_server, url) = upstream().await;
    let options = ["--mode", "observe", "--authorize", "authorize.toml"];
    let _listening = guard.listen_at(&address, &options, &url);
    let issuer = others.issuer.clone();
    let (_, report) = examine(&[
        &resource,
        "--allow",
        &address,
        "--allow",
        &others.address,
        "--client-id",
        "doctor",
        "--client-issuer",
        &issuer,
        "--client-secret-env",
        "DOCTOR_SECRET",
    ]);
    let refused = finding(&report, "token-request-refused");
    assert_eq!(refused["said"], "400 invalid_target", "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_token_service_has_no_finding_that_breaks_clients() {
    let draft = Draft::at("/a");
    let sts = draft.start();
    let address = sts.issuer.trim_start_matches("http://").split('/').next().expect("an address");
    let (output, report) = examine(&[&sts.issuer, "--issuer", "--allow", address]);
    assert_eq!(output.code, Some(0), "{report:#}");
    assert_eq!(codes(&report, true), ["issuer-one-form"], "{report:#}");
    assert_eq!(forms(&report), ["8414-insert"]);
}

/// The places of the first issuer that answer.
fn forms(report: &Value) -> Vec<String> {
    let forms = report["issuers"][0]["forms"].as_array().expect("forms");
    let good = forms.iter().filter(|form| form["good"] == true);
    good.map(|form| form["form"].as_str().expect("a name").to_owned()).collect()
}
