//! Logs that fork, and witnesses that lie, as the other side sees them.

use axum::Router;
use axum::routing::{get, post};
use std::time::{Duration, Instant};

use super::*;

#[tokio::test]
async fn of_two_forks_at_once_exactly_one_is_cosigned() {
    for round in 0..20 {
        let data = tempfile::tempdir().unwrap();
        let origin = format!("log{round}.example");
        let mut log = TestLog::new(&origin);
        let witness = new(data.path(), &log.list(OFTEN)).await;
        assert_eq!(add(&witness, log.grow(8, "a").request(0)).await.0, 200);
        // Sixteen forks of one size, each a growth of what is held, and each asked for twice.
        let mut asked = tokio::task::JoinSet::new();
        for fork in 0..16 {
            let mut log = TestLog::new(&origin);
            log.grow(8, "a").grow(8, &format!("fork {fork}"));
            for _ in 0..2 {
                let (witness, request) = (witness.clone(), log.request(8));
                asked.spawn(async move { (fork, add(&witness, request).await.0) });
            }
        }
        let answers = asked.join_all().await;
        let cosigned: Vec<_> = answers.iter().filter(|(_, status)| *status == 200).collect();
        assert_eq!(cosigned.len(), 1, "{answers:?}");
        let others = answers.iter().filter(|(_, status)| *status != 200);
        assert!(others.clone().all(|(_, status)| *status == 409), "{answers:?}");
        // The others are proof that the log forks, and kept: fifteen other roots.
        witness.close().await;
        assert_eq!(evidence(data.path()).await.len(), 15);
    }
}

#[tokio::test]
async fn a_log_that_forks_or_rolls_back_leaves_evidence() {
    let data = tempfile::tempdir().unwrap();
    let mut log = TestLog::new("log.example");
    let witness = new(data.path(), &log.list(OFTEN)).await;
    assert_eq!(add(&witness, log.grow(8, "a").request(0)).await.0, 200);
    let held = monitored(&witness, "log.example").await.2;
    let mut fork = TestLog::new("log.example");
    fork.grow(8, "b");
    // Whatever old size comes with it.
    assert_eq!(add(&witness, fork.request(0)).await.0, 409);
    assert_eq!(add(&witness, fork.request(8)).await.0, 422);
    assert_eq!(add(&witness, fork.grow(4, "b").request(8)).await.0, 422);
    // Rolling back is no proof by itself: an old checkpoint may be sent by anybody.
    let mut small = TestLog::new("log.example");
    assert_eq!(add(&witness, small.grow(4, "a").request(4)).await.0, 409);
    assert_eq!(add(&witness, small.request(0)).await.0, 409);
    witness.close().await;
    let kept = evidence(data.path()).await;
    let sizes: Vec<_> = kept.iter().map(|(_, size, ..)| *size).collect();
    assert_eq!(sizes, [8, 12]);
    for (origin, _, before, request) in &kept {
        assert_eq!(origin, "log.example");
        assert_eq!(before.as_ref().unwrap(), &held);
        assert!(request.contains("\n\nlog.example\n"), "the signed checkpoint is in it");
    }
}

#[tokio::test]
async fn evidence_is_bounded() {
    let data = tempfile::tempdir().unwrap();
    let mut log = TestLog::new("log.example");
    log.keys.truncate(1);
    let witness = new(data.path(), &log.list(OFTEN)).await;
    assert_eq!(add(&witness, log.grow(1, "a").request(0)).await.0, 200);
    let most = crate::limits::EVIDENCE_MAX;
    for fork in 0..=most {
        let root = Hash::of_leaf(format!("fork {fork}").as_bytes());
        let note = log.sign(&Checkpoint { root, ..log.checkpoint_at(1) });
        assert_eq!(add(&witness, format!("old 1\n\n{note}")).await.0, 422);
    }
    witness.close().await;
    assert_eq!(i64::try_from(evidence(data.path()).await.len()).unwrap(), most);
}

/// A witness that answers each request so.
async fn lying(status: u16, body: &'static str, late: Duration) -> HttpCosigner {
    let answer = move || async move {
        tokio::time::sleep(late).await;
        (http::StatusCode::from_u16(status).unwrap(), body)
    };
    let router = Router::new()
        .route("/w/add-checkpoint", post(answer))
        .route("/w/{hash}/checkpoint", get(answer));
    let (url, client) = served(router).await;
    let keys = witness_keys(NAME).iter().map(|key| key.verifier().clone()).collect();
    HttpCosigner::new(client, url.join("w").unwrap(), keys)
}

#[tokio::test]
async fn answers_that_are_none_are_refused() {
    let mut log = TestLog::new("log.example");
    let note = log.grow(2, "a").note();
    for (status, body) in [
        (200, ""),
        (200, "ok\n"),
        (200, "\u{2014} witness.example/w1 AAAA"),
        (409, ""),
        (409, "007\n"),
        (409, "-1\n"),
        (409, "18446744073709551616\n"),
        (409, "9223372036854775808\n"),
        (500, "oops"),
        (302, ""),
    ] {
        let witness = lying(status, body, Duration::ZERO).await;
        let answer = witness.add_checkpoint(0, &[], &note).await;
        let is_refused =
            matches!(answer, Err(CosignError::Refused { .. } | CosignError::Unreachable { .. }));
        assert!(is_refused, "{status} {body:?}: {answer:?}");
    }
    let endless: &'static str = Box::leak("x".repeat(70_000).into_boxed_str());
    for path in 0..2 {
        let witness = lying(200, endless, Duration::ZERO).await;
        let is_refused = match path {
            0 => witness.add_checkpoint(0, &[], &note).await.is_err(),
            _ => witness.newest("log.example").await.is_err(),
        };
        assert!(is_refused);
    }
}

#[tokio::test]
async fn a_witness_that_never_answers_is_given_up() {
    let mut log = TestLog::new("log.example");
    let witness = lying(200, "", Duration::from_hours(1)).await;
    let since = Instant::now();
    let answer = witness.add_checkpoint(0, &[], &log.grow(1, "a").note()).await;
    assert!(matches!(answer, Err(CosignError::Unreachable { .. })), "{answer:?}");
    assert!(since.elapsed() < crate::limits::WITNESS_ANSWER_TIME_MAX + Duration::from_secs(2));
}

#[tokio::test]
async fn a_witness_without_monitoring_is_known_by_the_size_it_named() {
    let router = Router::new()
        .route("/add-checkpoint", post(|| async { (http::StatusCode::CONFLICT, "41\n") }));
    let (url, client) = served(router).await;
    let witness = HttpCosigner::new(client, url, Vec::new());
    assert!(witness.newest("log.example").await.unwrap().is_none());
    let mut log = TestLog::new("log.example");
    let answer = witness.add_checkpoint(0, &[], &log.grow(1, "a").note()).await;
    assert!(matches!(answer, Err(CosignError::Size { size: 41 })));
    let answer = witness.newest("log.example").await;
    assert!(matches!(answer, Err(CosignError::Size { size: 41 })), "{answer:?}");
}
