//! What a namespace was first proved with stays bound to it: another key or account is a re-key.

use seal::statement::{Finding, Observation, Observed};
use seal::{Predicate, Statement};
use sqlx::Row as _;

use super::{NamespaceError, Proof};
use crate::limits;
use crate::service::{Service, ServiceError};

struct Bound {
    position: u64,
    state: String,
    fingerprint: Option<String>,
    time_us: i64,
}

/// Records a proof in the log, and gives the index of its statement, and whether the namespace was
/// bound to something else.
pub(super) async fn bind(service: &Service, proof: &Proof) -> Result<(u64, bool), NamespaceError> {
    let pattern = proof.grants.first().map(super::Grant::pattern).unwrap_or_default();
    let bound = bound(service, &pattern, proof).await?;
    let now_us = i64::try_from(service.now_s()).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    // The bound key vouches for those that the domain publishes beside it.
    let vouched =
        |bound: &Bound| bound.fingerprint.as_ref().is_none_or(|bound| proof.found.contains(bound));
    let is_rekeyed =
        bound.as_ref().is_some_and(|bound| bound.state == "changed" || !vouched(bound));
    if let Some(bound) = &bound {
        let is_fresh = now_us.saturating_sub(bound.time_us) < limits::PROOF_AGE_US_MAX;
        let is_said = if is_rekeyed { "changed" } else { "present" };
        let is_same = !is_rekeyed || bound.fingerprint.as_deref() == Some(&proof.key);
        if is_fresh && is_same && bound.state == is_said {
            return Ok((bound.position, is_rekeyed));
        }
    }
    let kept = bound.and_then(|bound| bound.fingerprint).filter(|_| !is_rekeyed);
    let key = kept.unwrap_or_else(|| proof.key.clone());
    let statement = observation(service, proof, pattern, key, is_rekeyed);
    let appended = service.state(statement, Vec::new()).await?;
    Ok((appended.receipt.index, is_rekeyed))
}

/// The statement that ends a re-key: whoever reviews has accepted the key that was found.
pub(crate) fn accepted(
    service: &Service,
    pattern: &str,
    (method, subject, key): (String, String, Option<String>),
) -> Statement {
    let of = Observed::Namespace { method, subject, state: "present".to_owned(), key };
    statement(service, pattern.to_owned(), of, Vec::new())
}

fn observation(
    service: &Service,
    proof: &Proof,
    pattern: String,
    key: String,
    is_rekeyed: bool,
) -> Statement {
    let changes = is_rekeyed.then(|| Finding {
        code: "namespace.rekeyed".to_owned(),
        severity: "critical".to_owned(),
        place: String::new(),
    });
    let of = Observed::Namespace {
        method: proof.method.as_str().to_owned(),
        subject: proof.subject.to_ascii_lowercase(),
        state: if is_rekeyed { "changed" } else { "present" }.to_owned(),
        key: Some(key),
    };
    statement(service, pattern, of, changes.into_iter().collect())
}

fn statement(service: &Service, server: String, of: Observed, changes: Vec<Finding>) -> Statement {
    let observation = Observation { of, changes, vantage: None, client: None };
    let predicate = Predicate::Observation(observation);
    let time = seal::time::format(service.now_s()).unwrap_or_default();
    Statement { server, time, previous: None, predicate }
}

async fn bound(
    service: &Service,
    pattern: &str,
    proof: &Proof,
) -> Result<Option<Bound>, NamespaceError> {
    // A GitHub account is one account, whichever token proves it.
    let methods = if proof.method.as_str().starts_with("github") {
        "github-%"
    } else {
        proof.method.as_str()
    };
    let query = sqlx::query(
        "SELECT position, state, fingerprint, time_us FROM namespaces \
         WHERE server = $1 AND method LIKE $2 AND subject = $3 ORDER BY position DESC LIMIT 1",
    )
    .bind(pattern)
    .bind(methods)
    .bind(proof.subject.to_ascii_lowercase());
    let read = |row: sqlx::any::AnyRow| {
        Ok(Bound {
            position: row.try_get::<i64, _>(0)?.unsigned_abs(),
            state: row.try_get(1)?,
            fingerprint: row.try_get(2)?,
            time_us: row.try_get(3)?,
        })
    };
    let row = query.fetch_optional(service.database().pool()).await;
    let bound = row.and_then(|row| row.map(read).transpose());
    Ok(bound.map_err(ServiceError::database("reading what a namespace is bound to"))?)
}
