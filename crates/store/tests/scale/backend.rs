//! The contract of `Backend` and `Shared`, and what happens to it when parts fail.

use std::time::{Duration, Instant};

use bytes::Bytes;
use harness::Fault;
use store::backend::{Backend as _, Commit, Replicated as _, Submission};
use store::{Object, StoreError};
use tlog::tile::Tile;

use crate::world::{ORIGIN, PREFIX, World, open, run};

#[test]
fn a_log_is_made_once_and_only_by_name() {
    let world = World::new();
    run(async {
        let it = world.open().await;
        assert!(matches!(it.load().await, Err(StoreError::Missing { .. })), "no tables");
        it.create(&head(0, "first")).await.unwrap();
        let again = it.create(&head(0, "second")).await;
        assert!(matches!(again, Err(StoreError::Exists { .. })));
        let loaded = it.load().await.unwrap();
        assert_eq!(loaded.head, head(0, "first"));
        assert_eq!((loaded.published, loaded.settled_size, loaded.entries.len()), (None, 0, 0));
    });
}

#[test]
fn what_is_committed_settled_and_published_is_found_again() {
    let world = World::new();
    run(async {
        let it = made(&world).await;
        let object = Object::new(Bytes::from(vec![7; 100_000]));
        let mut first = commit(0, 200, "a");
        first.objects = vec![object.clone(), object.clone()];
        it.commit(&first).await.unwrap();
        it.commit(&commit(200, 100, "b")).await.unwrap();
        assert_eq!(it.object(&object.digest()).await.unwrap().as_ref(), Some(object.bytes()));

        let tiles =
            [(tile(0), Bytes::from_static(b"hashes")), (bundle(0), Bytes::from_static(b"entries"))];
        it.settle(256, &tiles).await.unwrap();
        it.settle(256, &tiles).await.unwrap();
        assert_eq!(it.object(&object.digest()).await.unwrap().as_ref(), Some(object.bytes()));
        assert_eq!(it.tile(tile(0)).await.unwrap().unwrap(), "hashes");
        assert_eq!(it.tile(tile(1)).await.unwrap(), None);
        it.publish(&head(300, "b")).await.unwrap();
        let smaller = it.publish(&head(200, "a")).await;
        assert!(matches!(smaller, Err(StoreError::Moved { .. })), "{smaller:?}");
        let larger = it.publish(&head(301, "c")).await;
        assert!(matches!(larger, Err(StoreError::Moved { .. })), "{larger:?}");

        it.release().await;
        let next = world.open_direct().await.load().await.unwrap();
        assert_eq!(next.head, head(300, "b"));
        assert_eq!(next.published, Some(head(300, "b")));
        assert_eq!((next.settled_size, next.entries.len()), (256, 44));
        assert_eq!(next.entries[0], commit(200, 100, "b").entries[56]);
    });
}

#[test]
fn a_commit_from_another_size_changes_nothing() {
    let world = World::new();
    run(async {
        let it = made(&world).await;
        it.commit(&commit(0, 3, "a")).await.unwrap();
        for wrong in [0, 2, 4] {
            let result = it.commit(&commit(wrong, 3, "b")).await;
            assert!(matches!(result, Err(StoreError::Moved { actual: 3, .. })), "{result:?}");
        }
        assert_eq!(it.load().await.unwrap().head, head(3, "a"));
    });
}

#[test]
fn a_lapsed_leader_is_fenced_though_it_never_noticed() {
    let world = World::new();
    run(async {
        let old = made(&world).await;
        old.commit(&commit(0, 1, "a")).await.unwrap();
        let new = world.open_direct().await;
        // The old leader is cut off, not dead: its commits wait to be sent.
        world.to_postgres.cut();
        let start = Instant::now();
        new.load().await.unwrap();
        assert!(start.elapsed() > Duration::from_secs(4), "the lease had not lapsed");
        world.to_postgres.heal();
        let late = old.commit(&commit(1, 1, "late")).await;
        assert!(late.is_err(), "a lost connection is no success");
        let late = old.commit(&commit(1, 1, "late")).await;
        assert!(matches!(late, Err(StoreError::Led { .. })), "{late:?}");
        assert!(matches!(old.publish(&head(1, "a")).await, Err(StoreError::Led { .. })));
        assert!(matches!(old.settle(0, &[]).await, Err(StoreError::Led { .. })));
        new.commit(&commit(1, 1, "b")).await.unwrap();
        assert_eq!(new.load().await.unwrap().head, head(2, "b"));
    });
}

#[test]
fn a_leader_that_lives_keeps_the_lead_and_one_that_stops_hands_it_over() {
    let world = World::new();
    run(async {
        let old = made(&world).await;
        let new = world.open_direct().await;
        assert!(matches!(new.load().await, Err(StoreError::Led { .. })), "it is kept by its beat");
        old.commit(&commit(0, 1, "a")).await.unwrap();
        old.release().await;
        assert!(old.commit(&commit(1, 1, "b")).await.is_err(), "what was given up is not kept");
        let start = Instant::now();
        new.load().await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(2), "nobody waits for a lease given up");
    });
}

#[test]
fn a_commit_whose_answer_is_lost_is_there_whole_or_never_will_be() {
    let world = World::new();
    run(async {
        let it = made(&world).await;
        let mut size = 0;
        for (round, fault) in [Fault::Lost, Fault::AnswerLost, Fault::CutAtOnce]
            .into_iter()
            .cycle()
            .take(12)
            .enumerate()
        {
            // The head's own text is only in commits: beats and looks pass.
            world.to_postgres.fail(format!("{ORIGIN}\n"), fault, 1);
            let mark = format!("round {round}");
            let result = it.commit(&commit(size, 5, &mark)).await;
            assert!(matches!(result, Err(StoreError::Storage { .. })), "{fault:?}: {result:?}");
            assert_eq!(world.to_postgres.hits(), 1, "{fault:?}");
            let loaded = it.load().await.unwrap();
            if fault == Fault::AnswerLost {
                assert_eq!(loaded.head, head(size + 5, &mark), "{fault:?}");
            } else if fault == Fault::Lost {
                assert_ne!(loaded.head, head(size + 5, &mark), "{fault:?}");
            }
            size = loaded.entries.len() as u64;
            // What was not there when the lead was taken anew never comes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert_eq!(it.load().await.unwrap().head, loaded.head, "{fault:?}");
            it.commit(&commit(size, 1, "after")).await.unwrap();
            size += 1;
        }
    });
}

#[test]
fn a_database_killed_under_load_keeps_what_it_acknowledged() {
    let mut world = World::new();
    run(async {
        let it = made(&world).await;
        let mut size = 0;
        for _ in 0..3 {
            let until = Instant::now() + Duration::from_millis(300);
            let committing = async {
                let mut acknowledged = size;
                while it.commit(&commit(acknowledged, 10, "x")).await.is_ok() {
                    acknowledged += 10;
                }
                acknowledged
            };
            let killing = async {
                tokio::time::sleep_until(until.into()).await;
                world.postgres.kill();
            };
            let (acknowledged, ()) = tokio::join!(committing, killing);
            assert!(acknowledged > size, "it was under load");
            world.postgres.restart();
            let loaded = it.load().await.unwrap();
            size = loaded.entries.len() as u64;
            assert!(size == acknowledged || size == acknowledged + 10, "{size} of {acknowledged}");
            assert_eq!(loaded.head, head(size, "x"));
        }
    });
}

#[test]
fn an_object_store_that_fails_delays_settling_and_loses_nothing() {
    let world = World::new();
    run(async {
        let it = made(&world).await;
        it.commit(&commit(0, 256, "a")).await.unwrap();
        let tiles =
            [(tile(0), Bytes::from_static(b"hashes")), (bundle(0), Bytes::from_static(b"entries"))];
        let put = format!("PUT /countersign/{PREFIX}/tile");
        world.to_s3.fail(put.clone(), Fault::Failed, 100);
        let failed = it.settle(256, &tiles).await;
        assert!(matches!(failed, Err(StoreError::Storage { .. })), "{failed:?}");
        assert_eq!(it.load().await.unwrap().settled_size, 0);
        for fault in [Fault::Lost, Fault::AnswerLost, Fault::AnsweredFailed, Fault::Failed] {
            world.to_s3.fail(put.clone(), fault, 1);
            it.settle(256, &tiles).await.unwrap();
            assert_eq!(world.to_s3.hits(), 1, "{fault:?}");
        }
        assert_eq!(it.tile(bundle(0)).await.unwrap().unwrap(), "entries");
        assert_eq!(it.load().await.unwrap().settled_size, 256);
    });
}

#[test]
fn a_tile_that_is_there_with_other_bytes_is_damage() {
    let world = World::new();
    run(async {
        let it = made(&world).await;
        it.commit(&commit(0, 256, "a")).await.unwrap();
        world.s3.overwrite(&format!("{PREFIX}/tile/0/000"), b"other hashes");
        let result = it.settle(256, &[(tile(0), Bytes::from_static(b"hashes"))]).await;
        assert!(matches!(result, Err(StoreError::Damaged { .. })), "{result:?}");
        assert_eq!(it.load().await.unwrap().settled_size, 0);
    });
}

#[test]
fn a_follower_reads_each_commit_and_what_it_hands_in_waits_for_the_leader() {
    let world = World::new();
    run(async {
        let leader = made(&world).await;
        let follower = world.open_direct().await;
        leader.commit(&commit(0, 2, "a")).await.unwrap();
        let read = follower.read().await.unwrap();
        assert_eq!((read.head, read.entries.len()), (head(2, "a"), 2));

        // A follower that is told nothing for a while says so, and asks again.
        let told = async {
            loop {
                let followed = follower.follow(2).await.unwrap();
                if !followed.commits.is_empty() {
                    return followed;
                }
            }
        };
        let (followed, ()) = tokio::join!(told, async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            leader.commit(&commit(2, 3, "b")).await.unwrap();
        });
        assert_eq!(followed.commits, [commit(2, 3, "b")]);
        assert!(!followed.is_lead_free);

        let object = Object::new(Bytes::from_static(b"an object"));
        let one = Submission { entry: Bytes::from_static(b"one"), objects: vec![object.clone()] };
        let two = Submission { entry: Bytes::from_static(b"two"), objects: vec![] };
        follower.hand_in(&[two, one.clone()]).await.unwrap();
        follower.hand_in(std::slice::from_ref(&one)).await.unwrap();
        let handed_in = leader.handed_in().await.unwrap();
        let mut entries: Vec<_> = handed_in.iter().map(|it| it.entry.clone()).collect();
        entries.sort();
        assert_eq!(entries, ["one", "two"]);
        assert_eq!(leader.object(&object.digest()).await.unwrap().unwrap(), "an object");
        leader.forget(&handed_in).await.unwrap();
        assert!(leader.handed_in().await.unwrap().is_empty());
        leader.release().await;
        assert!(follower.follow(5).await.unwrap().is_lead_free);
    });
}

#[test]
fn an_unsafe_place_is_refused_before_anything_is_sent() {
    let world = World::new();
    run(async {
        let (database, objects) = world.direct();
        let with_password = database.replace("countersign@", "countersign:secret-word@");
        let remote = objects.replace("127.0.0.1", "192.0.2.1");
        let quiet = objects.replace("&allow_http=true", "");
        let keyed = objects.replace("s3://", "s3://key:secret-word@");
        for (database, objects) in [
            (&with_password, &objects),
            (&database, &remote),
            (&database, &quiet),
            (&database, &keyed),
            (&"mysql://127.0.0.1/x".to_owned(), &objects),
        ] {
            let error = open(&(database.clone(), objects.clone())).await.err().unwrap();
            let text = format!("{error} {error:?}");
            assert!(matches!(error, StoreError::Storage { .. }), "{text}");
            assert!(!text.contains("secret-word"), "{text}");
        }
    });
}

#[test]
fn a_database_that_may_lose_commits_is_refused() {
    let mut world = World::new();
    world.postgres.configure("fsync = off");
    run(async {
        let result = open(&world.direct()).await.err().unwrap();
        assert!(matches!(result, StoreError::Damaged { .. }), "{result:?}");
    });
}

async fn made(world: &World) -> store::scale::Scale {
    let it = world.open().await;
    it.create(&head(0, "new")).await.unwrap();
    it.load().await.unwrap();
    it
}

fn commit(previous_size: u64, count: u64, mark: &str) -> Commit {
    let entries = (previous_size..previous_size + count)
        .map(|index| Bytes::from(format!("entry {index}")))
        .collect();
    Commit { previous_size, entries, objects: Vec::new(), head: head(previous_size + count, mark) }
}

fn head(size: u64, mark: &str) -> String {
    format!("{ORIGIN}\n{size}\n{mark}\n\n- a signature\n")
}

fn tile(index: u64) -> Tile {
    Tile { level: Some(0), index, width: 256 }
}

fn bundle(index: u64) -> Tile {
    Tile { level: None, index, width: 256 }
}
