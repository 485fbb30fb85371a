//! The witness: `add-checkpoint`, and the monitoring read.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderValue, StatusCode, header};
use sha2::{Digest as _, Sha256};
use tlog::witness::{AddCheckpoint, Refusal};
use tlog::{Checkpoint, Hash, Note, Sign, VerifierKey, Verify, cosignature};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::commit::{self, Heads, Job};
use super::logs::{KnownLog, LogList};
use super::state::{Conflict, Head, State, StateError};
use crate::limits;

/// Who a witness is, and whom it cosigns.
pub struct Config {
    /// Where its state is ([`super::init`]).
    pub data: PathBuf,
    /// Its name.
    pub name: String,
    /// Its keys, of types 0x04 and 0x06.
    pub keys: Vec<Arc<dyn Sign>>,
    /// The logs. Those that were in an earlier list stay.
    pub logs: LogList,
    /// Verifies signatures.
    pub verify: Arc<dyn Verify + Send + Sync>,
    /// The time, in seconds since 1970.
    pub clock: fn() -> u64,
}

/// A witness. Clones share it; it stops when the last is gone.
#[derive(Clone)]
pub struct Witness {
    inner: Arc<Inner>,
    ended: watch::Receiver<Option<Arc<StateError>>>,
}

struct Inner {
    keys: Vec<Arc<dyn Sign>>,
    verify: Arc<dyn Verify + Send + Sync>,
    clock: fn() -> u64,
    logs: HashMap<String, Followed>,
    /// Origins by the hex of their SHA-256.
    by_hash: HashMap<String, String>,
    heads: Heads,
    jobs: mpsc::Sender<Job>,
}

struct Followed {
    log: KnownLog,
    allowance: Mutex<Allowance>,
}

/// What a log may still send: a bucket that fills as fast as a day's requests allow.
struct Allowance {
    requests: f64,
    since: Instant,
}

impl Witness {
    /// Opens the state and starts.
    ///
    /// # Errors
    /// State that is missing, another's, older than what was cosigned, or in use.
    pub async fn open(config: Config) -> Result<Self, StateError> {
        let Config { data, name, keys, logs, verify, clock } = config;
        let (state, logs, heads) = State::open(&data, &name, &logs, clock()).await?;
        let own: Vec<&[u8]> = keys.iter().map(|key| key.verifier().public_key()).collect();
        for (origin, log) in &logs.logs {
            // A cosignature would count as the log's own signature.
            if log.keys.iter().any(|key| own.contains(&key.public_key())) {
                let origin = origin.clone();
                state.close().await;
                return Err(StateError::OwnKey { origin });
            }
        }
        let heads: Heads = Arc::new(RwLock::new(heads));
        let (jobs, waiting) = mpsc::channel(limits::WITNESS_QUEUE_MAX);
        let (ending, ended) = watch::channel(None);
        tokio::spawn(commit::run(state, Arc::clone(&heads), waiting, ending));
        let by_hash = logs.logs.keys().map(|origin| (hash_of(origin), origin.clone())).collect();
        let logs = logs.logs.into_iter().map(|(origin, log)| (origin, Followed::new(log)));
        let logs = logs.collect();
        let inner = Inner { keys, verify, clock, logs, by_hash, heads, jobs };
        Ok(Self { inner: Arc::new(inner), ended })
    }

    /// What it serves.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/add-checkpoint", post(add_checkpoint))
            .route("/{hash}/checkpoint", get(checkpoint))
            .route("/", get(about))
            .route("/healthz", get(health))
            .with_state(self.clone())
    }

    /// Its keys.
    pub fn keys(&self) -> Vec<VerifierKey> {
        self.inner.keys.iter().map(|key| key.verifier().clone()).collect()
    }

    /// How many logs it cosigns.
    pub fn logs(&self) -> usize {
        self.inner.logs.len()
    }

    /// Resolves when storage failed: nothing is cosigned any more.
    pub fn failed(&self) -> impl Future<Output = Arc<StateError>> + Send + 'static {
        let mut ended = self.ended.clone();
        async move {
            let ended = ended.wait_for(Option::is_some).await.ok().and_then(|error| error.clone());
            ended.unwrap_or_else(|| Arc::new(StateError::Stopped))
        }
    }

    /// Stops once all clones are gone, what waits made durable first, and says why it stopped.
    pub async fn close(self) -> Arc<StateError> {
        let failed = self.failed();
        drop(self);
        failed.await
    }

    /// The cosignature lines for a request, once they may leave.
    async fn add(&self, body: &[u8]) -> Result<String, Answer> {
        let request = AddCheckpoint::parse(body)?;
        let claimed = request.claimed()?;
        let followed = self.inner.logs.get(&claimed.origin).ok_or(Refusal::UnknownLog)?;
        for attempt in 0..limits::WITNESS_TRIES_MAX {
            let held = self.held(&claimed.origin);
            let at = held.as_ref().map_or((0, Hash::of_nothing()), |head| (head.size, head.root));
            let decision = request.decide(at, &followed.log.keys, &*self.inner.verify);
            // Only what the log signed counts against it: others cannot use up what it may send.
            let is_signed = !matches!(decision, Err(Refusal::Unsigned | Refusal::UnknownLog));
            if attempt == 0 && is_signed && !followed.allows() {
                return Err(Answer::TooMany);
            }
            let checkpoint = match decision {
                Ok(checkpoint) => checkpoint,
                Err(refusal) => {
                    self.keep(&claimed, held, body, refusal).await?;
                    return Err(refusal.into());
                }
            };
            let (to, lines) = self.cosign(&request, &checkpoint, held.as_ref(), &followed.log)?;
            if self.advance(checkpoint.origin, held, to).await? {
                // INVARIANT: a cosignature leaves only after its checkpoint is durable.
                return Ok(lines);
            }
        }
        Err(Answer::Busy)
    }

    fn held(&self, origin: &str) -> Option<Head> {
        self.inner.heads.read().unwrap_or_else(PoisonError::into_inner).get(origin).cloned()
    }

    /// The head as it will be held, and the lines.
    fn cosign(
        &self,
        request: &AddCheckpoint,
        checkpoint: &Checkpoint,
        held: Option<&Head>,
        log: &KnownLog,
    ) -> Result<(Head, String), Answer> {
        let time_s = (self.inner.clock)();
        if held.is_some_and(|head| time_s < head.time_s) {
            return Err(Answer::Clock);
        }
        let mut lines = String::new();
        for key in &self.inner.keys {
            let line = cosignature::cosign(checkpoint, time_s, &**key);
            lines.push_str(&line.map_err(|_| Answer::Busy)?);
        }
        let mut note = format!("{}\n", checkpoint.text());
        if let Ok(signed) = Note::parse(request.checkpoint.as_bytes()) {
            for line in log.keys.iter().flat_map(|key| signed.signatures_of(key)) {
                let _ = writeln!(note, "{line}");
            }
        }
        note.push_str(&lines);
        Ok((Head { size: checkpoint.size, root: checkpoint.root, note, time_s }, lines))
    }

    async fn advance(&self, origin: String, from: Option<Head>, to: Head) -> Result<bool, Answer> {
        let (moved, answer) = oneshot::channel();
        let job = Job::Move { origin, from, to, moved };
        self.inner.jobs.try_send(job).map_err(|_| Answer::Busy)?;
        answer.await.map_err(|_| Answer::Stopped)
    }

    /// Keeps what shows that a log forks: two roots of one size, or a proof that leads elsewhere.
    async fn keep(
        &self,
        claimed: &Checkpoint,
        held: Option<Head>,
        body: &[u8],
        refusal: Refusal,
    ) -> Result<(), Answer> {
        let is_fork = held
            .as_ref()
            .is_some_and(|head| head.size == claimed.size && head.root != claimed.root);
        let is_evidence = match refusal {
            Refusal::Inconsistent => true,
            Refusal::Conflict { .. } => is_fork,
            _ => false,
        };
        if !is_evidence {
            return Ok(());
        }
        let (origin, size, root) = (claimed.origin.clone(), claimed.size, claimed.root);
        tracing::warn!(log = origin, size, is_fork, "a log asked to cosign what is inconsistent");
        let request = String::from_utf8_lossy(body).into_owned();
        let time_s = (self.inner.clock)();
        let conflict = Box::new(Conflict { origin, held, size, root, request, time_s });
        let (kept, answer) = oneshot::channel();
        let job = Job::Keep { conflict, kept };
        self.inner.jobs.try_send(job).map_err(|_| Answer::Busy)?;
        answer.await.map_err(|_| Answer::Stopped)
    }
}

impl Followed {
    fn new(log: KnownLog) -> Self {
        let requests = burst(log.requests_per_day);
        Self { log, allowance: Mutex::new(Allowance { requests, since: Instant::now() }) }
    }

    fn allows(&self) -> bool {
        let per_day = self.log.requests_per_day;
        let mut allowance = self.allowance.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = allowance.since.elapsed().as_secs_f64() * f64::from(per_day) / DAY_S;
        allowance.requests = (allowance.requests + filled).min(burst(per_day));
        allowance.since = Instant::now();
        let allows = allowance.requests >= 1.0;
        if allows {
            allowance.requests -= 1.0;
        }
        allows
    }
}

/// A quarter of an hour's requests, or the least.
fn burst(per_day: u32) -> f64 {
    (f64::from(per_day) / 96.0).max(limits::WITNESS_BURST_MIN)
}

/// Why there are no cosignatures.
enum Answer {
    Refused(Refusal),
    TooMany,
    Busy,
    Clock,
    Stopped,
    TooLarge,
    Late,
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        let (status, text) = match answer {
            Answer::Refused(Refusal::Conflict { size }) => {
                return plain(StatusCode::CONFLICT, SIZE, format!("{size}\n"));
            }
            Answer::Refused(refusal) => (refusal.status(), format!("{refusal}\n")),
            Answer::TooMany => (429, "the log sends more than it may in a day\n".to_owned()),
            Answer::Busy => (503, "the witness is busy\n".to_owned()),
            Answer::Clock => {
                (503, "the clock is behind the newest cosignature of this log\n".to_owned())
            }
            Answer::Stopped => (503, "the witness has stopped\n".to_owned()),
            Answer::TooLarge => (413, "the request is larger than the limit\n".to_owned()),
            Answer::Late => (408, "the request took too long to come\n".to_owned()),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = plain(status, TEXT, text);
        if matches!(status.as_u16(), 429 | 503) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

async fn add_checkpoint(Shared(witness): Shared<Witness>, body: Body) -> Response {
    let read = axum::body::to_bytes(body, limits::ADD_CHECKPOINT_BYTES_MAX);
    let body = match tokio::time::timeout(limits::ADD_CHECKPOINT_TIME_MAX, read).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Answer::TooLarge.into(),
        Err(_) => return Answer::Late.into(),
    };
    match witness.add(&body).await {
        Ok(lines) => plain(StatusCode::OK, TEXT, lines),
        Err(answer) => answer.into(),
    }
}

async fn checkpoint(Shared(witness): Shared<Witness>, Path(hash): Path<String>) -> Response {
    let held = witness.inner.by_hash.get(&hash).and_then(|origin| witness.held(origin));
    match held {
        Some(head) => plain(StatusCode::OK, TEXT, head.note),
        None => plain(StatusCode::NOT_FOUND, TEXT, "nothing was cosigned\n".to_owned()),
    }
}

async fn about(Shared(witness): Shared<Witness>) -> Response {
    let mut text = String::new();
    for key in witness.keys() {
        let _ = writeln!(text, "{key}");
    }
    plain(StatusCode::OK, TEXT, text)
}

async fn health(Shared(witness): Shared<Witness>) -> Response {
    let is_well = witness.ended.borrow().is_none();
    if is_well { plain(StatusCode::OK, TEXT, "ok\n".to_owned()) } else { Answer::Stopped.into() }
}

fn plain(status: StatusCode, content_type: &'static str, text: String) -> Response {
    crate::api::typed(status, content_type, "no-cache", text)
}

/// How the monitoring read names a log.
pub(super) fn hash_of(origin: &str) -> String {
    Sha256::digest(origin.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

const TEXT: &str = "text/plain; charset=utf-8";
const SIZE: &str = "text/x.tlog.size";
const DAY_S: f64 = 86_400.0;
