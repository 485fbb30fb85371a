//! Copies: one made while the log runs, and one that is older than what the world has seen.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::try_join_all;
use store::files::Files;
use store::{Backend, Log};

use super::world::*;

/// Copies a folder of files in the order of their names.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    let mut entries: Vec<_> = std::fs::read_dir(from).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else if path.extension().is_none_or(|extension| extension != "new") {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// The order of `docs/guide/backup.md`.
fn back_up(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    std::fs::copy(from.join("checkpoint"), to.join("checkpoint")).unwrap();
    for part in ["journal", "tile", "objects"] {
        if from.join(part).exists() {
            copy(&from.join(part), &to.join(part));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_running_log_in_the_right_order_is_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let (root, copied) = (folder.path().join("log"), folder.path().join("copy"));
    let log = create(Arc::new(Files::new(&root))).await;
    let mut oracle = oracle();
    for round in 0..30 {
        let texts: Vec<String> = (0..255).map(|n| format!("a:{round}-{n}@{n}")).collect();
        let receipts = try_join_all(texts.iter().map(|text| submit(&log, text))).await.unwrap();
        if round == 14 {
            for receipt in receipts {
                oracle.promised(receipt).unwrap();
            }
            let (from, to) = (root.clone(), copied.clone());
            let copying = tokio::task::spawn_blocking(move || back_up(&from, &to));
            submit(&log, "meanwhile:1").await.unwrap();
            copying.await.unwrap();
        }
    }
    log.close().await;
    let backend: Arc<dyn Backend> = Arc::new(Files::new(&copied));
    let restored = Log::open(backend.clone(), config()).await.unwrap();
    restored.close().await;
    assert!(check(&mut oracle, &*backend).await.size >= 15 * 256);
}
