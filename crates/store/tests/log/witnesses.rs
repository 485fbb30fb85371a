//! Witnesses that are right, late, silent, wrong, or know more than the log.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use seal::Crypto;
use store::log::{CosignError, Cosigner, Cosigning};
use store::memory::Memory;
use store::{Config, Log, limits};
use tlog::note::Algorithm;
use tlog::witness::{AddCheckpoint, Refusal};
use tlog::{Checkpoint, Hash, Policy, Sign, VerifierKey, cosignature};

use super::world::*;

/// A witness as C2SP tlog-witness says, in memory, that can be told to misbehave.
struct Witness {
    key: Arc<dyn Sign>,
    keys: [VerifierKey; 1],
    held: Mutex<(u64, Hash, Option<String>)>,
    manner: AtomicU8,
}

const RIGHT: u8 = 0;
const SILENT: u8 = 1;
const SLOW: u8 = 2;
const WRONG_SIGNATURE: u8 = 3;
const OTHER_CHECKPOINT: u8 = 4;
const STRANGER: u8 = 5;
const GIBBERISH: u8 = 6;
const STALE_SIZE: u8 = 7;
const BOASTFUL: u8 = 8;
const UNREACHABLE: u8 = 9;
const OLD: u8 = 10;
const AHEAD: u8 = 11;
const NEARLY_OLD: u8 = 12;
const NEARLY_AHEAD: u8 = 13;
const AT_LINES_MAX: u8 = 14;
const PAST_LINES_MAX: u8 = 15;

impl Witness {
    fn new(seed: u8, manner: u8) -> Arc<Self> {
        let key = key(&format!("w{seed}.example"), seed, Algorithm::Cosignature);
        let keys = [key.verifier().clone()];
        let held = Mutex::new((0, Hash::of_nothing(), None));
        Arc::new(Self { key, keys, held, manner: AtomicU8::new(manner) })
    }

    fn is(&self, manner: u8) -> bool {
        self.manner.load(Ordering::Relaxed) == manner
    }

    fn size(&self) -> u64 {
        self.held.lock().unwrap().0
    }
}

#[async_trait]
impl Cosigner for Witness {
    fn keys(&self) -> &[VerifierKey] {
        &self.keys
    }

    async fn add_checkpoint(
        &self,
        old_size: u64,
        proof: &[Hash],
        checkpoint: &str,
    ) -> Result<Vec<String>, CosignError> {
        match self.manner.load(Ordering::Relaxed) {
            SILENT => std::future::pending::<()>().await,
            SLOW => tokio::time::sleep(Duration::from_millis(300)).await,
            UNREACHABLE => return Err(CosignError::Unreachable { why: "told".into() }),
            STALE_SIZE => return Err(CosignError::Size { size: 0 }),
            BOASTFUL => return Err(CosignError::Size { size: 1 << 40 }),
            _ => {}
        }
        let mut held = self.held.lock().unwrap();
        let request =
            AddCheckpoint { old_size, proof: proof.to_vec(), checkpoint: checkpoint.to_owned() };
        let accepted = request.decide((held.0, held.1), &verifiers(), &Crypto);
        let accepted = accepted.map_err(|refusal| match refusal {
            Refusal::Conflict { size } => CosignError::Size { size },
            other => CosignError::Refused { status: other.status() },
        })?;
        let other = Checkpoint { size: accepted.size + 1, ..accepted.clone() };
        let (now_s, skew_s) = (NOW_MS / 1_000, store::limits::WITNESS_SKEW_S);
        let time_s = match self.manner.load(Ordering::Relaxed) {
            OLD => now_s - skew_s - 1,
            AHEAD => now_s + skew_s + 1,
            NEARLY_OLD => now_s - skew_s,
            NEARLY_AHEAD => now_s + skew_s,
            _ => now_s,
        };
        let sign = |checkpoint: &Checkpoint, key: &dyn Sign| {
            cosignature::cosign(checkpoint, time_s, key).unwrap()
        };
        let line = match self.manner.load(Ordering::Relaxed) {
            WRONG_SIGNATURE => {
                let line = sign(&accepted, &*self.key);
                let at = line.len() - 20;
                let flipped = if line.as_bytes()[at] == b'A' { "B" } else { "A" };
                format!("{}{flipped}{}", &line[..at], &line[at + 1..])
            }
            OTHER_CHECKPOINT => sign(&other, &*self.key),
            STRANGER => sign(&accepted, &*key("stranger.example", 77, Algorithm::Cosignature)),
            GIBBERISH => "<html>\n\n— what".to_owned(),
            _ => {
                let line = sign(&accepted, &*self.key);
                *held = (accepted.size, accepted.root, Some(format!("{checkpoint}{line}")));
                line
            }
        };
        let count = match self.manner.load(Ordering::Relaxed) {
            AT_LINES_MAX => limits::COSIGNATURES_MAX,
            PAST_LINES_MAX => limits::COSIGNATURES_MAX + 1,
            _ => 1,
        };
        let mut lines = vec![line];
        let strangers = (0..).map(|n| format!("s{n}.example"));
        let strangers =
            strangers.map(|name| sign(&accepted, &*key(&name, 77, Algorithm::Cosignature)));
        lines.extend(strangers.take(count - 1));
        Ok(lines)
    }

    async fn newest(&self, _origin: &str) -> Result<Option<String>, CosignError> {
        if self.is(UNREACHABLE) {
            return Err(CosignError::Unreachable { why: "told".into() });
        }
        Ok(self.held.lock().unwrap().2.clone())
    }
}

/// A configuration whose checkpoints need `quorum` of these witnesses.
fn witnessed(witnesses: &[Arc<Witness>], quorum: usize) -> Config {
    let names: Vec<String> = (0..witnesses.len()).map(|n| format!("w{n}")).collect();
    let logs = verifiers().into_iter().map(|key| format!("log {key}"));
    let named = names.iter().zip(witnesses);
    let lines = logs.chain(named.map(|(name, it)| format!("witness {name} {}", it.keys[0])));
    let quorum = [format!("group all {quorum} {}", names.join(" ")), "quorum all\n".to_owned()];
    let policy: Policy = lines.chain(quorum).collect::<Vec<_>>().join("\n").parse().unwrap();
    let witnesses = witnesses.iter().map(|witness| Arc::clone(witness) as Arc<dyn Cosigner>);
    let cosigning = Cosigning {
        witnesses: witnesses.collect(),
        policy,
        answer_time_max: Duration::from_secs(1),
    };
    Config { cosigning: Some(cosigning), ..config() }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("in time")
}

#[tokio::test]
async fn a_checkpoint_is_published_when_the_policy_is_met_and_not_before() {
    let witnesses = [Witness::new(11, RIGHT), Witness::new(12, UNREACHABLE)];
    let backend = Arc::new(Memory::new());
    Log::create(&*backend, &witnessed(&witnesses, 2)).await.unwrap();
    let log = Log::open(backend, witnessed(&witnesses, 2)).await.unwrap();
    let receipt = within(submit(&log, "a:1")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(log.published().is_none(), "one of two has not signed");
    assert_eq!(log.proof(receipt.index).await.unwrap(), None);
    witnesses[1].manner.store(RIGHT, Ordering::Relaxed);
    let published = within(published_past(&log, receipt.index)).await;
    let policy = witnessed(&witnesses, 2).cosigning.unwrap().policy;
    let verified = policy.open(published.note.as_bytes(), &Crypto).unwrap();
    assert_eq!(verified.witnesses.len(), 2);
    let proof = log.proof(receipt.index).await.unwrap().unwrap();
    proof.verify(receipt.leaf, &policy, &Crypto).unwrap();
}

#[tokio::test]
async fn a_witness_answers_with_so_many_lines_and_no_more() {
    let witnesses = [Witness::new(11, PAST_LINES_MAX)];
    let backend = Arc::new(Memory::new());
    Log::create(&*backend, &witnessed(&witnesses, 1)).await.unwrap();
    let log = Log::open(backend, witnessed(&witnesses, 1)).await.unwrap();
    let receipt = within(submit(&log, "a:1")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(log.published().is_none(), "one line too many");
    witnesses[0].manner.store(AT_LINES_MAX, Ordering::Relaxed);
    within(published_past(&log, receipt.index)).await;
}

#[tokio::test]
async fn late_silent_and_lying_witnesses_block_nothing() {
    let manners = [
        SILENT,
        SLOW,
        WRONG_SIGNATURE,
        OTHER_CHECKPOINT,
        STRANGER,
        GIBBERISH,
        STALE_SIZE,
        BOASTFUL,
        UNREACHABLE,
        OLD,
        AHEAD,
    ];
    let bad = manners.iter().zip(21..).map(|(manner, seed)| Witness::new(seed, *manner));
    let mut witnesses: Vec<_> = [Witness::new(11, RIGHT), Witness::new(12, RIGHT)].into();
    witnesses.extend(bad);
    let backend = Arc::new(Memory::new());
    Log::create(&*backend, &witnessed(&witnesses, 2)).await.unwrap();
    let log = Log::open(backend.clone(), witnessed(&witnesses, 2)).await.unwrap();
    let mut oracle = oracle();
    for round in 0..10 {
        let began = std::time::Instant::now();
        let receipt = within(submit(&log, &format!("a:{round}"))).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(1), "an append waits for no witness");
        oracle.promised(receipt).unwrap();
        let published = within(published_past(&log, receipt.index)).await;
        oracle.saw(&published.checkpoint).unwrap();
        let policy = witnessed(&witnesses, 2).cosigning.unwrap().policy;
        let verified = policy.open(published.note.as_bytes(), &Crypto).unwrap();
        let names: Vec<_> = verified.witnesses.iter().map(|(name, _)| name.as_str()).collect();
        assert!(
            ["w11.example", "w12.example"].iter().all(|name| names.contains(name)),
            "{names:?}"
        );
    }
    assert!(witnesses[3].size() < witnesses[0].size());
    log.close().await;
    check(&mut oracle, &*backend).await;
}

#[tokio::test]
async fn a_cosignature_counts_if_its_time_is_now() {
    for (manner, counts) in [(OLD, false), (NEARLY_OLD, true), (NEARLY_AHEAD, true), (AHEAD, false)]
    {
        let witnesses = [Witness::new(11, manner)];
        let backend = Arc::new(Memory::new());
        Log::create(&*backend, &witnessed(&witnesses, 1)).await.unwrap();
        let log = Log::open(backend, witnessed(&witnesses, 1)).await.unwrap();
        let receipt = within(submit(&log, "a:1")).await.unwrap();
        let published =
            tokio::time::timeout(Duration::from_secs(1), published_past(&log, receipt.index));
        assert_eq!(published.await.is_ok(), counts, "{manner}");
        log.close().await;
    }
}

#[tokio::test]
async fn a_witness_that_was_away_catches_up_from_its_own_size() {
    let witnesses = [Witness::new(11, RIGHT), Witness::new(12, RIGHT)];
    let backend = Arc::new(Memory::new());
    Log::create(&*backend, &witnessed(&witnesses, 1)).await.unwrap();
    let log = Log::open(backend, witnessed(&witnesses, 1)).await.unwrap();
    let first = within(submit(&log, "a:0")).await.unwrap();
    within(published_past(&log, first.index)).await;
    witnesses[1].manner.store(UNREACHABLE, Ordering::Relaxed);
    for n in 1..20 {
        let receipt = within(submit(&log, &format!("a:{n}"))).await.unwrap();
        within(published_past(&log, receipt.index)).await;
    }
    let behind = witnesses[1].size();
    assert!(behind < witnesses[0].size());
    witnesses[1].manner.store(RIGHT, Ordering::Relaxed);
    witnesses[0].manner.store(UNREACHABLE, Ordering::Relaxed);
    let receipt = within(submit(&log, "a:last")).await.unwrap();
    let published = within(published_past(&log, receipt.index)).await;
    assert_eq!(witnesses[1].size(), published.checkpoint.size);
}

#[tokio::test]
async fn an_older_copy_does_not_open_where_a_witness_knows_better() {
    let witnesses = [Witness::new(11, RIGHT), Witness::new(12, UNREACHABLE)];
    let backend = Arc::new(Memory::new());
    Log::create(&*backend, &witnessed(&witnesses, 1)).await.unwrap();
    let log = Log::open(backend.clone(), witnessed(&witnesses, 1)).await.unwrap();
    let receipt = within(submit(&log, "a:1")).await.unwrap();
    within(published_past(&log, receipt.index)).await;
    let older = Arc::new(backend.snapshot());
    let receipt = within(submit(&log, "a:2")).await.unwrap();
    within(published_past(&log, receipt.index)).await;
    log.close().await;
    let refused = Log::open(older.clone(), witnessed(&witnesses, 1)).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.code(), "store.behind");
    // Nor one that grew another way meanwhile, even though it is as large.
    let unwitnessed = Log::open(older.clone(), config()).await.unwrap();
    for n in 0..5 {
        submit(&unwitnessed, &format!("forked:{n}")).await.unwrap();
    }
    unwitnessed.close().await;
    let refused = Log::open(older, witnessed(&witnesses, 1)).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.code(), "store.behind");
    assert!(Log::open(backend, witnessed(&witnesses, 1)).await.is_ok(), "the log itself does");
}

#[tokio::test]
async fn an_older_copy_that_could_not_ask_stops_when_it_learns() {
    let witnesses = [Witness::new(11, RIGHT), Witness::new(12, RIGHT)];
    let backend = Arc::new(Memory::new());
    Log::create(&*backend, &witnessed(&witnesses, 1)).await.unwrap();
    let older = Arc::new(backend.snapshot());
    let log = Log::open(backend, witnessed(&witnesses[..1], 1)).await.unwrap();
    for n in 0..4 {
        let receipt = within(submit(&log, &format!("a:{n}"))).await.unwrap();
        within(published_past(&log, receipt.index)).await;
    }
    log.close().await;
    witnesses[0].manner.store(UNREACHABLE, Ordering::Relaxed);
    let alone = Log::open(older.clone(), witnessed(&witnesses[..1], 1)).await.map(|_| ());
    assert_eq!(alone.unwrap_err().code(), "store.unwitnessed");
    // The other witness, which knows nothing, answers: the copy opens, and needs both.
    let copy = Log::open(older, witnessed(&witnesses, 2)).await.unwrap();
    submit(&copy, "b:1").await.unwrap();
    witnesses[0].manner.store(RIGHT, Ordering::Relaxed);
    within(async {
        while submit(&copy, "b:2").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let refused = submit(&copy, "b:3").await.unwrap_err();
    assert!(refused.to_string().contains("w11.example"), "{refused}");
    assert!(copy.published().is_none());
}
