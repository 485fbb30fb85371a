//! What a log promises when nothing fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::{join_all, try_join_all};
use seal::Crypto;
use store::files::Files;
use store::memory::Memory;
use store::{Backend, Config, Log, Object, SubmitError, limits};
use tlog::map::Map;
use tlog::note::Note;
use tlog::tile::{ENTRY_SIZE_MAX, Tile};
use tlog::tree::{verify_consistency, verify_inclusion};
use tlog::{Checkpoint, Hash, cosignature};

use super::world::*;

async fn works(backend: Arc<dyn Backend>) {
    let mut oracle = oracle();
    let log = create(Arc::clone(&backend)).await;
    assert_eq!(log.published().unwrap().checkpoint.size, 0);
    let first = submit(&log, "a:1@a surface").await.unwrap();
    assert_eq!((first.index, first.is_duplicate), (0, false));
    let again = submit(&log, "a:1@a surface").await.unwrap();
    assert_eq!((again.index, again.is_duplicate), (0, true));
    let texts: Vec<String> = (0..1_500).map(|n| format!("b:{n}")).collect();
    let many = try_join_all(texts.iter().map(|text| submit(&log, text))).await.unwrap();
    let last = many.iter().map(|receipt| receipt.index).max().unwrap();
    let published = published_past(&log, last).await;
    for receipt in [first].into_iter().chain(many.clone()) {
        oracle.promised(receipt).unwrap();
        let proof = log.proof(receipt.index).await.unwrap().unwrap();
        let checkpoint = Checkpoint::open(proof.checkpoint.as_bytes(), &verifiers(), &Crypto);
        let checkpoint = checkpoint.unwrap();
        oracle.saw(&checkpoint).unwrap();
        let (size, root) = (checkpoint.size, checkpoint.root);
        verify_inclusion(receipt.leaf, receipt.index, size, &proof.hashes, root).unwrap();
    }
    let (at, latest) = log.latest(&["b".into(), "c".into()]).await.unwrap().unwrap();
    let leaf = Hash::of_leaf(&latest.map_leaf.to_entry());
    let (size, root) = (at.checkpoint.size, at.checkpoint.root);
    verify_inclusion(leaf, size - 1, size, &latest.hashes, root).unwrap();
    let newest = latest.paths[0].1.verify(latest.map_leaf.root, &Map::key("b")).unwrap();
    assert_eq!(newest.unwrap().index, last);
    assert_eq!(latest.paths[1].1.verify(latest.map_leaf.root, &Map::key("c")).unwrap(), None);

    log.close().await;
    assert!(matches!(submit(&log, "z:1").await, Err(SubmitError::Closed)));
    let audited = check(&mut oracle, &*backend).await;
    assert_eq!((audited.names, audited.objects), (2, 1));
    backend.release().await;
    let log = Log::open(Arc::clone(&backend), config()).await.unwrap();
    assert_eq!(log.published().unwrap().checkpoint, published.checkpoint);
    for receipt in &many {
        assert_eq!(log.find(receipt.leaf).await.unwrap(), Some(receipt.index));
        let read = log.entries(receipt.index, receipt.index + 1).await.unwrap();
        assert_eq!(Hash::of_leaf(&read[0]), receipt.leaf);
    }
    assert_eq!(log.entries(200, 900).await.unwrap().len(), 256);
    let digest = objects_of(b"a:1@a surface")[0];
    assert_eq!(log.object(&digest).await.unwrap(), Some(entry("a surface")));
    assert_eq!(log.find(Hash::of_leaf(b"nobody")).await.unwrap(), None);
}

#[tokio::test]
async fn a_log_in_memory_sequences_proves_and_opens_again() {
    works(Arc::new(Memory::new())).await;
}

#[tokio::test]
async fn a_log_in_files_sequences_proves_and_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    works(Arc::new(Files::new(folder.path().join("log")))).await;
}

#[tokio::test]
async fn tiles_are_those_of_published_sizes() {
    let log = create(Arc::new(Memory::new())).await;
    let texts: Vec<String> = (0..700).map(|n| format!("b:{n}")).collect();
    let receipts = try_join_all(texts.iter().map(|text| submit(&log, text))).await.unwrap();
    let last = receipts.iter().map(|receipt| receipt.index).max().unwrap();
    let size = published_past(&log, last).await.checkpoint.size;
    for tile in Tile::new_between(0, size) {
        assert!(log.tile(tile).await.unwrap().is_some(), "{tile}");
        let wider = Tile { width: tile.width + 1, ..tile };
        assert!(log.tile(wider).await.unwrap().is_none(), "{wider}");
    }
    let beyond = Tile { level: Some(0), index: u64::MAX, width: 1 };
    assert_eq!(log.tile(beyond).await.unwrap(), None);
    assert_eq!(log.tile(Tile { level: Some(200), ..beyond }).await.unwrap(), None);
}

#[tokio::test]
async fn every_published_checkpoint_is_consistent_with_the_one_before() {
    let log = create(Arc::new(Memory::new())).await;
    let mut oracle = oracle();
    let mut publications = log.publications();
    let mut old = publications.borrow_and_update().clone().unwrap();
    for round in 0..40_u64 {
        let texts: Vec<String> = (0..=round).map(|n| format!("r:{round}-{n}")).collect();
        let receipts = join_all(texts.iter().map(|text| submit(&log, text))).await;
        let last = receipts.last().unwrap().as_ref().unwrap().index;
        let new = published_past(&log, last).await;
        oracle.saw(&new.checkpoint).unwrap();
        let plan = tlog::tile::Plan::consistency(&new.checkpoint, old.checkpoint.size).unwrap();
        let mut tiles = Vec::new();
        for tile in plan.tiles() {
            tiles.push(log.tile(*tile).await.unwrap().unwrap());
        }
        let proof = plan.verify(&tiles).unwrap().consistency().unwrap();
        let (was, is) = (&old.checkpoint, &new.checkpoint);
        verify_consistency(was.size, was.root, is.size, is.root, &proof).unwrap();
        old = new;
    }
}

#[tokio::test]
async fn what_is_too_long_too_many_or_reserved_is_refused() {
    let log = create(Arc::new(Memory::new())).await;
    let longest = vec![b'a'; ENTRY_SIZE_MAX];
    assert_eq!(log.submit(longest.clone().into(), vec![]).await.unwrap().index, 0);
    let longer = [longest, vec![b'a']].concat();
    let code =
        |refused: Result<_, SubmitError>| refused.map(|_: store::Receipt| ()).unwrap_err().code();
    assert_eq!(code(log.submit(longer.into(), vec![]).await), "store.too-long");
    let object = |size: usize| Object::new(vec![b'o'; size].into());
    let large = object(limits::OBJECT_SIZE_MAX);
    assert!(log.submit(entry("a:large"), vec![large]).await.is_ok());
    let larger = object(limits::OBJECT_SIZE_MAX + 1);
    assert_eq!(code(log.submit(entry("a:larger"), vec![larger]).await), "store.too-long");
    let many = |count| (0..count).map(object).collect::<Vec<_>>();
    assert!(log.submit(entry("a:many"), many(limits::OBJECTS_MAX)).await.is_ok());
    assert_eq!(
        code(log.submit(entry("a:more"), many(limits::OBJECTS_MAX + 1)).await),
        "store.too-many"
    );
    let forged = tlog::map::MapLeaf { covers: 7, root: Hash::default() };
    assert_eq!(code(log.submit(forged.to_entry().into(), vec![]).await), "store.reserved");
}

#[tokio::test]
async fn a_queue_that_is_full_says_so_and_loses_nothing() {
    let log = create(Arc::new(Memory::new())).await;
    let texts: Vec<String> =
        (0..limits::QUEUE_LENGTH_MAX + 2_000).map(|n| format!("q:{n}")).collect();
    // None of them is polled twice before all are queued: the test has one thread.
    let answers = join_all(texts.iter().map(|text| submit(&log, text))).await;
    let full = answers.iter().filter(|answer| matches!(answer, Err(SubmitError::Full))).count();
    assert_eq!(full, 2_000);
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(SubmitError::Full))));
    let object = |n: u8| Object::new(vec![n; 1 << 20].into());
    let large: Vec<_> = (0..70).map(|n| (format!("large:{n}"), object(n))).collect();
    let large = large.into_iter().map(|(text, object)| log.submit(entry(&text), vec![object]));
    let answers = join_all(large).await;
    let full = answers.iter().filter(|answer| matches!(answer, Err(SubmitError::Full))).count();
    assert_eq!(full, 7, "64 MiB may wait, less what the entries take");
}

#[tokio::test]
async fn an_object_that_comes_late_is_kept() {
    let backend = Arc::new(Memory::new());
    let log = create(backend.clone()).await;
    let first = log.submit(entry("a:1@late"), vec![]).await.unwrap();
    let again = submit(&log, "a:1@late").await.unwrap();
    assert_eq!((again.index, again.is_duplicate), (first.index, true));
    assert_eq!(log.object(&objects_of(b"a:1@late")[0]).await.unwrap(), Some(entry("late")));
    log.close().await;
    assert_eq!(check(&mut oracle(), &*backend).await.size, 2);
}

static CLOCK_MS: AtomicU64 = AtomicU64::new(NOW_MS);

#[tokio::test]
async fn the_time_of_heads_never_goes_back() {
    let time_s = |log: &Log| {
        let published = log.published().unwrap();
        let note = Note::parse(published.note.as_bytes()).unwrap();
        let key = &verifiers()[1];
        let mut times = note.signatures().iter();
        times.find_map(|s| cosignature::verify(&published.checkpoint, s, key, &Crypto)).unwrap()
    };
    let config = || Config { clock: || CLOCK_MS.load(Ordering::Relaxed), ..config() };
    let backend = Arc::new(Memory::new());
    Log::create(&*backend, &config()).await.unwrap();
    let mut expected = NOW_MS / 1_000;
    let steps = [3_600_000_i64, -86_400_000, 0, -i64::try_from(NOW_MS).unwrap(), 9_000_000];
    for (step, n) in steps.into_iter().zip(0..) {
        let now = NOW_MS.saturating_add_signed(step);
        CLOCK_MS.store(now, Ordering::Relaxed);
        expected = expected.max(now / 1_000);
        // Every other step the log starts anew, and has to read the time from its head.
        let log = Log::open(backend.clone(), config()).await.unwrap();
        let receipt = submit(&log, &format!("t:{n}")).await.unwrap();
        published_past(&log, receipt.index).await;
        assert_eq!(time_s(&log), expected);
        log.close().await;
    }
}
