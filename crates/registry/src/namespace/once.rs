//! What counts once: the identifier of a token, a signed timestamp. Kept until it is over.

use surface::Digest;

use super::error::NamespaceError;
use crate::service::{Service, ServiceError};

/// Spends a proof.
///
/// # Errors
/// A proof that was spent before.
pub(super) async fn spend(
    service: &Service,
    kind: &'static str,
    proof: &str,
    expires_s: u64,
) -> Result<(), NamespaceError> {
    let pool = service.database().pool();
    let now_s = i64::try_from(service.now_s()).unwrap_or(i64::MAX);
    let over = sqlx::query("DELETE FROM spent_proofs WHERE expires_s < $1").bind(now_s);
    over.execute(pool).await.map_err(ServiceError::database("forgetting spent proofs"))?;
    // A digest: what was signed or issued is not kept.
    let proof = Digest::of_bytes(format!("{kind}\n{proof}").as_bytes()).to_string();
    let row = sqlx::query(
        "INSERT INTO spent_proofs (proof, expires_s) VALUES ($1, $2) ON CONFLICT (proof) DO NOTHING",
    )
    .bind(proof)
    .bind(i64::try_from(expires_s).unwrap_or(i64::MAX));
    let done = row.execute(pool).await.map_err(ServiceError::database("spending a proof"))?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(NamespaceError::Replayed) }
}
