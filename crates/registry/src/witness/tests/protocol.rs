//! `add-checkpoint` as the specification has it, status by status.

use super::*;

#[tokio::test]
async fn cosigns_what_grows_with_both_kinds_of_keys_and_shows_it() {
    let data = tempfile::tempdir().unwrap();
    let mut log = TestLog::new("log.example");
    let witness = new(data.path(), &log.list(OFTEN)).await;
    assert_eq!(monitored(&witness, "log.example").await.0, 404);
    let mut old = 0;
    for size in [0_u64, 1, 2, 255, 256, 257, 700] {
        let more = usize::try_from(size - log.size()).unwrap();
        log.grow(more, "a");
        let (status, _, lines) = add(&witness, log.request(old)).await;
        assert_eq!(status, 200, "{old} -> {size}: {lines}");
        let checkpoint = log.checkpoint_at(size);
        assert_eq!(verified(&lines, &checkpoint), [Note::Cosignature, Note::MlDsa44]);
        // What is shown is what was answered, beside the log's own signatures.
        let (status, _, note) = monitored(&witness, "log.example").await;
        assert_eq!(status, 200);
        assert!(note.ends_with(&lines));
        let keys: Vec<_> = log.keys.iter().map(|key| key.verifier().clone()).collect();
        assert_eq!(Checkpoint::open(note.as_bytes(), &keys, &Crypto).unwrap(), checkpoint);
        old = size;
    }
    // The same again is cosigned again.
    assert_eq!(add(&witness, log.request(700)).await.0, 200);
}

#[tokio::test]
async fn refuses_by_the_statuses_of_the_specification() {
    let data = tempfile::tempdir().unwrap();
    let mut log = TestLog::new("log.example");
    log.grow(10, "a");
    let witness = new(data.path(), &log.list(OFTEN)).await;
    let good = log.request(0);

    // 400: the form.
    for bad in ["", "old 0\n", "old 00\n\nx", "old -1\n\nx", "old 0\nAAAA\n\nx", "new 0\n\nx"] {
        assert_eq!(add(&witness, bad).await.0, 400, "{bad:?}");
    }
    let hash = Hash::of_nothing();
    let with_lines = |count: usize| {
        let lines: String = std::iter::repeat_n(format!("{hash}\n"), count).collect();
        good.replacen("old 0\n", &format!("old 0\n{lines}"), 1)
    };
    assert_eq!(add(&witness, with_lines(64)).await.0, 400);
    // 63 lines are of the form, but nothing may be proved from size zero.
    assert_eq!(add(&witness, with_lines(63)).await.0, 422);

    // 404: an unknown origin, whoever signed.
    let mut stranger = TestLog::new("stranger.example");
    assert_eq!(add(&witness, stranger.grow(1, "a").request(0)).await.0, 404);

    // 403: nobody trusted signed, or one line of somebody trusted is wrong.
    let mut impostor = TestLog::new("log.example");
    impostor.keys = vec![key(7, "log.example", Note::Ed25519)];
    assert_eq!(add(&witness, impostor.grow(10, "a").request(0)).await.0, 403);
    let other = log.sign(&Checkpoint { size: 11, ..log.checkpoint_at(10) });
    let line = other.lines().last().unwrap();
    assert_eq!(add(&witness, format!("{good}{line}\n")).await.0, 403);
    // One good signature is enough, and lines of strangers do not matter.
    let stranger_line = stranger.note().lines().last().unwrap().to_owned();
    let mut single = TestLog::new("log.example");
    single.keys.truncate(1);
    single.grow(10, "a");
    let (status, ..) = add(&witness, format!("{}{stranger_line}\n", single.request(0))).await;
    assert_eq!(status, 200);

    // 400: an old size past the checkpoint. 409: another than is held, with the size.
    assert_eq!(add(&witness, log.request(11)).await.0, 400);
    for old in [0, 9] {
        let (status, kind, body) = add(&witness, log.request(old)).await;
        assert_eq!((status, kind.as_str(), body.as_str()), (409, "text/x.tlog.size", "10\n"));
    }

    // 422: a proof that proves nothing, another root of the same size, an empty tree with a root.
    log.grow(5, "a");
    let mut proof = log.proof(10);
    proof.swap(0, 1);
    let checkpoint = log.note();
    let swapped = tlog::witness::AddCheckpoint { old_size: 10, proof, checkpoint };
    assert_eq!(add(&witness, swapped.to_string()).await.0, 422);
    let mut fork = TestLog::new("log.example");
    assert_eq!(add(&witness, fork.grow(10, "b").request(10)).await.0, 422);
    assert_eq!(add(&witness, log.request(10)).await.0, 200);
}

#[tokio::test]
async fn an_empty_tree_has_the_root_of_nothing() {
    let data = tempfile::tempdir().unwrap();
    let log = TestLog::new("log.example");
    let witness = new(data.path(), &log.list(OFTEN)).await;
    let root = Hash::of_leaf(b"something");
    let note = log.sign(&Checkpoint { origin: "log.example".to_owned(), size: 0, root });
    assert_eq!(add(&witness, format!("old 0\n\n{note}")).await.0, 422);
    assert_eq!(add(&witness, log.request(0)).await.0, 200);
    assert_eq!(monitored(&witness, "log.example").await.0, 200);
}

#[tokio::test]
async fn a_body_at_the_limit_is_read_and_one_past_it_is_not() {
    let data = tempfile::tempdir().unwrap();
    let log = TestLog::new("log.example");
    let witness = new(data.path(), &log.list(OFTEN)).await;
    let bytes_max = crate::limits::ADD_CHECKPOINT_BYTES_MAX;
    assert_eq!(add(&witness, vec![b'a'; bytes_max]).await.0, 400);
    assert_eq!(add(&witness, vec![b'a'; bytes_max + 1]).await.0, 413);
}

#[tokio::test]
async fn a_log_may_send_so_much_and_strangers_cannot_use_it_up() {
    let data = tempfile::tempdir().unwrap();
    let mut log = TestLog::new("log.example");
    log.grow(1, "a");
    let witness = new(data.path(), &log.list(1)).await;
    let mut impostor = TestLog::new("log.example");
    impostor.keys = vec![key(7, "log.example", Note::Ed25519)];
    for _ in 0..100 {
        assert_eq!(add(&witness, impostor.request(0)).await.0, 403);
    }
    assert_eq!(add(&witness, log.request(0)).await.0, 200);
    for _ in 1..60 {
        assert_eq!(add(&witness, log.request(1)).await.0, 200);
    }
    assert_eq!(add(&witness, log.request(1)).await.0, 429);
}

#[tokio::test]
async fn never_cosigns_a_time_before_the_newest() {
    static TIME_S: AtomicU64 = AtomicU64::new(2_000);
    let data = tempfile::tempdir().unwrap();
    let mut log = TestLog::new("log.example");
    init(data.path(), NAME).await.unwrap();
    let now = || TIME_S.load(Ordering::Relaxed);
    let witness = open_at(data.path(), &log.list(OFTEN), now).await.unwrap();
    assert_eq!(add(&witness, log.grow(1, "a").request(0)).await.0, 200);
    TIME_S.store(1_999, Ordering::Relaxed);
    assert_eq!(add(&witness, log.grow(1, "a").request(1)).await.0, 503);
    TIME_S.store(2_000, Ordering::Relaxed);
    assert_eq!(add(&witness, log.request(1)).await.0, 200);
}

#[tokio::test]
async fn our_client_and_our_witness_agree() {
    let data = tempfile::tempdir().unwrap();
    let mut log = TestLog::new("log.example");
    let witness = new(data.path(), &log.list(OFTEN)).await;
    let (url, client) = served(witness.router()).await;
    let cosigner = HttpCosigner::new(client, url, witness.keys());
    assert_eq!(cosigner.newest("log.example").await.unwrap(), None);
    log.grow(300, "a");
    let lines = cosigner.add_checkpoint(0, &[], &log.note()).await.unwrap();
    assert_eq!(verified(&lines.concat(), &log.checkpoint_at(300)).len(), 2);
    let size = match cosigner.add_checkpoint(7, &log.proof(7), &log.note()).await {
        Err(CosignError::Size { size }) => size,
        other => panic!("{other:?}"),
    };
    assert_eq!(size, 300);
    log.grow(1, "a");
    cosigner.add_checkpoint(300, &log.proof(300), &log.note()).await.unwrap();
    let newest = cosigner.newest("log.example").await.unwrap().unwrap();
    assert!(newest.starts_with("log.example\n301\n"));
}
