//! Files that a crash or a failing disk left behind: what was never finished is dropped, what was
//! changed is found.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::try_join_all;
use store::files::Files;
use store::{Log, StoreError};

use super::world::*;

/// The record files of a log, oldest first.
fn records(root: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(root.join("journal")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// A closed log of `rounds` batches of one entry, and where in its record file each ends.
async fn small(root: &Path, rounds: u64) -> Vec<usize> {
    let log = create(Arc::new(Files::new(root))).await;
    let mut ends = vec![std::fs::read(&records(root)[0]).unwrap().len()];
    for n in 0..rounds {
        assert_eq!(submit(&log, &format!("a:{n}@{n}")).await.unwrap().index, n * 2);
        ends.push(std::fs::read(&records(root)[0]).unwrap().len());
    }
    log.close().await;
    ends
}

async fn open(root: &Path) -> Result<Log, StoreError> {
    Log::open(Arc::new(Files::new(root)), config()).await
}

#[tokio::test]
async fn a_last_record_torn_at_any_byte_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("log");
    let ends = small(&root, 3).await;
    // As if the published checkpoint had not come that far.
    std::fs::remove_file(root.join("checkpoint")).unwrap();
    let path = records(&root)[0].clone();
    let whole = std::fs::read(&path).unwrap();
    let (last, end) = (ends[2], ends[3]);
    let near = (last..last + 45).chain(end - 20..end);
    for cut in near.chain((last..end).step_by(331)) {
        for unwritten in [false, true] {
            let mut torn = whole[..cut].to_vec();
            if unwritten {
                // The length of the file was recorded, and its last sectors were not written.
                torn.truncate((cut / 512 * 512).max(last));
                torn.resize(end, 0);
            }
            std::fs::write(&path, &torn).unwrap();
            let log = open(&root).await.unwrap_or_else(|error| panic!("{cut}: {error}"));
            assert_eq!(*log.sizes().borrow(), 4, "{cut}");
            let receipt = submit(&log, "a:2@2").await.unwrap();
            assert_eq!((receipt.index, receipt.is_duplicate), (4, false));
            log.close().await;
            let backend = Files::new(&root);
            assert_eq!(check(&mut oracle(), &backend).await.size, 6);
            std::fs::remove_file(root.join("checkpoint")).unwrap();
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_anywhere_in_a_record_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("log");
    let ends = small(&root, 2).await;
    let path = records(&root)[0].clone();
    let whole = std::fs::read(&path).unwrap();
    let headers = ends[..2].iter().flat_map(|start| *start..start + 40);
    for at in (0..40).chain(headers).chain((0..whole.len()).step_by(97)) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(&path, &flipped).unwrap();
        let error = open(&root).await.map(|_| ()).unwrap_err();
        assert_eq!(error.code(), "store.damaged", "byte {at}");
    }
    // A record in the middle that is cut short is not the end of the log.
    let hole = [&whole[..ends[1] - 9], &whole[ends[1]..]].concat();
    std::fs::write(&path, hole).unwrap();
    assert_eq!(open(&root).await.map(|_| ()).unwrap_err().code(), "store.damaged");
    std::fs::write(&path, &whole).unwrap();
    assert!(open(&root).await.is_ok());
}

/// A closed log with full tiles.
async fn settled(root: &Path) -> u64 {
    let log = create(Arc::new(Files::new(root))).await;
    for round in 0..20 {
        let texts: Vec<String> = (0..255).map(|n| format!("a:{round}-{n}")).collect();
        try_join_all(texts.iter().map(|text| submit(&log, text))).await.unwrap();
    }
    log.close().await;
    *log.sizes().borrow()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_missing_or_foreign_tile_or_bundle_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("log");
    assert!(settled(&root).await > 5_000);
    assert!(!records(&root)[0].ends_with("00000000000000000000.log"), "settled records are gone");
    let tiles = ["tile/0/000", "tile/0/007", "tile/0/015", "tile/entries/000", "tile/entries/015"];
    for tile in tiles {
        let path = root.join(tile);
        let whole = std::fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 3) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            std::fs::write(&path, &flipped).unwrap();
            let error = open(&root).await.map(|_| ()).unwrap_err();
            assert_eq!(error.code(), "store.damaged", "{tile} at {at}");
        }
        let longer = [&*whole, b"x"].concat();
        std::fs::write(&path, longer).unwrap();
        assert_eq!(open(&root).await.map(|_| ()).unwrap_err().code(), "store.damaged", "{tile}");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(open(&root).await.map(|_| ()).unwrap_err().code(), "store.damaged", "{tile}");
        std::fs::write(&path, whole).unwrap();
    }
    // What is damaged while the log runs is never handed out.
    let log = open(&root).await.unwrap();
    let path = root.join("tile/entries/003");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[5] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let refused = log.entries(3 * 256, 3 * 256 + 1).await.unwrap_err();
    assert_eq!(refused.code(), "store.damaged");
    let path = root.join("tile/0/014");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[9] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(log.proof(14 * 256 + 200).await.unwrap_err().code(), "store.damaged");
}

#[tokio::test]
async fn a_log_is_made_by_create_and_by_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("log");
    assert_eq!(open(&root).await.map(|_| ()).unwrap_err().code(), "store.missing");
    assert!(!root.exists());
    small(&root, 2).await;
    let again = Log::create(&Files::new(&root), &config()).await.unwrap_err();
    assert_eq!(again.code(), "store.exists");
    // A folder that lost its records is neither a log nor a place for a new one.
    std::fs::remove_dir_all(root.join("journal")).unwrap();
    assert_eq!(open(&root).await.map(|_| ()).unwrap_err().code(), "store.missing");
    let again = Log::create(&Files::new(&root), &config()).await.unwrap_err();
    assert_eq!(again.code(), "store.exists");
}

#[tokio::test]
async fn a_damaged_object_is_never_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("log");
    let backend = Arc::new(Files::new(&root));
    let log = create(backend.clone()).await;
    let texts: Vec<String> = (0..300).map(|n| format!("a:{n}@object {n}")).collect();
    try_join_all(texts.iter().map(|text| submit(&log, text))).await.unwrap();
    log.close().await;
    // A record file goes once all of its entries are in full bundles.
    let log = open(&root).await.unwrap();
    let more: Vec<String> = (0..300).map(|n| format!("b:{n}")).collect();
    try_join_all(more.iter().map(|text| submit(&log, text))).await.unwrap();
    log.close().await;
    let digest = objects_of(texts[0].as_bytes())[0];
    let hex = digest.to_string().replace("sha256:", "");
    let path = root.join("objects").join(&hex[..2]).join(&hex);
    let log = open(&root).await.unwrap();
    assert_eq!(log.object(&digest).await.unwrap(), Some(entry("object 0")));
    if path.exists() {
        std::fs::write(&path, "object 1").unwrap();
        assert_eq!(log.object(&digest).await.unwrap_err().code(), "store.damaged");
    } else {
        panic!("the object of a settled entry has a file");
    }
}

#[tokio::test]
async fn another_key_or_origin_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("log");
    small(&root, 1).await;
    let stranger = store::Config {
        keys: vec![key(ORIGIN, 9, tlog::note::Algorithm::Ed25519), keys()[1].clone()],
        ..config()
    };
    let refused = Log::open(Arc::new(Files::new(&root)), stranger).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.code(), "store.damaged");
    // A log without a map is not opened as one with a map, nor are names read in another way.
    let other = store::Config { names_of: Some(|_| vec!["x".into()]), ..config() };
    let refused = Log::open(Arc::new(Files::new(&root)), other).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.code(), "store.damaged");
}
