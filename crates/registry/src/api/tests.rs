#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use seal::Bundle;
use seal::statement::{Observation, Observed, SurfaceClaim};
use seal::{Envelope, Predicate, Trust};
use serde_json::Value;
use store::Object;
use surface::{Digest, Digests, Era};
use tower::ServiceExt as _;

use crate::limits;
use crate::service::fixture::{Fixture, OPERATOR, body, key};

struct Client {
    fixture: Fixture,
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Client {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let router = super::router(fixture.service.clone(), Router::new());
        Self { fixture, router }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 32 << 20).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// The status and code of a refusal.
    async fn refusal(&self, path: &str) -> (u16, String) {
        let answer = self.get(path).await;
        let body: Value = serde_json::from_slice(&answer.body).expect("errors are JSON");
        assert!(body["error"].is_string());
        (answer.status.as_u16(), body["code"].as_str().unwrap().to_owned())
    }

    /// The names and versions of a list, page by page.
    async fn walk(&self, query: &str) -> Vec<String> {
        let mut rows = Vec::new();
        let mut cursor = String::new();
        for _ in 0..1_000 {
            let page = self.json(&format!("/v0.1/servers?{query}{cursor}")).await;
            let servers = page["servers"].as_array().unwrap();
            assert_eq!(page["metadata"]["count"].as_u64().unwrap(), servers.len() as u64);
            rows.extend(servers.iter().map(|row| {
                let server = &row["server"];
                format!(
                    "{} {}",
                    server["name"].as_str().unwrap(),
                    server["version"].as_str().unwrap()
                )
            }));
            match page["metadata"]["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
        panic!("the list does not end");
    }
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn official(row: &Value) -> &Value {
    &row["_meta"]["io.modelcontextprotocol.registry/official"]
}

fn ours(row: &Value) -> &Value {
    &row["_meta"][format!("{OPERATOR}/countersign")]
}

#[tokio::test]
async fn a_version_is_served_byte_for_byte_with_what_the_log_has() {
    let client = Client::new().await;
    let appended = client.fixture.publish("com.example/files", "1.0.0").await;
    client.fixture.published().await;
    let answer = client.get("/v0.1/servers/com.example%2Ffiles/versions/1.0.0").await;
    assert_eq!(answer.status, StatusCode::OK);
    let raw = body("com.example/files", "1.0.0");
    assert!(answer.text().starts_with(&format!("{{\"server\":{raw},\"_meta\":")), "as published");
    let row: Value = serde_json::from_slice(&answer.body).unwrap();
    let index = appended.receipt.index;
    assert_eq!(ours(&row)["state"], "countersigned");
    assert_eq!(ours(&row)["index"], index);
    assert_eq!(ours(&row)["proof"], format!("/log/proof/{index}"));
    assert_eq!(ours(&row)["entry"], Digest::of_bytes(raw.as_bytes()).to_string());
    assert!(ours(&row)["surface"]["exact"].as_str().unwrap().starts_with("sha256:"));
    let published = client.fixture.service.log().published().unwrap();
    assert_eq!(ours(&row)["checkpoint"], published.checkpoint.text());
    assert_eq!(official(&row)["status"], "active");
    assert_eq!(official(&row)["isLatest"], true);
    let at = |name: &str| official(&row)[name].as_str().unwrap().to_owned();
    assert!(at("updatedAt") > at("publishedAt"), "the countersignature came later");
    assert_eq!(at("statusChangedAt"), at("publishedAt"));
}

#[tokio::test]
async fn every_spelling_of_a_name_and_a_version_is_one_version() {
    let client = Client::new().await;
    client.fixture.publish("com.example/files", "1.0.0+7").await;
    for name in
        ["com.example%2Ffiles", "com.example/files", "com.example%252Ffiles", "COM.example%2ffiles"]
    {
        for version in ["1.0.0%2B7", "1.0.0+7", "1.0.0%252B7", "latest"] {
            for prefix in ["/v0.1", "/v0"] {
                let row = client.json(&format!("{prefix}/servers/{name}/versions/{version}")).await;
                assert_eq!(row["server"]["version"], "1.0.0+7", "{name} {version}");
            }
        }
        let list = client.json(&format!("/v0.1/servers/{name}/versions")).await;
        assert_eq!(list["metadata"]["count"], 1);
    }
    assert_eq!(client.walk("version=1.0.0+7").await.len(), 1);
    assert_eq!(client.walk("version=1.0.0%2B7").await.len(), 1);
    for path in [
        "/v0.1/servers/com.example%2Ffiles/versions/1.0.0%207",
        "/v0.1/servers/com.example%2Ffile/versions/latest",
        "/v0.1/servers/com.example%2Ffile/versions",
        "/v0.1/servers/com.example",
        "/v0.1/servers/com.example/files",
        "/v0.2/servers",
    ] {
        assert_eq!(client.refusal(path).await, (404, "api.not-found".into()), "{path}");
    }
}

#[tokio::test]
async fn a_walk_sees_every_row_once_whatever_the_page_and_what_is_published_meanwhile() {
    let client = Client::new().await;
    let mut expected = Vec::new();
    for index in 0..7 {
        let name = format!("com.example/server-{index}");
        client.fixture.publish(&name, "1.0.0").await;
        expected.push(format!("{name} 1.0.0"));
    }
    for limit in [1, 2, 3, 7, 100] {
        assert_eq!(client.walk(&format!("limit={limit}")).await, expected, "{limit}");
    }
    assert_eq!(client.walk("").await, expected);
    let first = client.json("/v0.1/servers?limit=3").await;
    client.fixture.publish("com.example/late", "1.0.0").await;
    client.fixture.status("com.example/server-0", None, "deprecated").await;
    let next = first["metadata"]["nextCursor"].as_str().unwrap();
    let rest = client.json(&format!("/v0.1/servers?cursor={next}")).await;
    let rest = rest["servers"].as_array().unwrap().clone();
    assert_eq!(rest.len(), 5, "the four that were left, and the new one");
    assert_eq!(rest[4]["server"]["name"], "com.example/late");
}

#[tokio::test]
async fn lists_are_searched_and_filtered() {
    let client = Client::new().await;
    for (name, version) in [
        ("com.example/files", "1.0.0"),
        ("com.example/files", "2.0.0"),
        ("io.github.Acme/FileServer", "1.0.0"),
        ("io.github.acme/mail", "1.0.0"),
    ] {
        client.fixture.publish(name, version).await;
    }
    assert_eq!(client.walk("search=file").await.len(), 3);
    assert_eq!(client.walk("search=FILESERVER").await, ["io.github.Acme/FileServer 1.0.0"]);
    assert_eq!(client.walk("search=acme%2F").await.len(), 2);
    assert_eq!(client.walk("search=s%0Aio").await.len(), 0, "a name ends where it ends");
    assert_eq!(client.walk("search=nothing").await.len(), 0);
    assert_eq!(client.walk("search=example%2Ff&version=latest").await, ["com.example/files 2.0.0"]);
    assert_eq!(client.walk("version=1.0.0&limit=1").await.len(), 3);
    let versions = client.json("/v0.1/servers/com.example%2Ffiles/versions").await;
    let versions: Vec<_> = versions["servers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["server"]["version"])
        .collect();
    assert_eq!(versions, ["2.0.0", "1.0.0"], "newest first");
}

#[tokio::test]
async fn a_deleted_version_leaves_the_lists_but_not_its_address() {
    let client = Client::new().await;
    client.fixture.publish("com.example/files", "1.0.0").await;
    client.fixture.publish("com.example/files", "2.0.0").await;
    client.fixture.status("com.example/files", Some("2.0.0"), "deleted").await;
    assert_eq!(client.walk("").await, ["com.example/files 1.0.0"]);
    assert_eq!(client.walk("include_deleted=true").await.len(), 2);
    assert_eq!(client.walk("updated_since=2020-01-01T00:00:00Z").await.len(), 2);
    let row = client.json("/v0.1/servers/com.example%2Ffiles/versions/2.0.0").await;
    assert_eq!(official(&row)["status"], "deleted");
    let row = client.json("/v0.1/servers/com.example%2Ffiles/versions/latest").await;
    assert_eq!(row["server"]["version"], "1.0.0");
}

#[tokio::test]
async fn updated_since_loses_no_row_and_gives_them_in_the_order_of_their_changes() {
    let client = Client::new().await;
    for index in 0..5 {
        client.fixture.publish(&format!("com.example/s{index}"), "1.0.0").await;
    }
    let all = client.json("/v0.1/servers?updated_since=2020-01-01T00:00:00Z").await;
    let times: Vec<String> = all["servers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| official(row)["updatedAt"].as_str().unwrap().to_owned())
        .collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    // From the newest that was received on: that row again, and what changed since.
    client.fixture.status("com.example/s1", None, "deprecated").await;
    let since = client.walk(&format!("limit=1&updated_since={}", times[4])).await;
    assert_eq!(since, ["com.example/s4 1.0.0", "com.example/s1 1.0.0"]);
    // A zone that is written with a plus sign is read as one.
    assert_eq!(client.walk("updated_since=2020-01-01T00:00:00+01:00").await.len(), 5);
}

#[tokio::test]
async fn tampered_cursors_and_odd_parameters_are_refused() {
    let client = Client::new().await;
    for index in 0..3 {
        client.fixture.publish(&format!("com.example/s{index}"), "1.0.0").await;
    }
    let page = client.json("/v0.1/servers?limit=1").await;
    let cursor = page["metadata"]["nextCursor"].as_str().unwrap();
    let first = if cursor.starts_with('A') { "B" } else { "A" };
    let tampered = format!("{first}{}", &cursor[1..]);
    for query in [
        format!("cursor={tampered}"),
        format!("cursor={cursor}&search=s"),
        format!("cursor={cursor}&include_deleted=true"),
        format!("cursor={cursor}&updated_since=2020-01-01T00:00:00Z"),
        "cursor=0".to_owned(),
        "cursor=com.example%2Fs1%3A1.0.0".to_owned(),
    ] {
        let path = format!("/v0.1/servers?{query}");
        assert_eq!(client.refusal(&path).await, (400, "api.cursor".into()), "{query}");
    }
    for query in [
        "limit=0".to_owned(),
        "limit=101".to_owned(),
        "limit=99999999999999999999999".to_owned(),
        "limit=-1".to_owned(),
        "limit=1&limit=1".to_owned(),
        "updated_since=yesterday".to_owned(),
        "updated_since=2026-11-25".to_owned(),
        "include_deleted=maybe".to_owned(),
        "search=%ff".to_owned(),
        format!("search={}", "a".repeat(limits::QUERY_BYTES_MAX)),
    ] {
        let path = format!("/v0.1/servers?{query}");
        assert_eq!(client.refusal(&path).await, (400, "api.query".into()), "{query}");
    }
    // The cursor itself still works, with another limit too.
    assert_eq!(client.walk(&format!("limit=2&cursor={cursor}")).await.len(), 2);
}

#[tokio::test]
async fn cursors_outlive_a_restart() {
    let client = Client::new().await;
    for index in 0..3 {
        client.fixture.publish(&format!("com.example/s{index}"), "1.0.0").await;
    }
    let page = client.json("/v0.1/servers?limit=1").await;
    let cursor = page["metadata"]["nextCursor"].as_str().unwrap().to_owned();
    let Fixture { service, backend, folder } = client.fixture;
    service.close().await;
    let fixture = Fixture::over(backend, folder).await;
    fixture.service.projected(*fixture.service.log().sizes().borrow() - 1).await.unwrap();
    let router = super::router(fixture.service.clone(), Router::new());
    let client = Client { fixture, router };
    let page = client.json(&format!("/v0.1/servers?limit=1&cursor={cursor}")).await;
    assert_eq!(page["servers"][0]["server"]["name"], "com.example/s1");
}

#[tokio::test]
async fn the_log_is_read_as_its_specifications_say() {
    let client = Client::new().await;
    let appended = client.fixture.publish("com.example/files", "1.0.0").await;
    client.fixture.published().await;
    let service = &client.fixture.service;
    let checkpoint = client.get("/log/checkpoint").await;
    assert_eq!(checkpoint.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(checkpoint.headers["cache-control"], "no-cache");
    let opened =
        tlog::Checkpoint::open(&checkpoint.body, service.log_keys(), &seal::Crypto).unwrap();
    let keys = client.get("/log/key").await.text();
    let keys: Vec<tlog::VerifierKey> = keys.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(keys, service.log_keys());

    let index = appended.receipt.index;
    let proof = client.get(&format!("/log/proof/{index}")).await;
    let proof = tlog::Proof::parse(&proof.body).unwrap();
    let leaf = tlog::Hash::of_leaf(appended.envelope.bytes());
    tlog::tree::verify_inclusion(leaf, index, opened.size, &proof.hashes, opened.root).unwrap();

    let width = opened.size;
    let bundle = client.get(&format!("/log/tile/entries/000.p/{width}")).await;
    assert_eq!(bundle.status, StatusCode::OK);
    assert_eq!(bundle.headers["content-type"], "application/octet-stream");
    assert!(bundle.headers["cache-control"].to_str().unwrap().contains("immutable"));
    let entries = tlog::tile::entries(&bundle.body, u16::try_from(width).unwrap()).unwrap();
    assert_eq!(entries[usize::try_from(index).unwrap()], appended.envelope.bytes());
    let tile = client.get(&format!("/log/tile/0/000.p/{width}")).await;
    assert_eq!(tile.body.len() as u64, width * 32);

    for path in ["/log/", "/log"] {
        let about = client.get(path).await;
        assert_eq!(about.status, StatusCode::OK);
        assert!(about.text().contains(&service.log_keys()[1].to_string()));
    }
}

#[tokio::test]
async fn what_is_no_tile_proof_or_object_is_refused() {
    let client = Client::new().await;
    assert_eq!(client.refusal("/log/bundle/com.example%2Fx/1").await.0, 404);
    client.fixture.publish("com.example/files", "1.0.0").await;
    client.fixture.published().await;
    for path in ["/log/checkpoint?", "/log/checkpoint?v=1", "/log/tile/0/000.p/1?x"] {
        assert_eq!(client.refusal(path).await, (400, "api.query".into()), "{path}");
    }
    for path in [
        "/log/tile/0/0",
        "/log/tile/0/000.p/0",
        "/log/tile/0/000.p/256",
        "/log/tile/entries/000.p/01",
        "/log/tile/64/000",
        "/log/tile/0/x000/000/1",
        "/log/proof/x",
        "/log/proof/-1",
        "/log/proof/+1",
        "/log/object/sha256:00",
        "/log/object/000",
    ] {
        assert_eq!(client.refusal(path).await, (400, "api.path".into()), "{path}");
    }
    let unknown = Digest::of_bytes(b"never seen");
    for path in [
        "/log/tile/0/000".to_owned(),
        "/log/tile/1/000".to_owned(),
        "/log/tile/0/000.p/255".to_owned(),
        "/log/proof/1000000".to_owned(),
        "/log/proof/18446744073709551615".to_owned(),
        format!("/log/object/{unknown}"),
        "/log/nothing".to_owned(),
    ] {
        assert_eq!(client.refusal(&path).await, (404, "api.not-found".into()), "{path}");
    }
    let post = Request::post("/log/checkpoint").body(Body::empty()).unwrap();
    assert_eq!(client.ask(post).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn objects_are_public_only_if_everybody_is_shown_them() {
    let client = Client::new().await;
    client.fixture.publish("com.example/files", "1.0.0").await;
    let raw = body("com.example/files", "1.0.0");
    let public = Digest::of_bytes(raw.as_bytes());
    let answer = client.get(&format!("/log/object/{public}")).await;
    assert_eq!(answer.text(), raw);
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    let publisher = client.get(&format!("/log/object/{}", key(1).public().id().0)).await;
    assert_eq!(publisher.body, key(1).public().der());

    let secret = Object::new(Bytes::from_static(b"{\"only\":\"for some\"}"));
    let digest = secret.digest();
    let claim = SurfaceClaim {
        digests: Digests { exact: digest, semantic: digest },
        object: digest,
        era: Era::Modern,
        protocol_version: "2026-07-28".into(),
        authorization: Digest::of_bytes(b"issuer and scopes").to_string(),
    };
    let it = Observation {
        of: Observed::Surface {
            endpoint: "https://mcp.example.com".into(),
            surface: Some(claim),
            outcome: "surface".into(),
            cache_scope: None,
            ttl_ms: None,
        },
        changes: vec![],
        vantage: None,
        client: None,
    };
    let statement = client.fixture.statement("com.example/files", Predicate::Observation(it));
    client.fixture.service.state(statement, vec![secret]).await.unwrap();
    assert!(client.fixture.service.object(&digest).await.unwrap().is_some());
    assert_eq!(client.refusal(&format!("/log/object/{digest}")).await.0, 404);
}

#[tokio::test]
async fn a_bundle_verifies_offline_and_the_newest_statement_is_proved() {
    let client = Client::new().await;
    client.fixture.publish("com.example/files", "1.0.0").await;
    client.fixture.published().await;
    let service = &client.fixture.service;
    let logs: Vec<String> = service.log_keys().iter().map(|key| format!("log {key}\n")).collect();
    let trust = Trust {
        policy: format!("{}quorum none\n", logs.concat()).parse().unwrap(),
        registries: vec![service.keys()[0].public().clone()],
        observers: vec![],
        publishers: vec![],
        freshness_s_max: 3_600,
    };
    for path in ["/log/bundle/com.example%2Ffiles/1.0.0", "/log/bundle/com.example%2Ffiles/latest"]
    {
        let answer = client.get(path).await;
        let bundle = Bundle::parse(&answer.body)
            .unwrap_or_else(|error| panic!("{error}: {}", answer.text()));
        let outcome = bundle.verify(&trust, service.now_s());
        let failed = outcome.checks.iter().filter(|check| !check.holds);
        // Nobody but witnesses vouches for the time, and this log has none.
        let failed: Vec<_> = failed.map(|check| check.code).collect();
        assert_eq!(failed, ["seal.freshness"], "{:#?}", outcome.checks);
        assert!(outcome.checks.len() > 4);
    }
    let latest = client.get("/log/latest/com.example%2Ffiles").await;
    let latest = Bundle::parse(&latest.body).unwrap();
    assert_eq!(latest.leaves.len(), 1);
    assert!(matches!(
        latest.leaves[0].envelope.statement().predicate,
        Predicate::Countersignature(_)
    ));
    let absent = client.get("/log/latest/revoked%20key%20none").await;
    assert!(Bundle::parse(&absent.body).unwrap().leaves.is_empty());
}

#[tokio::test]
async fn only_verified_and_foreign_statements_come_in_from_outside() {
    let client = Client::new().await;
    let service = &client.fixture.service;
    let appended = client.fixture.publish("com.example/files", "1.0.0").await;
    let envelope = appended.envelope.clone();
    let stranger = [key(7).public().clone()];
    let refused = service.append(envelope.clone(), &stranger, vec![]).await.unwrap_err();
    assert_eq!(refused.code(), "service.signers");
    let status = client.fixture.statement(
        "com.example/files",
        Predicate::Status(seal::statement::Status {
            version: None,
            status: "deleted".into(),
            message: String::new(),
        }),
    );
    let forged = Envelope::sign(status.clone(), &[&key(7)]).unwrap();
    let refused = service.append(forged, &stranger, vec![]).await.unwrap_err();
    assert_eq!(refused.code(), "service.kind");
    let late = seal::time::format(service.now_s() + limits::CLOCK_SKEW_S_MAX + 60).unwrap();
    let late = seal::Statement { time: late, ..status };
    assert_eq!(service.state(late, vec![]).await.unwrap_err().code(), "service.time");
    // The same statement again has the index that it had.
    let again = service.append(envelope, &[key(1).public().clone()], vec![]).await.unwrap();
    assert_eq!(again.receipt.index, appended.receipt.index);
}

#[tokio::test]
async fn operators_see_what_it_does_and_nothing_secret() {
    let client = Client::new().await;
    assert_eq!(client.get("/healthz").await.status, StatusCode::OK);
    client.fixture.publish("com.example/files", "1.0.0").await;
    client.fixture.published().await;
    assert_eq!(client.get("/readyz").await.status, StatusCode::OK);
    client.get("/v0.1/servers?search=secret-name").await;
    client.get("/v0.1/servers?limit=0").await;
    let metrics = client.get("/metrics").await.text();
    for line in [
        "countersign_requests_total{part=\"servers\",status=\"2xx\"} 1",
        "countersign_requests_total{part=\"servers\",status=\"4xx\"} 1",
        "countersign_versions 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    assert!(!metrics.contains("secret-name"));
    assert!(metrics.ends_with("# EOF\n"));
}

#[test]
fn the_description_of_the_api_is_current() {
    // `countersign up --openapi > docs/reference/openapi.json`
    let committed = include_str!("../../../../docs/reference/openapi.json");
    assert!(super::openapi() == committed, "docs/reference/openapi.json is not current");
}
