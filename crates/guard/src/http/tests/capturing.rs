use http::Method;
use surface::{Era, Kind as ItemKind};

use super::client::{capture_of, endpoint_of};
use super::fixture::{Fixture, Kind};
use crate::capture::{CaptureError, Conditions, capture};
use crate::channel::ChannelError;
use crate::target::Target;

async fn tools_of(fixture: &Fixture) -> (Era, String, Vec<String>) {
    let captured = capture_of(fixture).await.expect("a surface");
    let surface = captured.observation.surface;
    let tools = surface.of(ItemKind::Tool).map(|(name, _)| name.to_owned()).collect();
    (surface.era, captured.protocol_version, tools)
}

#[tokio::test]
async fn every_kind_of_server_is_found_and_shown() {
    for (kind, era, version) in [
        (Kind::Modern, Era::Modern, "2026-07-28"),
        (Kind::Legacy, Era::Legacy, "2025-11-25"),
        (Kind::LegacyBatches, Era::Legacy, "2025-03-26"),
        (Kind::Sessionless, Era::Legacy, "2025-11-25"),
        (Kind::Beside, Era::Legacy, "2025-11-25"),
    ] {
        let fixture = Fixture::start(kind).await;
        let seen = tools_of(&fixture).await;
        let tools = ["echo", "sum"].map(str::to_owned).to_vec();
        assert_eq!(seen, (era, version.to_owned(), tools), "{kind:?}");
    }
}

#[tokio::test]
async fn answers_in_streams_are_found_among_other_messages() {
    for kind in [Kind::Modern, Kind::Legacy] {
        let fixture = Fixture::start(kind).await;
        *fixture.streams.lock().unwrap() = true;
        assert_eq!(tools_of(&fixture).await.2.len(), 2);
        let arrived = fixture.arrived.lock().unwrap();
        let pongs = arrived.iter().filter(|arrived| {
            arrived.body.as_ref() == br#"{"jsonrpc":"2.0","id":"p","result":{}}"#
        });
        assert!(pongs.count() >= 1, "pings are answered");
    }
}

#[tokio::test]
async fn the_session_of_a_capture_is_closed() {
    let fixture = Fixture::start(Kind::Legacy).await;
    tools_of(&fixture).await;
    assert_eq!(fixture.count(&Method::DELETE), 1);
    let arrived = fixture.arrived.lock().unwrap();
    let after_opening = arrived.iter().skip_while(|a| !a.headers.contains_key("mcp-session-id"));
    assert!(after_opening.clone().count() >= 3);
    for request in after_opening {
        assert_eq!(request.headers["mcp-session-id"], "s1");
        assert_eq!(request.headers["mcp-protocol-version"], "2025-11-25");
        assert_eq!(request.headers["x-configured"], "hush-configured");
    }
}

#[tokio::test]
async fn modern_requests_carry_the_headers_of_their_bodies() {
    let fixture = Fixture::start(Kind::Modern).await;
    tools_of(&fixture).await;
    for request in fixture.arrived.lock().unwrap().iter() {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(request.headers["mcp-method"], body["method"].as_str().unwrap());
        let meta = &body["params"]["_meta"];
        assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
        assert!(meta["io.modelcontextprotocol/clientCapabilities"].is_object());
    }
}

#[tokio::test]
async fn a_capture_shows_the_client_that_it_is_told_to() {
    for (kind, pointer) in [
        (Kind::Modern, "/params/_meta/io.modelcontextprotocol~1clientInfo"),
        (Kind::Legacy, "/params/clientInfo"),
    ] {
        let fixture = Fixture::start(kind).await;
        let client = Some(("ordinary-client".to_owned(), "2.1".to_owned()));
        let conditions = Conditions { client, ..Conditions::default() };
        capture(&Target::Url(endpoint_of(&fixture)), &conditions).await.expect("a surface");
        let arrived = fixture.arrived.lock().unwrap();
        let bodies = arrived.iter().filter_map(|it| serde_json::from_slice(&it.body).ok());
        let shown: Vec<serde_json::Value> =
            bodies.filter_map(|body: serde_json::Value| body.pointer(pointer).cloned()).collect();
        assert!(!shown.is_empty(), "{kind:?}");
        let expected = serde_json::json!({ "name": "ordinary-client", "version": "2.1" });
        assert!(shown.iter().all(|it| *it == expected), "{shown:?}");
    }
}

#[tokio::test]
async fn a_capture_dials_the_addresses_that_were_checked_and_keeps_the_name() {
    let fixture = Fixture::start(Kind::Modern).await;
    let port = fixture.address.port();
    let to = |host: &str| {
        let url = format!("http://{host}:{port}/mcp").parse().unwrap();
        Target::Url(crate::target::Endpoint { url, headers: http::HeaderMap::new() })
    };
    let conditions = Conditions { addresses: Some(vec![fixture.address]), ..Conditions::default() };
    // Nobody resolves this name (RFC 6761).
    capture(&to("server.invalid"), &conditions).await.expect("a surface");
    let host = format!("server.invalid:{port}");
    assert!(fixture.arrived.lock().unwrap().iter().all(|it| it.headers["host"] == host));
    let before = fixture.connections.load(std::sync::atomic::Ordering::Relaxed);
    let elsewhere = vec!["127.0.0.2:1".parse().unwrap()];
    for (host, addresses) in [("127.0.0.1", elsewhere), ("server.invalid", Vec::new())] {
        let conditions = Conditions { addresses: Some(addresses), ..Conditions::default() };
        assert!(capture(&to(host), &conditions).await.is_err(), "{host}");
    }
    let after = fixture.connections.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(after, before, "nothing else was dialled");
}

#[tokio::test]
async fn a_challenge_is_handed_back_and_nothing_else_is_tried() {
    let fixture = Fixture::start(Kind::Legacy).await;
    let challenge = r#"Bearer resource_metadata="https://as.example/prm""#.to_owned();
    *fixture.refusal.lock().unwrap() = Some((401, vec![("www-authenticate", challenge.clone())]));
    let error = capture_of(&fixture).await.expect_err("unauthorized");
    let CaptureError::Exchange { source: ChannelError::Status { status, challenge: seen }, .. } =
        error
    else {
        panic!("{error:?}")
    };
    assert_eq!((status, seen), (401, Some(challenge)));
    assert_eq!(fixture.count(&Method::POST), 1);
}

#[tokio::test]
async fn a_redirect_is_an_error_that_names_only_the_origin() {
    let fixture = Fixture::start(Kind::Legacy).await;
    let location = "https://evil.example:8443/take?token=hush".to_owned();
    *fixture.refusal.lock().unwrap() = Some((307, vec![("location", location)]));
    let error = capture_of(&fixture).await.expect_err("a redirect");
    let said = causes(&error);
    assert!(said.contains("https://evil.example:8443"), "{said}");
    assert!(!said.contains("hush"), "{said}");
}

#[tokio::test]
async fn an_endpoint_event_does_not_lead_to_another_origin() {
    let fixture = Fixture::start(Kind::Beside).await;
    for endpoint in ["http://evil.example/messages", "//evil.example/messages", ""] {
        *fixture.endpoint.lock().unwrap() = endpoint.to_owned();
        let said = causes(&capture_of(&fixture).await.expect_err("another origin"));
        assert!(said.contains("`endpoint` event"), "{said}");
    }
    for endpoint in [format!("http://{}/messages", fixture.address), "messages?x=1".to_owned()] {
        *fixture.endpoint.lock().unwrap() = endpoint;
        assert!(capture_of(&fixture).await.is_ok());
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_so() {
    let fixture = Fixture::start(Kind::Legacy).await;
    let mut endpoint = endpoint_of(&fixture);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    endpoint.url = format!("http://{closed}/mcp").parse().unwrap();
    let target = Target::Url(endpoint);
    let error = capture(&target, &Conditions::default()).await;
    let said = causes(&error.expect_err("nobody listens"));
    assert!(said.to_lowercase().contains("refused"), "{said}");
}

#[test]
fn an_endpoint_shows_no_secret() {
    let mut headers = http::HeaderMap::new();
    headers.insert("authorization", "Bearer hush".parse().unwrap());
    let url = "https://api.example/mcp?key=hush".parse().unwrap();
    let shown = format!("{:?}", crate::target::Endpoint { url, headers });
    assert!(shown.contains("api.example") && shown.contains("authorization"), "{shown}");
    assert!(!shown.contains("hush"), "{shown}");
}

fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
