#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::routing::post;
use http::StatusCode;
use tokio::sync::mpsc;

use super::*;
use crate::net::System;
use crate::service::fixture::Fixture;

/// A vector of the Standard Webhooks libraries.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn signs_as_the_libraries_of_standard_webhooks_do() {
    let secret = Secret::parse(SECRET).unwrap();
    let signature =
        secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn a_secret_is_its_owners_alone_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, format!("{SECRET}\n\n{SECRET}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = secret::read(None, Some(&path)).unwrap_err();
    assert!(matches!(error, SecretError::Mode { .. }));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let secrets = secret::read(None, Some(&path)).unwrap();
    assert_eq!(secrets.len(), 2, "an old one and a new one");
    assert_eq!(format!("{secrets:?}"), "[Secret, Secret]");
    for text in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqr!"] {
        let error = Secret::parse(text).unwrap_err();
        assert!(text.len() < 8 || !format!("{error} {error:?}").contains(&text[6..]));
    }
    assert!(matches!(secret::read(None, None), Err(SecretError::Place)));
}

#[test]
fn a_secret_is_as_long_as_standard_webhooks_asks() {
    use base64::Engine as _;
    let of = |length: usize| {
        let bytes = base64::engine::general_purpose::STANDARD.encode(vec![7; length]);
        Secret::parse(&format!("whsec_{bytes}"))
    };
    for length in [limits::WEBHOOK_SECRET_BYTES_MIN, limits::WEBHOOK_SECRET_BYTES_MAX] {
        assert!(of(length).is_ok(), "{length}");
    }
    for length in [limits::WEBHOOK_SECRET_BYTES_MIN - 1, limits::WEBHOOK_SECRET_BYTES_MAX + 1] {
        assert!(matches!(of(length), Err(SecretError::Length { bytes }) if bytes == length));
    }
}

#[tokio::test]
async fn there_are_so_many_webhooks_and_no_more() {
    let fixture = Fixture::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, SECRET).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = |at: usize| Config {
        name: format!("hook {at}"),
        url: "https://hooks.example/".parse().unwrap(),
        secret_env: None,
        secret_file: Some(path.clone()),
        server: None,
        severity: None,
        kind: None,
        exceptions: Vec::new(),
    };
    let of = |count: usize| {
        let configs: Vec<Config> = (0..count).map(config).collect();
        Webhooks::new(fixture.service.clone(), &configs, &(Arc::new(System) as Arc<dyn Resolve>))
    };
    assert!(of(limits::WEBHOOKS_MAX).is_ok());
    assert_eq!(of(limits::WEBHOOKS_MAX + 1).err().unwrap().code(), "webhook.too-many");
}

#[derive(Clone)]
struct Receiver {
    status: Arc<AtomicU16>,
    told: mpsc::UnboundedSender<String>,
}

async fn receive(State(receiver): State<Receiver>, headers: http::HeaderMap) -> StatusCode {
    receiver.told.send(headers["webhook-id"].to_str().unwrap().to_owned()).unwrap();
    StatusCode::from_u16(receiver.status.load(Ordering::SeqCst)).unwrap()
}

#[tokio::test]
async fn a_receiver_that_is_gone_makes_dead_letters_which_can_be_sent_again() {
    let fixture = Fixture::new().await;
    let (telling, mut told) = mpsc::unbounded_channel();
    let status = Arc::new(AtomicU16::new(410));
    let receiver = Receiver { status: Arc::clone(&status), told: telling };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route("/", post(receive)).with_state(receiver);
    tokio::spawn(crate::api::serve(listener, router, std::future::pending()));
    let path = fixture.folder.path().join("secret");
    std::fs::write(&path, SECRET).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = Config {
        name: "team".into(),
        url: format!("http://{address}/").parse().unwrap(),
        secret_env: None,
        secret_file: Some(path),
        server: None,
        severity: None,
        kind: Some("publish.declared".into()),
        exceptions: vec![address],
    };
    let resolver: Arc<dyn Resolve> = Arc::new(System);
    let twice = [config.clone(), config.clone()];
    let refused = Webhooks::new(fixture.service.clone(), &twice, &resolver).err().unwrap();
    assert_eq!(refused.code(), "webhook.name");
    let webhooks = Webhooks::new(fixture.service.clone(), &[config], &resolver).unwrap();
    let running = tokio::spawn(webhooks.run());
    fixture.publish("com.example/a", "1.0.0").await;
    let mut next =
        async || tokio::time::timeout(Duration::from_secs(30), told.recv()).await.unwrap().unwrap();
    let first = next().await;
    let database = fixture.service.database();
    let dead_letters = async |count: usize| {
        for _ in 0..300 {
            let letters = dead(database).await.unwrap();
            if letters.len() == count {
                return letters;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        dead(database).await.unwrap()
    };
    let letters = dead_letters(1).await;
    assert_eq!((letters[0].webhook.as_str(), letters[0].outcome.as_str()), ("team", "410"));
    assert_eq!(redeliver(database, "other", None).await.unwrap(), 0);
    status.store(200, Ordering::SeqCst);
    let id = letters[0].change_id;
    assert_eq!(redeliver(database, "team", Some(id)).await.unwrap(), 1);
    assert_eq!(next().await, first, "the same delivery has the same id");
    assert!(dead_letters(0).await.is_empty());
    running.abort();
}
