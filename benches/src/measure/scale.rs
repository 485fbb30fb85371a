//! A log over PostgreSQL and an S3-compatible store, beside what the same database commits one row
//! at a time and what the disk synchronises, in the same run.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use harness::{Postgres, S3, Scratch};
use object_store::aws::AmazonS3Builder;
use seal::{PrivateKey, key};
use store::{Config, Log, Object, scale};
use tlog::{Sign, note};

use crate::args::Options;
use crate::bars::Bars;
use crate::stats::{median, quantile};
use crate::table::{Cell, Report, Table};
use crate::{Fault, Outcome};

pub(super) async fn run(options: &Options, report: &mut Report, bars: &mut Bars) -> Outcome<()> {
    let time = Duration::from_secs(options.pick(3, 20));
    let (postgres, s3) = (Postgres::start(), S3::start());
    let sync_ms = sync_ms()?;
    postgres.pgbench(&["--initialize", "--quiet"]);
    let alone = rows_per_s(&postgres, 1, time)?;
    let sixteen = rows_per_s(&postgres, 16, time)?;

    let one = Place::new(&postgres, &s3, "one");
    let log = one.log().await?;
    let small = load(&[&log], time, 0).await?;
    log.close().await;

    let two = Place::new(&postgres, &s3, "two");
    let (leader, follower) = (two.log().await?, two.log().await?);
    let both = load(&[&leader, &follower], time, 0).await?;
    let handed_in = load(&[&follower], time, 0).await?;
    leader.close().await;
    follower.close().await;

    let objects = Place::new(&postgres, &s3, "objects");
    let log = objects.log().await?;
    let large = load(&[&log], time.min(OBJECTS_TIME_MAX), OBJECT_SIZE).await?;
    log.close().await;

    let title = format!(
        "Statements of {ENTRY_SIZE} bytes, durable in PostgreSQL, {SUBMITTERS} at once; \
         fdatasync of 256 bytes takes {sync_ms:.2} ms"
    );
    let mut table = Table::new(title, &["who", "/s", "× rows", "p50 ms", "p99 ms"]);
    let none = || Cell::from(None);
    table.row("pgbench: one row a commit, 1 client", [alone.into(), none(), none(), none()]);
    table.row(
        "pgbench: one row a commit, 16 clients",
        [sixteen.into(), Cell::from(1.0), none(), none()],
    );
    for (name, it) in [
        ("one replica", &small),
        ("two replicas, half to each", &both),
        ("two replicas, all to the one that follows", &handed_in),
        ("one replica, an object of 11 kB each, in the database", &large),
    ] {
        let Load { per_s, p50_ms, p99_ms } = *it;
        table.row(name, [per_s.into(), Cell::from(per_s / sixteen), p50_ms.into(), p99_ms.into()]);
    }
    report.tables.push(table);
    bars.at_least("statements on PostgreSQL and objects", small.per_s, 5_000.0, "/s");
    Ok(())
}

struct Load {
    per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// Where one log is kept.
struct Place {
    database: String,
    objects: String,
}

impl Place {
    fn new(postgres: &Postgres, s3: &S3, name: &str) -> Self {
        Self { database: postgres.database(name), objects: s3.url(name) }
    }

    /// A replica of the log, which the first makes.
    async fn log(&self) -> Outcome<Log> {
        let credentials =
            AmazonS3Builder::new().with_access_key_id(S3::KEY).with_secret_access_key(S3::KEY);
        let scale = scale::open_with(&self.database, &self.objects, credentials, ORIGIN).await?;
        // The second finds it there.
        drop(Log::create(&scale, &config()?).await);
        Ok(Log::open(Arc::new(scale), config()?).await?)
    }
}

/// Adds statements to the logs in turn, from many tasks at once.
async fn load(logs: &[&Log], time: Duration, object_size: usize) -> Outcome<Load> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for log in logs.iter().cycle().take(SUBMITTERS) {
        let log = Log::clone(log);
        tasks.spawn(async move {
            let mut times = Vec::new();
            while start.elapsed() < time {
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                let entry = format!("server-{number}:{number:0>width$}", width = ENTRY_SIZE - 20);
                let object = vec![u8::try_from(number % 251)?; object_size.saturating_sub(20)];
                let object = [object, format!("{number:020}").into_bytes()].concat();
                let objects = (object_size > 0).then(|| Object::new(Bytes::from(object)));
                let began = Instant::now();
                log.submit(Bytes::from(entry), objects.into_iter().collect()).await?;
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
            Ok::<_, Fault>(times)
        });
    }
    let mut times = Vec::new();
    while let Some(task) = tasks.join_next().await {
        times.append(&mut task??);
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of statements")]
    let per_s = times.len() as f64 / start.elapsed().as_secs_f64();
    let (p50_ms, p99_ms) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
    Ok(Load { per_s, p50_ms, p99_ms })
}

/// What the database commits when each row is a transaction.
fn rows_per_s(postgres: &Postgres, clients: u32, time: Duration) -> Outcome<f64> {
    let script = Scratch::new();
    let path = script.join("insert.sql");
    let filler = "x".repeat(ENTRY_SIZE);
    std::fs::write(
        &path,
        format!("INSERT INTO pgbench_history (tid, filler) VALUES (1, left('{filler}', 22));\n"),
    )?;
    open_to_all(script.path())?;
    let (clients, seconds) = (clients.to_string(), time.as_secs().to_string());
    let path = path.display().to_string();
    let arguments =
        ["-n", "-M", "prepared", "-c", &clients, "-j", "2", "-T", &seconds, "-f", &path];
    let said = postgres.pgbench(&arguments);
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = "));
    let tps = tps.and_then(|rest| rest.split(' ').next()).ok_or("pgbench says no `tps`")?;
    Ok(tps.parse()?)
}

/// The median time that the disk takes to keep 256 bytes.
fn sync_ms() -> Outcome<f64> {
    let directory = Scratch::new();
    let mut file = std::fs::File::create(directory.join("sync"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        file.write_all(&[7; 256])?;
        file.sync_data()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(times))
}

fn open_to_all(path: &std::path::Path) -> Outcome<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?)
}

fn config() -> Outcome<Config> {
    let key = |algorithm, note, seed| -> Outcome<Arc<dyn Sign>> {
        let key = PrivateKey::from_seed(algorithm, &[seed; 32])?;
        Ok(Arc::new(key.into_note_key(ORIGIN, note)?))
    };
    let keys = vec![
        key(key::Algorithm::Ed25519, note::Algorithm::Ed25519, 1)?,
        key(key::Algorithm::MlDsa44, note::Algorithm::MlDsa44, 2)?,
    ];
    Ok(Config { names_of: Some(names_of), ..Config::new(ORIGIN, keys, now_ms) })
}

fn names_of(entry: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(entry);
    text.split_once(':').map(|(name, _)| name.to_owned()).into_iter().collect()
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

const ORIGIN: &str = "log.example/bench";
const ENTRY_SIZE: usize = 256;
const OBJECT_SIZE: usize = 11 << 10;
const SUBMITTERS: usize = 1_024;
/// `moto` takes a few hundred puts a second: longer, and it would be what is measured.
const OBJECTS_TIME_MAX: Duration = Duration::from_secs(5);
