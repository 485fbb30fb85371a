//! What people say of what is published: a reviewer releases what is held; a publisher hands over to
//! its next key, and takes back what no longer holds.

use seal::statement::{Countersignature, Revoked, Verdict};
use seal::{Envelope, KeyId, Predicate, PublicKey, Statement};
use sqlx::Row as _;

use super::declare::keys_of;
use super::known::{Held, Standing};
use super::{PublishError, Publisher};
use crate::namespace;
use store::Receipt;

impl Publisher {
    /// Takes a statement that somebody signed: an approval, a rotation, a revocation, or an observation
    /// of the `surface`. Gives its index.
    ///
    /// # Errors
    /// A statement of another kind, a signature that is missing or wrong, or a signer who may not say
    /// it.
    pub async fn take(
        &self,
        envelope: &[u8],
        keys: &[String],
        surface: Option<&[u8]>,
    ) -> Result<u64, PublishError> {
        let envelope = Envelope::parse(envelope)?;
        let (keys, verified) = self.verified(&envelope, keys)?;
        let server = envelope.statement().server.clone();
        match &envelope.statement().predicate {
            Predicate::Approval(_) => self.approve(envelope, &keys, &verified).await,
            Predicate::Observation(_) => self.observe(envelope, &keys, surface).await,
            Predicate::Rotation(rotation) => {
                let to: PublicKey =
                    rotation.to.parse().map_err(|_| PublishError::Statement { member: "to" })?;
                // The old key hands over, and the new one shows that it is there.
                let is_signed = verified.contains(&rotation.from) && verified.contains(&to.id());
                let standing = self.standing(&server, &rotation.from).await?;
                if !is_signed || standing != Standing::Counts {
                    return Err(PublishError::NotEntitled);
                }
                Ok(self.service.append(envelope, &keys, Vec::new()).await?.receipt.index)
            }
            Predicate::Revocation(revocation) => {
                let of = revocation.of.clone();
                if !self.may_revoke(&server, &of, &verified).await? {
                    return Err(PublishError::NotEntitled);
                }
                // INVARIANT: what the log has last of a key reaches furthest back, as readers are shown
                // the newest revocation of a key and no other.
                let _one = match &of {
                    Revoked::Key { .. } => Some(self.revoking.lock().await),
                    _ => None,
                };
                self.reaches_back(&of).await?;
                Ok(self.service.append(envelope, &keys, Vec::new()).await?.receipt.index)
            }
            _ => Err(PublishError::Statement { member: "predicateType" }),
        }
    }

    /// A publisher revokes with a key that counts for the server, or a key with itself; a reviewer
    /// revokes anything.
    async fn may_revoke(
        &self,
        server: &str,
        of: &Revoked,
        signers: &[KeyId],
    ) -> Result<bool, PublishError> {
        let reviewers = &self.admission.reviewers;
        if reviewers.iter().any(|reviewer| signers.contains(&reviewer.id())) {
            return Ok(true);
        }
        for signer in signers {
            if self.standing(server, signer).await? != Standing::Counts {
                continue;
            }
            let is_own = match of {
                // A key of this server: another's is not this publisher's to revoke.
                Revoked::Key { key, .. } => {
                    let standing = self.standing(server, key).await?;
                    matches!(standing, Standing::Counts | Standing::Stranger)
                        && self.is_key_of(server, key).await?
                }
                _ => true,
            };
            if is_own {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A revocation of a key reaches back as far as those before it.
    async fn reaches_back(&self, of: &Revoked) -> Result<(), PublishError> {
        let Revoked::Key { key, since } = of else { return Ok(()) };
        let query =
            sqlx::query("SELECT MIN(since) FROM revocations WHERE kind = 'key' AND subject = $1");
        let row = query.bind(key.0.to_string()).fetch_one(self.service.database().pool()).await;
        let earliest: Result<Option<i64>, sqlx::Error> = row.and_then(|row| row.try_get(0));
        let failed = crate::service::ServiceError::database("reading the revocations of a key");
        match earliest.map_err(failed)?.map(i64::unsigned_abs) {
            Some(earliest) if *since > earliest => Err(PublishError::Weaker { since: earliest }),
            _ => Ok(()),
        }
    }

    async fn is_key_of(&self, server: &str, key: &KeyId) -> Result<bool, PublishError> {
        let query = sqlx::query("SELECT 1 FROM keys WHERE server = $1 AND key_id = $2");
        let query = query.bind(server.to_owned()).bind(key.0.to_string());
        let row = query.fetch_optional(self.service.database().pool()).await;
        let failed = crate::service::ServiceError::database("reading a key");
        Ok(row.map_err(failed)?.is_some())
    }

    /// A reviewer's approval: the registry countersigns what it held, and accepts the proof of the
    /// namespace if that was the reason.
    async fn approve(
        &self,
        envelope: Envelope,
        keys: &[PublicKey],
        signers: &[KeyId],
    ) -> Result<u64, PublishError> {
        let reviewers = &self.admission.reviewers;
        if !reviewers.iter().any(|reviewer| signers.contains(&reviewer.id())) {
            return Err(PublishError::NotEntitled);
        }
        let Predicate::Approval(approval) = envelope.statement().predicate.clone() else {
            return Err(PublishError::Statement { member: "predicateType" });
        };
        let index = approval.held.ok_or(PublishError::Statement { member: "held" })?;
        let held = self.hold(index).await?;
        let server = envelope.statement().server.clone();
        let known = self.version(&held.server, &held.version).await?;
        let known = known.ok_or(PublishError::NotHeld { index })?;
        if server != held.server || known.statement != held.declaration {
            return Err(PublishError::Statement { member: "subject" });
        }
        // What was reviewed is what is released.
        let of = approval.of.to_string();
        if known.surface_exact.as_ref().unwrap_or(&known.entry) != &of {
            return Err(PublishError::Statement { member: "of" });
        }
        let said = self.entry_at(index).await?;
        let Some(Predicate::Countersignature(verdict)) = said.map(|said| said.predicate) else {
            return Err(PublishError::NotHeld { index });
        };
        let approved = self.service.append(envelope, keys, Vec::new()).await?.receipt;
        if verdict.findings.iter().any(|finding| finding.code == "namespace.rekeyed") {
            for (pattern, found) in self.rekeyed(&server).await? {
                let statement = namespace::accepted(&self.service, &pattern, found);
                self.service.state(statement, Vec::new()).await?;
            }
        }
        self.release(&held, verdict, approved).await
    }

    async fn release(
        &self,
        held: &Held,
        verdict: Countersignature,
        approved: Receipt,
    ) -> Result<u64, PublishError> {
        let predicate =
            Predicate::Countersignature(Countersignature { verdict: Verdict::Allow, ..verdict });
        let statement = Statement {
            server: held.server.clone(),
            time: self.now(),
            previous: Some(approved.index),
            predicate,
        };
        Ok(self.service.state(statement, Vec::new()).await?.receipt.index)
    }

    async fn entry_at(&self, index: u64) -> Result<Option<Statement>, PublishError> {
        let entries = self.service.log().entries(index, index + 1).await;
        let entries = entries.map_err(crate::service::ServiceError::from)?;
        Ok(entries
            .first()
            .map(|entry| Envelope::parse(entry))
            .transpose()?
            .map(|it| it.statement().clone()))
    }

    /// Everybody who signed, verified: with the keys that were brought, and those that are known.
    fn verified(
        &self,
        envelope: &Envelope,
        keys: &[String],
    ) -> Result<(Vec<PublicKey>, Vec<KeyId>), PublishError> {
        let mut keys = keys_of(keys)?;
        keys.extend(self.admission.reviewers.iter().cloned());
        keys.extend(self.admission.observers.iter().cloned());
        keys.sort_by_key(PublicKey::id);
        keys.dedup_by_key(|key| key.id());
        let verified = envelope.verify(&keys)?;
        // INVARIANT: nobody is named as a signer in the log whose signature was not verified.
        if envelope.signers().iter().any(|signer| !verified.contains(signer)) {
            return Err(PublishError::KeyMissing);
        }
        Ok((keys, verified))
    }
}
