//! Replicas, the database and the lines between them are killed at random moments, under load.
//!
//! `KILLS=1000 cargo test -p countersign-store --test scale -- --ignored kills::a_thousand` is the long
//! form.

use std::sync::mpsc;
use std::time::Duration;

use harness::random::Random;
use sqlx::Connection as _;
use store::Log;

use crate::replica::{Replica, Said};
use crate::verify::{Promises, verify};
use crate::world::{World, config, run};

#[test]
fn replicas_killed_under_load_lose_nothing_and_never_fork() {
    let mut random = Random::new(4);
    kill(8, &mut random);
}

#[test]
#[ignore = "takes half an hour"]
fn a_thousand() {
    let kills = std::env::var("KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let mut random =
        Random::new(std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1));
    let mut done = 0;
    while done < kills {
        // A log of its own for each part: a replica reads all of a log when it starts.
        let part = (kills - done).min(50);
        let (size, acknowledged, terms) = kill(part, &mut random);
        done += part;
        eprintln!(
            "{done} kills; this log: {terms} leads, {size} entries, {acknowledged} acknowledged"
        );
    }
}

/// Kills `count` times, and verifies everything after each tenth and at the end.
fn kill(count: u32, random: &mut Random) -> (u64, usize, i64) {
    let mut world = World::new();
    let (direct, proxied) = (world.direct(), world.proxied());
    run(async { Log::create(&world.open_direct().await, &config()).await.unwrap() });
    let (sender, said) = mpsc::channel();
    let mut promises = Promises::default();
    let mut generation = 0;
    let mut start = |index: usize, random: &mut Random| {
        generation += 1;
        let place = if index == 0 { &direct } else { &proxied };
        // Its clock is wrong by up to an hour either way.
        let clock_ms = i64::try_from(random.below(7_200_000)).unwrap() - 3_600_000;
        Replica::start(&format!("r{generation}"), place, clock_ms, sender.clone())
    };
    let mut replicas = vec![start(0, random), start(1, random)];
    wait_for_load(&said, &mut promises);
    let (mut size, mut oldest) = (0, 0);
    for round in 1..=count {
        std::thread::sleep(Duration::from_millis(u64::try_from(random.below(400)).unwrap()));
        match random.below(10) {
            0 => {
                world.postgres.kill();
                world.postgres.restart();
            }
            1 => {
                world.to_postgres.cut();
                std::thread::sleep(Duration::from_millis(
                    u64::try_from(random.below(1_500)).unwrap(),
                ));
                world.to_postgres.heal();
            }
            other => {
                // Who has run longer leads, mostly.
                let index = if other < 8 { oldest } else { 1 - oldest };
                oldest = 1 - index;
                assert!(!replicas[index].has_ended(), "a replica ended by itself");
                replicas[index].kill();
                replicas[index] = start(index, random);
            }
        }
        // Sometimes the next comes before the log has recovered from this one.
        listen_all(&said, &mut promises);
        let wanted = promises.entries.len() + random.below(60).saturating_sub(8);
        while promises.entries.len() < wanted {
            listen(&said, &mut promises, Duration::from_secs(30));
        }
        if round % 10 == 0 || round == count {
            listen_all(&said, &mut promises);
            run(async { size = verify(&world.open_direct().await, &promises).await });
        }
    }
    drop(replicas);
    std::thread::sleep(Duration::from_millis(200));
    listen_all(&said, &mut promises);
    run(async { size = verify(&world.open_direct().await, &promises).await });
    assert!(promises.checkpoints.len() > 1, "checkpoints were shown");
    let mut terms = 0;
    run(async { terms = leads(&direct.0).await });
    assert!(terms > i64::from(count / 8), "{terms} leads: it was not leaders that were killed");
    (size, promises.entries.len(), terms)
}

/// How often the lead was taken.
async fn leads(database: &str) -> i64 {
    let mut connection = sqlx::PgConnection::connect(database).await.unwrap();
    sqlx::query_scalar("SELECT term FROM log_heads").fetch_one(&mut connection).await.unwrap()
}

fn wait_for_load(said: &mpsc::Receiver<Said>, promises: &mut Promises) {
    while promises.entries.len() < 20 {
        listen(said, promises, Duration::from_secs(30));
    }
}

fn listen_all(said: &mpsc::Receiver<Said>, promises: &mut Promises) {
    for it in said.try_iter() {
        note(it, promises);
    }
}

fn listen(said: &mpsc::Receiver<Said>, promises: &mut Promises, time: Duration) {
    note(said.recv_timeout(time).expect("the replicas go on"), promises);
}

fn note(said: Said, promises: &mut Promises) {
    match said {
        Said::Acknowledged(index, entry) => {
            let before = promises.entries.insert(index, entry.clone().into_bytes());
            let is_same = before.is_none_or(|before| before == entry.as_bytes());
            assert!(is_same, "the index {index} was given twice");
        }
        Said::Shown(note) => promises.checkpoints.push(note),
    }
}
