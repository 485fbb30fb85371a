//! Whether the proofs of namespaces still hold, day by day.
//!
//! A domain may expire, and its key be replaced; nobody else looks. Loss needs two resolvers that agree
//! and a time of grace, since an outage is no loss; another key needs two that agree, and no grace.

use std::time::Duration;

use seal::statement::{Finding, Observation, Observed, Predicate};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::MonitorError;
use crate::namespace::{Method, NamespaceError, Namespaces};
use crate::{Service, limits};

/// Looks again at proofs that were given once.
pub struct Proofs {
    service: Service,
    /// The same verifiers, each with a resolver of its own.
    eyes: Vec<Namespaces>,
}

/// What one resolver, or all of them, say of a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// The key that is bound is there.
    Present,
    /// Another one is.
    Changed(String),
    /// There is none.
    Absent,
    /// Nobody could say, or they do not agree.
    Unreachable,
}

/// A proof that was given.
struct Given {
    pattern: String,
    method: Method,
    domain: String,
    state: String,
    fingerprint: Option<String>,
    position: u64,
    absent_us: i64,
}

/// What several resolvers say together. One that sees the key outweighs those that do not; what takes
/// a name away needs two.
pub fn together(sights: &[Sight]) -> Sight {
    let [first, rest @ ..] = sights else { return Sight::Unreachable };
    if sights.contains(&Sight::Present) {
        return Sight::Present;
    }
    if rest.is_empty() || rest.iter().any(|sight| sight != first) {
        return Sight::Unreachable;
    }
    first.clone()
}

/// What there is to state of a proof that was in `state`, and since when it counts as absent (0 if it
/// does not).
pub fn judge(
    state: &str,
    absent_us: i64,
    sight: &Sight,
    now_us: i64,
) -> (Option<&'static str>, i64) {
    match sight {
        Sight::Present if state == "present" => (None, 0),
        Sight::Present => (Some("present"), 0),
        Sight::Changed(_) if state == "changed" => (None, 0),
        Sight::Changed(_) => (Some("changed"), 0),
        Sight::Absent => {
            let since_us = if absent_us == 0 { now_us } else { absent_us };
            let is_over = now_us.saturating_sub(since_us) >= limits::PROOF_GRACE_US;
            ((is_over && state != "absent").then_some("absent"), since_us)
        }
        // An outage does not end the time of grace, and does not hide what is known.
        Sight::Unreachable => ((state == "present").then_some("unreachable"), absent_us),
    }
}

impl Proofs {
    /// A schedule over verifiers that each have a resolver of their own.
    pub fn new(service: Service, eyes: Vec<Namespaces>) -> Self {
        Self { service, eyes }
    }

    /// Checks what is due, for as long as it is polled.
    pub async fn run(&self) {
        loop {
            if let Err(error) = self.check().await {
                let code = error.code();
                tracing::warn!(code, %error, "checking the proofs of namespaces failed");
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    /// Checks what is due, and gives how many statements that made.
    ///
    /// # Errors
    /// A log or tables that fail.
    pub async fn check(&self) -> Result<u64, MonitorError> {
        let mut stated = 0;
        for given in self.due().await? {
            let mut sights = Vec::with_capacity(self.eyes.len());
            for eye in &self.eyes {
                sights.push(sight(eye, &given).await);
            }
            let sight = together(&sights);
            let (state, absent_us) = judge(&given.state, given.absent_us, &sight, self.now_us());
            if let Some(state) = state {
                self.state(&given, state, &sight).await?;
                stated += 1;
            }
            self.note(&given, absent_us).await?;
        }
        Ok(stated)
    }

    async fn due(&self) -> Result<Vec<Given>, MonitorError> {
        let query = sqlx::query(
            "SELECT n.server, n.method, n.subject, n.state, n.fingerprint, n.position, \
             COALESCE(s.absent_us, 0) FROM namespaces AS n LEFT JOIN proof_schedule AS s \
             ON s.server = n.server AND s.method = n.method AND s.subject = n.subject \
             WHERE n.method IN ('dns', 'http') AND COALESCE(s.next_us, 0) <= $1 \
             ORDER BY n.position",
        );
        let query = query.bind(self.now_us());
        let rows = query.fetch_all(self.service.database().pool()).await;
        let read = |row: &AnyRow| {
            let method: String = row.try_get(1)?;
            Ok(Given {
                pattern: row.try_get(0)?,
                method: Method::of_str(&method).unwrap_or(Method::Dns),
                domain: row.try_get(2)?,
                state: row.try_get(3)?,
                fingerprint: row.try_get(4)?,
                position: row.try_get::<i64, _>(5)?.unsigned_abs(),
                absent_us: row.try_get(6)?,
            })
        };
        rows.and_then(|rows| rows.iter().map(read).collect())
            .map_err(MonitorError::database("reading the proofs of namespaces"))
    }

    async fn state(&self, given: &Given, state: &str, sight: &Sight) -> Result<(), MonitorError> {
        let finding = match state {
            "absent" => Some("namespace.lost"),
            "changed" => Some("namespace.rekeyed"),
            _ => None,
        };
        let changes = finding.map(|code| Finding {
            code: code.to_owned(),
            severity: "critical".to_owned(),
            place: String::new(),
        });
        let key = match sight {
            Sight::Changed(key) => Some(key.clone()),
            Sight::Present => given.fingerprint.clone(),
            Sight::Absent | Sight::Unreachable => None,
        };
        let of = Observed::Namespace {
            method: given.method.as_str().to_owned(),
            subject: given.domain.clone(),
            state: state.to_owned(),
            key,
        };
        let changes = changes.into_iter().collect();
        let statement = seal::Statement {
            server: given.pattern.clone(),
            time: seal::time::format(self.service.now_s()).unwrap_or_default(),
            previous: Some(given.position),
            predicate: Predicate::Observation(Observation {
                of,
                changes,
                vantage: None,
                client: None,
            }),
        };
        self.service.state(statement, Vec::new()).await?;
        Ok(())
    }

    async fn note(&self, given: &Given, absent_us: i64) -> Result<(), MonitorError> {
        let query = sqlx::query(
            "INSERT INTO proof_schedule (server, method, subject, next_us, absent_us) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (server, method, subject) \
             DO UPDATE SET next_us = excluded.next_us, absent_us = excluded.absent_us",
        )
        .bind(&given.pattern)
        .bind(given.method.as_str())
        .bind(&given.domain)
        .bind(self.now_us().saturating_add(limits::PROOF_AGAIN_US))
        .bind(absent_us);
        let done = query.execute(self.service.database().pool()).await;
        done.map(drop).map_err(MonitorError::database("noting when a proof is checked again"))
    }

    fn now_us(&self) -> i64 {
        i64::try_from(self.service.now_s()).unwrap_or_default().saturating_mul(1_000_000)
    }
}

async fn sight(eye: &Namespaces, given: &Given) -> Sight {
    match eye.look(given.method, &given.domain).await {
        Ok(found) => {
            let keys: Vec<String> =
                found.records.iter().map(crate::namespace::record::Record::fingerprint).collect();
            let is_bound = given.fingerprint.as_ref().is_none_or(|key| keys.contains(key));
            match keys.into_iter().next() {
                _ if is_bound => Sight::Present,
                Some(other) => Sight::Changed(other),
                None => Sight::Absent,
            }
        }
        Err(NamespaceError::Absent { .. }) => Sight::Absent,
        // A page that is no record, an error, a redirect: nobody says that there is none.
        Err(_) => Sight::Unreachable,
    }
}

/// How often what is due is looked for.
const ROUND: Duration = Duration::from_mins(15);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::namespace::Config;
    use crate::net::{Client, Rules, System};
    use crate::service::fixture::{Fixture, key};
    use harness::http::server::{Server, answer};

    const HOUR_US: i64 = 3_600_000_000;

    #[test]
    fn what_takes_a_name_away_needs_two_that_agree() {
        use Sight::{Absent, Changed, Present, Unreachable};
        let other = || Changed("other".to_owned());
        for (sights, expected) in [
            (vec![], Unreachable),
            (vec![Present], Present),
            (vec![Absent], Unreachable),
            (vec![other()], Unreachable),
            (vec![Absent, Absent], Absent),
            (vec![Absent, Present], Present),
            (vec![other(), Present], Present),
            (vec![Absent, Unreachable], Unreachable),
            (vec![other(), Absent], Unreachable),
            (vec![other(), other()], other()),
            (vec![other(), Changed("third".to_owned())], Unreachable),
        ] {
            assert_eq!(together(&sights), expected, "{sights:?}");
        }
    }

    #[test]
    fn a_loss_has_its_time_of_grace_and_an_outage_is_none() {
        let grace_us = limits::PROOF_GRACE_US;
        let now_us = 10 * grace_us;
        let absent = |state, since_us| judge(state, since_us, &Sight::Absent, now_us);
        assert_eq!(absent("present", 0), (None, now_us), "the grace begins");
        assert_eq!(absent("present", now_us - grace_us + 1), (None, now_us - grace_us + 1));
        assert_eq!(absent("present", now_us - grace_us), (Some("absent"), now_us - grace_us));
        assert_eq!(absent("absent", HOUR_US), (None, HOUR_US), "it is said once");
        let outage = |state| judge(state, HOUR_US, &Sight::Unreachable, now_us);
        assert_eq!(outage("present"), (Some("unreachable"), HOUR_US));
        assert_eq!(outage("unreachable"), (None, HOUR_US));
        assert_eq!(outage("absent"), (None, HOUR_US));
        for state in ["absent", "changed", "unreachable"] {
            assert_eq!(judge(state, 1, &Sight::Present, now_us), (Some("present"), 0));
        }
        let changed = Sight::Changed("other".to_owned());
        assert_eq!(judge("present", 1, &changed, now_us), (Some("changed"), 0), "no grace");
    }

    #[tokio::test]
    async fn a_domain_whose_key_is_another_is_rekeyed_and_one_that_is_gone_waits() {
        let record = |seed: u8| {
            let raw = STANDARD.encode(key(seed).public().raw());
            format!("v=MCPv1; k=ed25519; p={raw}")
        };
        let (first, second) = (record(1), record(2));
        let phase = Arc::new(AtomicUsize::new(0));
        let at = Arc::clone(&phase);
        let server = Server::start(move |_| match at.load(Ordering::Relaxed) {
            0 => answer("200 OK", "", first.as_bytes()),
            1 => answer("200 OK", "", b"<html>parked</html>"),
            2 => answer("404 Not Found", "", b""),
            _ => answer("200 OK", "", second.as_bytes()),
        })
        .await;
        let registry = Fixture::new().await;
        let service = registry.service.clone();
        let client = || {
            let rules = Rules { exceptions: vec![server.address], ..Rules::default() };
            Client::new(rules, Arc::new(System)).unwrap()
        };
        let mut config = Config::new("https://registry.example.com");
        config.well_known = format!("http://{}/{{domain}}", server.address);
        config.resolvers = vec!["127.0.0.1:9".parse().unwrap()];
        let eye = || Namespaces::new(service.clone(), config.clone(), client()).unwrap();
        let found = eye().look(Method::Http, "example.com").await.unwrap();
        let of = Observed::Namespace {
            method: "http".to_owned(),
            subject: "example.com".to_owned(),
            state: "present".to_owned(),
            key: found.records.first().map(crate::namespace::record::Record::fingerprint),
        };
        let observation = Observation { of, changes: Vec::new(), vantage: None, client: None };
        let statement = registry.statement("com.example/*", Predicate::Observation(observation));
        service.state(statement, Vec::new()).await.unwrap();
        let proofs = Proofs::new(service.clone(), vec![eye(), eye()]);
        let check = async |phase_now: usize| {
            phase.store(phase_now, Ordering::Relaxed);
            let again = sqlx::query("UPDATE proof_schedule SET next_us = 0");
            again.execute(service.database().pool()).await.unwrap();
            proofs.check().await.unwrap()
        };
        assert_eq!(check(0).await, 0, "it holds");
        assert_eq!(proofs.check().await.unwrap(), 0, "and is not due again today");
        assert_eq!(check(1).await, 1, "a parking page is an outage");
        assert_eq!(check(2).await, 0, "absent, within the grace");
        let old = sqlx::query("UPDATE proof_schedule SET absent_us = absent_us - $1");
        old.bind(limits::PROOF_GRACE_US).execute(service.database().pool()).await.unwrap();
        assert_eq!(check(2).await, 1, "absent, and the grace is over");
        assert_eq!(check(0).await, 1, "back");
        assert_eq!(check(3).await, 1, "another key");
        let query = sqlx::query_as("SELECT code FROM changes ORDER BY id");
        let codes: Vec<(String,)> = query.fetch_all(service.database().pool()).await.unwrap();
        let codes: Vec<_> = codes.into_iter().map(|(code,)| code).collect();
        assert_eq!(
            codes,
            [
                "namespace.proved",
                "namespace.unreachable",
                "namespace.lost",
                "namespace.restored",
                "namespace.rekeyed",
            ]
        );
    }
}
