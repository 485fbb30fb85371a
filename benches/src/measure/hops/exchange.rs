//! A whole exchange, checks X1 to X14, beside the signature operations without which nobody can: four
//! that are checked and one that is made; with grants in memory and in SQLite, whose commits are the
//! rest of it.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use authz::edge::Edges;
use authz::exchange::engine;
use authz::exchange::{
    Client, Clients, Config, Exchange, Names, Record, Records, Request, Unrecorded,
};
use authz::grant::{Bounds, Durable, Grants, Memory};
use authz::token::{Algorithm, Issuer, KeySet, Nonces, Proof, Secret, Signer, TokenHash, Typ};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policy::Policies;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::args::Options;
use crate::bars::Bars;
use crate::measure::keep;
use crate::table::{Cell, Report, Table};

const NOW_S: u64 = 1_795_600_000;
const STS: &str = "https://sts.a.test";
const ENDPOINT: &str = "https://sts.a.test/token";
const IDP: &str = "https://idp.a.test";
const HOP1: &str = "https://hop1.a.test/mcp";
const HOP2: &str = "https://hop2.a.test/mcp";
/// Exchanges that are asked for at once, to fill both cores.
const AT_ONCE: usize = 8;

pub(in crate::measure) fn run(
    options: &Options,
    report: &mut Report,
    bars: &mut Bars,
) -> Outcome<()> {
    let columns =
        ["grants in", "one at a time ms", "× bare", "exchanges/s", "signing limit/s", "of it"];
    let title = "Exchange of a token, ES256: client assertion, subject token, two proofs, policy, a new token";
    let mut table = Table::new(title, &columns);
    let count = options.pick(400, 4_000);
    let folder = harness::Scratch::new();
    let url = format!("sqlite:{}", folder.join("grants.sqlite").display());
    for is_durable in [false, true] {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let grants: Arc<dyn Grants> = if is_durable {
            Arc::new(runtime.block_on(Durable::open(&url))?)
        } else {
            Arc::new(Memory::new())
        };
        let world = Arc::new(World::new(grants)?);
        // What fails is fast.
        runtime.block_on(world.exchange.exchange(&world.request()?, NOW_S))?;
        let bare_ms = world.bare_ms(count)?;
        let limit = both_cores_per_s(&world, count);
        let requests = (0..count).map(|_| world.request()).collect::<Outcome<Vec<_>>>()?;
        let one_ms = one_at_a_time_ms(&runtime, &world, &requests)?;
        let requests = (0..count).map(|_| world.request()).collect::<Outcome<Vec<_>>>()?;
        let per_s = at_once_per_s(&runtime, &world, requests)?;
        let place = if is_durable { "SQLite" } else { "memory" };
        let cells = [one_ms, one_ms / bare_ms, per_s, limit, per_s / limit].map(Cell::from);
        table.row(place, cells);
        if is_durable {
            bars.at_most("exchange with grants in SQLite", one_ms, 1.0, "ms");
        }
    }
    report.tables.push(table);
    Ok(())
}

fn one_at_a_time_ms(runtime: &Runtime, world: &World, requests: &[Request]) -> Outcome<f64> {
    let start = Instant::now();
    for request in requests {
        runtime.block_on(world.exchange.exchange(request, NOW_S))?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e3 / count(requests.len()))
}

/// Each root token is one grant: the requests are of many people, as a service's are.
fn at_once_per_s(
    runtime: &Runtime,
    world: &Arc<World>,
    mut requests: Vec<Request>,
) -> Outcome<f64> {
    let total = count(requests.len());
    let share = requests.len().div_ceil(AT_ONCE);
    let start = Instant::now();
    let mut tasks = Vec::new();
    while !requests.is_empty() {
        let part = requests.split_off(requests.len().saturating_sub(share));
        let world = Arc::clone(world);
        tasks.push(runtime.spawn(async move {
            for request in part {
                world.exchange.exchange(&request, NOW_S).await?;
            }
            Ok::<_, authz::exchange::ExchangeError>(())
        }));
    }
    for task in tasks {
        runtime.block_on(task)??;
    }
    Ok(total / start.elapsed().as_secs_f64())
}

/// How many bare sets of signature operations both cores do in a second.
fn both_cores_per_s(world: &Arc<World>, rounds: usize) -> f64 {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..rounds).for_each(|_| keep(world.bare())));
        }
    });
    2.0 * count(rounds) / start.elapsed().as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
fn count(of: usize) -> f64 {
    of as f64
}

struct World {
    exchange: Exchange,
    idp: Signer,
    agent: Signer,
    hop: Signer,
    sts: Arc<Signer>,
    /// What is signed and the signature, of assertion, subject token and both proofs.
    parts: Vec<(Vec<u8>, Vec<u8>)>,
}

impl World {
    fn new(grants: Arc<dyn Grants>) -> Outcome<Self> {
        let key = || Signer::generate(Algorithm::Es256);
        let (idp, agent, hop, sts) = (key()?, key()?, key()?, Arc::new(key()?));
        let edges = Edges::parse(file().to_string().as_bytes())?;
        let mut clients = Clients::default();
        clients.add(Client::new("hop1", KeySet(vec![hop.public().clone()])));
        let trusted = Issuer {
            iss: IDP.to_owned(),
            keys: Arc::new(tokio::sync::watch::Sender::new(KeySet(vec![idp.public().clone()]))),
            typ: Typ::AtJwt,
            scope_claim: "scope".to_owned(),
            client_claims: vec!["client_id".to_owned()],
            is_own: false,
        };
        let exchange = Exchange::new(Config {
            issuer: STS.to_owned(),
            endpoint: ENDPOINT.to_owned(),
            clients,
            issuers: vec![trusted],
            own_keys: KeySet(vec![sts.public().clone()]),
            policy: Arc::new(engine::Engine::new(Policies::built_in()?, &edges, STS)?),
            edges,
            grants,
            signer: Arc::clone(&sts),
            records: Arc::new(Nowhere),
            nonces: Nonces::new([7; 32]),
            needs_nonce: false,
            names: Names::new(Some(IDP.to_owned()), [9; 32]),
            depth_max: 3,
            token_s_max: 300,
            bounds: Bounds::default(),
            client_per_minute_max: u64::MAX,
        });
        let mut world = Self { exchange, idp, agent, hop, sts, parts: Vec::new() };
        let it = world.request()?;
        let shown = [it.client_assertion, it.subject_token, it.subject_token_proof, it.proof];
        for shown in shown.into_iter().flatten() {
            let (signed, signature) =
                shown.expose().rsplit_once('.').ok_or("a JWT has a signature")?;
            let signature = URL_SAFE_NO_PAD.decode(signature)?;
            world.parts.push((signed.as_bytes().to_vec(), signature));
        }
        Ok(world)
    }

    fn root(&self) -> Outcome<Secret> {
        Ok(self.idp.sign(
            "at+jwt",
            &json!({
                "iss": IDP, "sub": "user-4711", "aud": HOP1, "client_id": "agent",
                "scope": "files:read files:write", "iat": NOW_S, "exp": NOW_S + 3_600,
                "cnf": { "jkt": self.agent.public().thumbprint().0 }, "jti": jti(),
            }),
        )?)
    }

    fn request(&self) -> Outcome<Request> {
        let token = self.root()?;
        let hash = TokenHash::of(token.expose());
        let assertion = self.hop.sign(
            "JWT",
            &json!({
                "iss": "hop1", "sub": "hop1", "aud": STS, "exp": NOW_S + 60, "jti": jti(),
            }),
        )?;
        Ok(Request {
            subject_token_proof: Some(Proof::make(
                &self.agent,
                "POST",
                HOP1,
                Some(&hash),
                None,
                NOW_S,
            )?),
            subject_token: Some(token),
            subject_token_type: Some("urn:ietf:params:oauth:token-type:access_token".to_owned()),
            resource: vec![HOP2.to_owned()],
            scope: Some("doc:get".to_owned()),
            client_assertion: Some(assertion),
            proof: Some(Proof::make(&self.hop, "POST", ENDPOINT, None, None, NOW_S)?),
            ..Request::default()
        })
    }

    /// Four signatures checked, one made; nothing parsed, nothing kept.
    fn bare(&self) -> bool {
        let is_made = self.sts.sign("at+jwt", &Value::Null).is_ok();
        let keys = [&self.hop, &self.idp, &self.agent, &self.hop].map(Signer::public);
        let parts = keys.into_iter().zip(&self.parts);
        parts.fold(is_made, |all, (key, (signed, signature))| key.verify(signed, signature) && all)
    }

    fn bare_ms(&self, rounds: usize) -> Outcome<f64> {
        let start = Instant::now();
        (0..rounds).for_each(|_| keep(self.bare()));
        if !self.bare() {
            return Err("the bare signatures hold".into());
        }
        Ok(start.elapsed().as_secs_f64() * 1e3 / count(rounds))
    }
}

fn file() -> Value {
    json!({
        "version": 1,
        "servers": [
            { "resource": HOP1, "client": "hop1", "scopes": ["files:read", "files:write"] },
            { "resource": HOP2, "scopes": ["doc:get", "doc:put"] },
        ],
        "edges": [{
            "from": HOP1, "client": "hop1", "to": HOP2,
            "scopes": { "files:read": ["doc:get"], "files:write": ["doc:get", "doc:put"] },
        }],
    })
}

fn jti() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("jti-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Records are another's measurement.
#[derive(Debug)]
struct Nowhere;

#[async_trait]
impl Records for Nowhere {
    async fn keep(&self, record: &Record) -> Result<(), Unrecorded> {
        keep(record);
        Ok(())
    }
}
