//! A replica as a process of its own: it adds entries under load, and says what was acknowledged and
//! shown, line by line, until it is killed.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use harness::S3;
use store::{Log, Object, scale};

use crate::world::{ORIGIN, config, run_for};

/// A process that is killed when this is dropped.
pub(crate) struct Replica {
    child: Child,
}

/// What a replica says.
#[derive(Debug)]
pub(crate) enum Said {
    /// An entry has this index.
    Acknowledged(u64, String),
    /// A checkpoint was shown to readers.
    Shown(String),
}

impl Replica {
    /// Starts a replica named `name`, whose clock is wrong by `clock_ms`.
    pub(crate) fn start(
        name: &str,
        (database, objects): &(String, String),
        clock_ms: i64,
        said: Sender<Said>,
    ) -> Self {
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "replica::process", "--ignored", "--nocapture", "--test-threads=1"])
            .env("REPLICA", name)
            .env("DATABASE", database)
            .env("OBJECTS", objects)
            .env("CLOCK_WRONG_MS", clock_ms.to_string())
            .env("AWS_ACCESS_KEY_ID", S3::KEY)
            .env("AWS_SECRET_ACCESS_KEY", S3::KEY)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
                // The last line of a killed process may be cut off: nobody was told that.
                if let Some(whole) = line.strip_suffix('\n')
                    && let Some(it) = parse(whole)
                {
                    let _ = said.send(it);
                }
                line.clear();
            }
        });
        Self { child }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it ended by itself, which it never should.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.kill();
    }
}

fn parse(line: &str) -> Option<Said> {
    if let Some(rest) = line.strip_prefix("acknowledged ") {
        let (index, entry) = rest.split_once(' ')?;
        return Some(Said::Acknowledged(index.parse().ok()?, entry.to_owned()));
    }
    let note = line.strip_prefix("shown ")?;
    Some(Said::Shown(note.replace('|', "\n")))
}

/// What runs in the process.
#[test]
#[ignore = "runs in a process of its own, started by other tests"]
fn process() {
    let Ok(name) = std::env::var("REPLICA") else { return };
    run_for(Duration::from_hours(1), async move {
        let (database, objects) =
            (std::env::var("DATABASE").unwrap(), std::env::var("OBJECTS").unwrap());
        let log = loop {
            let Ok(scale) = scale::open(&database, &objects, ORIGIN).await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            scale.set_lease(LEASE);
            match Log::open(Arc::new(scale), config()).await {
                Ok(log) => break log,
                Err(error) => eprintln!("{name}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let shown = log.clone();
        tokio::spawn(async move {
            let mut publications = shown.publications();
            loop {
                if let Some(it) = &*publications.borrow_and_update() {
                    println!("shown {}", it.note.replace('\n', "|"));
                }
                publications.changed().await.unwrap();
            }
        });
        let acknowledged = Arc::new(Mutex::new(HashMap::new()));
        for task in 0..TASKS {
            tokio::spawn(add(log.clone(), format!("{name}-{task}"), Arc::clone(&acknowledged)));
        }
        std::future::pending::<()>().await;
    });
}

async fn add(log: Log, name: String, acknowledged: Arc<Mutex<HashMap<u64, String>>>) {
    for number in 0_u64.. {
        let entry = format!("{name}:{number}");
        let object = Object::new(Bytes::from(format!("the surface of {entry}")));
        let receipt = loop {
            match log.submit(Bytes::from(entry.clone()), vec![object.clone()]).await {
                Ok(receipt) => break receipt,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        println!("acknowledged {} {entry}", receipt.index);
        let before = acknowledged.lock().unwrap().insert(receipt.index, entry.clone());
        assert_eq!(before, None, "two entries have one index");
        assert!(
            log.object(&object.digest()).await.map_or(true, |there| there.is_some()),
            "an object is lost"
        );
        tokio::time::sleep(PAUSE).await;
    }
}

/// Short, so that a thousand leaders can be killed.
const LEASE: Duration = Duration::from_millis(600);
const TASKS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(10);
