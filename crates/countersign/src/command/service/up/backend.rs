//! Where the log and the tables are: files and SQLite, or PostgreSQL and an object store.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use authz::net::{Client, Rules};
use registry::service::{MIGRATIONS, names_of};
use registry::{projection, witness};
use store::files::Files;
use store::log::{Cosigner, Cosigning};
use store::{Backend, Config, Database, Log, StoreError, scale};
use tlog::{Policy, VerifierKey};
use url::Url;

use super::home::Home;
use crate::args::service as args;
use crate::failure::Failure;

/// Opens the log; with `--init`, makes it first.
///
/// # Errors
/// No log, or one already; another process that writes it; a log that cannot be trusted.
pub(super) async fn open(arguments: &args::Up, data: &Path, home: &Home) -> Result<Log, Failure> {
    let backend: Arc<dyn Backend> = match (&arguments.database, &arguments.objects) {
        (Some(database), Some(objects)) => {
            let scale = scale::open(database, objects, &home.origin).await.map_err(failed)?;
            Arc::new(scale)
        }
        _ => Arc::new(Files::new(data.join("log"))),
    };
    let config = Config {
        names_of: Some(names_of),
        cosigning: cosigning(arguments, home)?,
        ..Config::new(home.origin.clone(), home.log_keys.clone(), now_ms)
    };
    if arguments.init {
        Log::create(&*backend, &config).await.map_err(failed)?;
    }
    Log::open(backend, config).await.map_err(failed)
}

/// Opens the tables, and empties them if they cannot be those of this log.
///
/// # Errors
/// A database that fails.
pub(super) async fn tables(
    arguments: &args::Up,
    data: &Path,
    log: &Log,
) -> Result<Database, Failure> {
    let own = || format!("sqlite:{}", data.join("index.db").display());
    let url = arguments.database.clone().unwrap_or_else(own);
    let database = Database::open(&url, MIGRATIONS).await.map_err(failed)?;
    let tables = |error| Failure::new("looking at the tables").because(error);
    // A log that was restored from a backup may be older than its tables. Replicas share both, and
    // may be behind each other for a moment.
    let is_older = arguments.database.is_none()
        && projection::size(&database).await.map_err(tables)? > *log.sizes().borrow();
    if is_older || arguments.rebuild_index {
        projection::rebuild(&database).await.map_err(tables)?;
    }
    Ok(database)
}

/// The text of the policy, where one is named.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn policy_text(arguments: &args::Up) -> Result<Option<String>, Failure> {
    let Some(path) = &arguments.policy else { return Ok(None) };
    let reading = || format!("reading the policy {}", path.display());
    std::fs::read_to_string(path).map(Some).map_err(|error| Failure::new(reading()).because(error))
}

/// The witnesses, and the policy that they have to meet.
fn cosigning(arguments: &args::Up, home: &Home) -> Result<Option<Cosigning>, Failure> {
    let Some(text) = policy_text(arguments)? else { return Ok(None) };
    let policy: Policy = text.parse().map_err(|error: tlog::policy::PolicyError| {
        Failure::usage("reading the policy").because(error)
    })?;
    let mut witnesses: Vec<Arc<dyn Cosigner>> = Vec::new();
    for (url, keys) in addresses(arguments, &policy)? {
        let client = client(&url)?;
        witnesses.push(Arc::new(witness::HttpCosigner::new(client, url, keys)));
    }
    let answer_time_max = WITNESS_TIME_MAX;
    // What a policy says of other logs is not asked here, and it need not know this one.
    let policy = policy.for_log(home.log_verifiers.clone());
    Ok(Some(Cosigning { witnesses, policy, answer_time_max }))
}

/// Each witness's address with its keys: those that the policy gives with the address, else, where
/// addresses are named alone, all: an answer that none of them made is ignored.
fn addresses(
    arguments: &args::Up,
    policy: &Policy,
) -> Result<Vec<(Url, Vec<VerifierKey>)>, Failure> {
    let mut known: Vec<(Url, Vec<VerifierKey>)> = Vec::new();
    for key in policy.witnesses() {
        let Some(url) = policy.url(key) else { continue };
        let url: Url = url
            .parse()
            .map_err(|error| Failure::usage(format!("reading `{url}`")).because(error))?;
        match known.iter_mut().find(|(known, _)| *known == url) {
            Some((_, keys)) => keys.push(key.clone()),
            None => known.push((url, vec![key.clone()])),
        }
    }
    if arguments.witnesses.is_empty() {
        return Ok(known);
    }
    let named = arguments.witnesses.iter().map(|url| {
        let keys = known.iter().find(|(known, _)| known == url).map(|(_, keys)| keys.clone());
        (url.clone(), keys.unwrap_or_else(|| policy.witnesses().to_vec()))
    });
    Ok(named.collect())
}

/// A client of one address that the operator named: it may be private, and without TLS.
fn client(url: &Url) -> Result<Client, Failure> {
    let address = url.socket_addrs(|| None).ok().and_then(|all| all.first().copied());
    let is_literal = matches!(url.host(), Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)));
    let exceptions: Vec<SocketAddr> = address.filter(|_| is_literal).into_iter().collect();
    let rules = Rules { exceptions, ..Rules::default() };
    Client::new(rules, Arc::new(authz::net::System))
        .map_err(|error| Failure::new("preparing to ask witnesses").because(error))
}

fn failed(error: StoreError) -> Failure {
    let hint = match &error {
        StoreError::Missing { .. } => {
            Some("`--init` makes one; if there was one, restore it rather than make another")
        }
        StoreError::Exists { .. } => Some("start it without `--init`"),
        StoreError::Led { .. } => Some("end the other process, or give this one its own `--data`"),
        StoreError::Behind { .. } => {
            Some("this is an old copy of the log: restore a newer one; nothing was signed")
        }
        StoreError::Unwitnessed => Some(
            "start it again when a witness answers that knows this log's key; nothing was signed",
        ),
        _ => None,
    };
    let failure = Failure::new("opening the log").code(error.code()).because(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default()
}

/// How long a witness is waited for before the next batch of cosignatures is asked for.
const WITNESS_TIME_MAX: Duration = Duration::from_secs(5);
