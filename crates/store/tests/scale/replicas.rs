//! Two replicas of one log, in one process.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use harness::Fault;
use seal::Crypto;
use store::scale::Scale;
use store::{Log, Object, Replicated as _, StoreError};
use tlog::{Hash, tree};

use crate::verify::{Promises, verify};
use crate::world::{ORIGIN, World, config, run, verifiers};

#[test]
fn a_follower_shows_what_the_leader_commits_and_what_it_is_asked_to_add_is_sequenced() {
    let world = World::new();
    run(async {
        let scale = world.open_direct().await;
        Log::create(&scale, &config()).await.unwrap();
        let leader = Log::open(Arc::new(scale.clone()), config()).await.unwrap();
        let follower = Log::open(Arc::new(world.open_direct().await), config()).await.unwrap();

        let first = leader.submit(Bytes::from("a:1"), vec![]).await.unwrap();
        assert_eq!(first.index, 0);
        let object = Object::new(Bytes::from_static(b"a surface"));
        let second = follower.submit(Bytes::from("b:1"), vec![object.clone()]).await.unwrap();
        assert_eq!((second.index, second.is_duplicate), (2, false), "after the leaf of the map");
        let again = follower.submit(Bytes::from("b:1"), vec![object.clone()]).await.unwrap();
        assert_eq!((again.index, again.is_duplicate), (2, true));
        let other = Object::new(Bytes::from_static(b"another surface"));
        let again = follower.submit(Bytes::from("a:1"), vec![other.clone()]).await.unwrap();
        assert_eq!((again.index, again.is_duplicate), (0, true));
        for log in [&leader, &follower] {
            assert_eq!(log.object(&object.digest()).await.unwrap().unwrap(), "a surface");
            assert_eq!(log.object(&other.digest()).await.unwrap().unwrap(), "another surface");
            is_proven(log, second.index, b"b:1").await;
            let (published, latest) = log.latest(&["b".to_owned()]).await.unwrap().unwrap();
            assert_eq!(latest.map_leaf.covers, published.checkpoint.size - 1);
        }
        // One's own map leaf is nobody's to add, through no door.
        let stated = tlog::map::MapLeaf { covers: 4, root: Hash::of_nothing() };
        let refused = follower.submit(Bytes::from(stated.to_entry()), vec![]).await.unwrap_err();
        assert_eq!(refused.code(), "store.reserved");

        let mut promises = Promises::default();
        promises.entries.insert(0, b"a:1".to_vec());
        promises.entries.insert(2, b"b:1".to_vec());
        promises.checkpoints.push(follower.published().unwrap().note.clone());
        leader.close().await;
        let third = follower.submit(Bytes::from("c:1"), vec![]).await.unwrap();
        promises.entries.insert(third.index, b"c:1".to_vec());
        follower.close().await;
        verify(&scale, &promises).await;
    });
}

#[test]
fn a_leader_cut_off_becomes_a_follower_and_nothing_it_acknowledged_is_lost() {
    let world = World::new();
    run(async {
        let (cut, other) = (short(world.open().await), short(world.open_direct().await));
        Log::create(&cut, &config()).await.unwrap();
        let first = Log::open(Arc::new(cut.clone()), config()).await.unwrap();
        let second = Log::open(Arc::new(other.clone()), config()).await.unwrap();
        let mut promises = Promises::default();
        for round in 0..3_u32 {
            for log in [&first, &second] {
                add(log, &format!("n{round}:before"), &mut promises).await;
            }
            // Whoever leads: the first replica is cut off, and the second goes on without it.
            world.to_postgres.cut();
            add(&second, &format!("n{round}:meanwhile"), &mut promises).await;
            let alone = first.submit(Bytes::from(format!("n{round}:alone")), vec![]).await;
            assert!(alone.is_err(), "nothing is acknowledged that is nowhere: {alone:?}");
            world.to_postgres.heal();
            for log in [&first, &second] {
                add(log, &format!("n{round}:after"), &mut promises).await;
                promises.checkpoints.extend(log.published().map(|it| it.note.clone()));
            }
        }
        verify(&other, &promises).await;
        let size = *first.sizes().borrow();
        first.entries(0, size).await.unwrap();
    });
}

#[test]
fn answers_lost_under_load_neither_lose_nor_double_an_entry() {
    let world = World::new();
    run(async {
        let scale = short(world.open().await);
        Log::create(&scale, &config()).await.unwrap();
        let log = Log::open(Arc::new(scale.clone()), config()).await.unwrap();
        let mut promises = Promises::default();
        for (round, fault) in [Fault::AnswerLost, Fault::CutAtOnce, Fault::Lost, Fault::AnswerLost]
            .into_iter()
            .enumerate()
        {
            world.to_postgres.fail(format!("{ORIGIN}\n"), fault, 1);
            for number in 0..20 {
                add(&log, &format!("n{round}:{number}"), &mut promises).await;
            }
            assert_eq!(world.to_postgres.hits(), 1, "{fault:?}");
            promises.checkpoints.extend(log.published().map(|it| it.note.clone()));
        }
        verify(&scale, &promises).await;
    });
}

#[test]
fn a_follower_that_lagged_reads_the_log_from_its_tiles() {
    let world = World::new();
    run(async {
        let scale = world.open_direct().await;
        Log::create(&scale, &config()).await.unwrap();
        let leader = Log::open(Arc::new(scale.clone()), config()).await.unwrap();
        let follower = Log::open(Arc::new(world.open().await), config()).await.unwrap();
        add(&leader, "a:0", &mut Promises::default()).await;
        world.to_postgres.cut();
        let count = 25_000_u32;
        for start in (0..count).step_by(1_000) {
            let adding = (start..start + 1_000)
                .map(|n| leader.submit(Bytes::from(format!("n{n}:x")), vec![]));
            futures_util::future::try_join_all(adding).await.unwrap();
        }
        let size = *leader.sizes().borrow();
        let missed = scale.follow(2).await;
        assert!(
            matches!(missed, Err(StoreError::Moved { .. })),
            "what was missed is still in rows"
        );
        world.to_postgres.heal();
        follower.sizes().wait_for(|at| *at >= size).await.unwrap();
        let last = follower.entries(size - 2, size).await.unwrap();
        assert_eq!(last, leader.entries(size - 2, size).await.unwrap());
        is_proven(&follower, 0, b"a:0").await;
        verify(&scale, &Promises::default()).await;
    });
}

/// Adds an entry as a client does that is told to try again.
async fn add(log: &Log, text: &str, promises: &mut Promises) {
    loop {
        match log.submit(Bytes::from(text.to_owned()), vec![]).await {
            Ok(receipt) => {
                promises.entries.insert(receipt.index, text.as_bytes().to_vec());
                return;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// The proof of an entry, from what is published, verifies.
async fn is_proven(log: &Log, index: u64, entry: &[u8]) {
    let mut publications = log.publications();
    let covers = |it: &Option<Arc<store::log::Published>>| {
        it.as_ref().is_some_and(|it| it.checkpoint.size > index)
    };
    publications.wait_for(covers).await.unwrap();
    let proof = log.proof(index).await.unwrap().unwrap();
    let note = proof.checkpoint.as_bytes();
    let head = tlog::Checkpoint::open(note, &verifiers(), &Crypto).unwrap();
    let leaf = Hash::of_leaf(entry);
    tree::verify_inclusion(leaf, index, head.size, &proof.hashes, head.root).unwrap();
}

fn short(scale: Scale) -> Scale {
    scale.set_lease(Duration::from_secs(1));
    scale
}
