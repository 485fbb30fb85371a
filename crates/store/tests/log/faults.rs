//! Storage that fails: lost, applied but reported lost, torn, full. No promise is broken, nothing
//! forks, and the log goes on by itself once storage does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use store::fault::{Fault, Faults, Step};
use store::files::Files;
use store::memory::Memory;
use store::{Backend, Log, Receipt, StoreError, SubmitError};

use super::world::*;

/// Fails each `every`-th of a step.
fn each(step: Step, every: usize, fault: Fault) -> (Faults, Arc<AtomicUsize>) {
    let (count, failed) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&failed);
    let faults: Faults = Arc::new(move |asked| {
        let is_it = asked == step && (count.fetch_add(1, Ordering::Relaxed) + 1) % every == 0;
        is_it.then(|| {
            counted.fetch_add(1, Ordering::Relaxed);
            fault
        })
    });
    (faults, failed)
}

/// Submits until it is known to be in the log, as a client does.
async fn insist(log: &Log, text: &str) -> Receipt {
    loop {
        match submit(log, text).await {
            Ok(receipt) => return receipt,
            Err(
                SubmitError::Unknown { .. } | SubmitError::Recovering { .. } | SubmitError::Full,
            ) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// A log under load over a backend that fails keeps every promise.
async fn survives(what: &str, rounds: u64, backend: Arc<dyn Backend>, failed: &AtomicUsize) {
    let mut oracle = oracle();
    Log::create(&*backend, &config()).await.unwrap();
    let log = loop {
        match Log::open(Arc::clone(&backend), config()).await {
            Ok(log) => break log,
            Err(StoreError::Storage { .. }) => {}
            Err(error) => panic!("{what}: {error}"),
        }
    };
    let mut indices: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..rounds {
        let texts: Vec<String> =
            (0..400).map(|n| format!("s{}:{round}-{n}@o{}", n % 7, n % 90)).collect();
        let receipts = join_all(texts.iter().map(|text| insist(&log, text))).await;
        let last = receipts.iter().map(|receipt| receipt.index).max().unwrap();
        for (text, receipt) in texts.into_iter().zip(receipts) {
            oracle.promised(receipt).unwrap();
            indices.insert(text, receipt.index);
        }
        oracle.saw(&published_past(&log, last).await.checkpoint).unwrap();
    }
    for (text, index) in indices.iter().step_by(37) {
        let receipt = insist(&log, text).await;
        assert_eq!((receipt.index, receipt.is_duplicate), (*index, true), "{what}: {text}");
    }
    log.close().await;
    assert!(failed.load(Ordering::Relaxed) > 0, "{what}: nothing failed");
    let audited = loop {
        match oracle.check(&*backend).await {
            Ok(audited) => break audited,
            // The oracle reads the same storage, which goes on failing.
            Err(store::oracle::AuditError::Storage(StoreError::Storage { .. })) => {}
            Err(error) => panic!("{what}: {error}"),
        }
    };
    assert!(audited.size > rounds * 400, "{what}: {audited:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_memory_is_survived() {
    for fault in [Fault::Lost, Fault::Applied] {
        for (step, every) in [(Step::Commit, 3), (Step::Settle, 2), (Step::Publish, 2)] {
            let (faults, failed) = each(step, every, fault);
            let backend = Arc::new(Memory::with_faults(Some(faults)));
            let rounds = 12;
            survives(&format!("{step:?} {fault:?}"), rounds, backend, &failed).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_files_is_survived() {
    for fault in [Fault::Lost, Fault::Applied, Fault::Torn(1), Fault::Torn(5_000)] {
        for (step, every) in
            [(Step::Commit, 3), (Step::Sync, 4), (Step::Settle, 9), (Step::Publish, 3)]
        {
            let folder = tempfile::tempdir().unwrap();
            let (faults, failed) = each(step, every, fault);
            // Nothing is settled before there is much.
            let rounds = if step == Step::Settle { 14 } else { 4 };
            let backend = Arc::new(Files::with_faults(folder.path().join("log"), Some(faults)));
            survives(&format!("{step:?} {fault:?}"), rounds, backend, &failed).await;
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_a_freed_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let is_full = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_full);
    // A full disk takes the first bytes of what is written.
    let faults: Faults =
        Arc::new(move |_| told.load(Ordering::Relaxed).then_some(Fault::Torn(100)));
    let backend = Arc::new(Files::with_faults(folder.path().join("log"), Some(faults)));
    let log = create(backend.clone()).await;
    let before = submit(&log, "a:1").await.unwrap();
    is_full.store(true, Ordering::Relaxed);
    assert_eq!(submit(&log, "a:2").await.unwrap_err().code(), "store.unknown");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(submit(&log, "a:3").await.unwrap_err().code(), "store.recovering");
    is_full.store(false, Ordering::Relaxed);
    let after = insist(&log, "a:2").await;
    assert!(after.index > before.index);
    log.close().await;
    let mut oracle = oracle();
    oracle.promised(before).unwrap();
    oracle.promised(after).unwrap();
    check(&mut oracle, &*backend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_sequencers_never_fork_the_log() {
    let first = Arc::new(Memory::new());
    let second = Arc::new(first.another(None));
    let mut oracle = oracle();
    let one = create(first.clone()).await;
    let two = Log::open(second, config()).await.unwrap();
    for round in 0..20 {
        let texts = [format!("x:{round}"), format!("y:{round}")];
        // Each takes the lead from the other, whose memory is of no use from then on.
        let receipts = tokio::join!(insist(&one, &texts[0]), insist(&two, &texts[1]));
        oracle.promised(receipts.0).unwrap();
        oracle.promised(receipts.1).unwrap();
    }
    one.close().await;
    two.close().await;
    assert!(check(&mut oracle, &*first).await.size >= 80);
}

#[tokio::test]
async fn one_process_writes_a_folder_and_a_lock_left_behind_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = create(Arc::new(Files::new(&path))).await;
    let other: Arc<dyn Backend> = Arc::new(Files::new(&path));
    let refused = Log::open(other.clone(), config()).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.code(), "store.led");
    assert_eq!(Log::create(&*other, &config()).await.unwrap_err().code(), "store.led");
    log.close().await;
    assert!(path.join("lock").exists(), "the file stays, and is no lock");
    assert!(Log::open(other, config()).await.is_ok());
}
