//! Which keys count at which index of a log: its rotations and revocations, followed in order.
//!
//! A *rotation* counts when the old and the new key both signed it and the old one counted. From its
//! index on the old key counts for nothing, and the new one speaks in its place. A *revocation* of a
//! key counts when the key itself signed it, the key that follows it, or a registry; nothing that
//! the key signed at or after `since` counts, and of several revocations the earliest `since` holds.
//! A rotated key that revokes itself cannot reach behind its rotation: whoever stole it would undo
//! its owner's way out. A registry, which can prove the namespace again, can.

use std::collections::BTreeMap;

use crate::envelope::{Envelope, EnvelopeError};
use crate::key::{KeyId, PublicKey};
use crate::limits;
use crate::statement::{Predicate, Revocation, Revoked, Rotation};

/// The rotations and revocations of a log, as far as it was followed.
#[derive(Debug, Clone, Default)]
pub struct KeyHistory {
    known: BTreeMap<KeyId, PublicKey>,
    registries: Vec<KeyId>,
    rotated: BTreeMap<KeyId, Rotated>,
    revoked: BTreeMap<KeyId, u64>,
}

#[derive(Debug, Clone, Copy)]
struct Rotated {
    at: u64,
    to: KeyId,
}

/// What a leaf changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// Another key speaks in place of this one.
    Rotated {
        /// The old key.
        from: KeyId,
        /// The new key.
        to: PublicKey,
    },
    /// Nothing that a key signed at or after an index counts.
    Revoked {
        /// The key.
        key: KeyId,
        /// The index.
        since: u64,
    },
}

/// Why a key does not count at an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    /// It was revoked from this index on.
    Revoked(u64),
    /// Another key took its place at this index.
    Rotated(u64),
}

impl KeyHistory {
    /// The history of an empty log whose `registries` may revoke any key.
    pub fn new(registries: &[PublicKey]) -> Self {
        let mut history = Self::default();
        for key in registries {
            history.registries.push(key.id());
            history.learn(key.clone());
        }
        history
    }

    /// Makes a key known, so that what it signs can be verified.
    pub fn learn(&mut self, key: PublicKey) {
        self.known.insert(key.id(), key);
    }

    /// A key that is known.
    pub fn key(&self, id: &KeyId) -> Option<&PublicKey> {
        self.known.get(id)
    }

    /// Follows one leaf. Leaves come in the order of their indices; those that are neither rotations
    /// nor revocations of keys cost nothing. `None` when the leaf changes nothing, because it is of
    /// another kind or because nobody who may say so has signed it.
    ///
    /// # Errors
    /// A signature that names a known key and is wrong: the leaf changes nothing.
    pub fn follow(
        &mut self,
        index: u64,
        envelope: &Envelope,
    ) -> Result<Option<KeyChange>, EnvelopeError> {
        match &envelope.statement().predicate {
            Predicate::Rotation(rotation) => self.rotate(index, envelope, rotation),
            Predicate::Revocation(Revocation { of: Revoked::Key { key, since }, .. }) => {
                self.revoke(index, envelope, *key, *since)
            }
            _ => Ok(None),
        }
    }

    /// Those signers of an envelope that are known, signed it, and count at its index.
    ///
    /// # Errors
    /// A signature that names a known key and is wrong.
    pub fn signers(&self, index: u64, envelope: &Envelope) -> Result<Vec<KeyId>, EnvelopeError> {
        let mut signers = self.verified(envelope, None)?;
        signers.retain(|key| self.lapse(key, index).is_none());
        Ok(signers)
    }

    /// Why a key does not count at an index; `None` if it does. A key counts until it is rotated or
    /// revoked: whether anybody trusts it is another question.
    pub fn lapse(&self, key: &KeyId, index: u64) -> Option<Lapse> {
        if let Some(since) = self.revoked.get(key).filter(|since| index >= **since) {
            return Some(Lapse::Revoked(*since));
        }
        self.rotation(key).filter(|rotated| index >= rotated.at).map(|it| Lapse::Rotated(it.at))
    }

    /// The key that speaks in place of `key` now, which may be `key` itself.
    pub fn newest(&self, key: &KeyId) -> KeyId {
        let chain = std::iter::successors(Some(*key), |key| self.rotation(key).map(|it| it.to));
        chain.take(limits::ROTATIONS_MAX + 1).last().unwrap_or(*key)
    }

    /// Whether `key` is `root`, or speaks in its place by rotations that count.
    pub fn speaks_for(&self, key: &KeyId, root: &KeyId) -> bool {
        let chain = std::iter::successors(Some(*root), |key| self.rotation(key).map(|it| it.to));
        chain.take(limits::ROTATIONS_MAX + 1).any(|link| link == *key)
    }

    /// Whether `key` is that of a registry, or speaks in the place of one.
    pub fn is_registry(&self, key: &KeyId) -> bool {
        self.registries.iter().any(|root| self.speaks_for(key, root))
    }

    /// The rotation away from a key, unless the key was revoked at or before it.
    fn rotation(&self, key: &KeyId) -> Option<&Rotated> {
        let rotated = self.rotated.get(key)?;
        let is_void = self.revoked.get(key).is_some_and(|since| *since <= rotated.at);
        (!is_void).then_some(rotated)
    }

    fn rotate(
        &mut self,
        index: u64,
        envelope: &Envelope,
        rotation: &Rotation,
    ) -> Result<Option<KeyChange>, EnvelopeError> {
        let Ok(to) = rotation.to.parse::<PublicKey>() else { return Ok(None) };
        let from = rotation.from;
        let signers = self.verified(envelope, Some(&to))?;
        let both_signed = signers.contains(&from) && signers.contains(&to.id());
        let both_count =
            self.lapse(&from, index).is_none() && self.lapse(&to.id(), index).is_none();
        // A circle would leave nobody who speaks.
        if !both_signed || !both_count || self.newest(&to.id()) == from {
            return Ok(None);
        }
        self.rotated.insert(from, Rotated { at: index, to: to.id() });
        self.learn(to.clone());
        Ok(Some(KeyChange::Rotated { from, to }))
    }

    fn revoke(
        &mut self,
        index: u64,
        envelope: &Envelope,
        key: KeyId,
        since: u64,
    ) -> Result<Option<KeyChange>, EnvelopeError> {
        let signers = self.verified(envelope, None)?;
        let is_elder = |signer: &KeyId| {
            let may = self.is_registry(signer) || self.speaks_for(signer, &key);
            *signer != key && may && self.lapse(signer, index).is_none()
        };
        // Nobody revokes for later only.
        let since = since.min(index);
        let since = if signers.iter().any(is_elder) {
            since
        } else if signers.contains(&key) {
            self.rotation(&key).map_or(since, |rotated| since.max(rotated.at + 1))
        } else {
            return Ok(None);
        };
        let since = self.revoked.get(&key).map_or(since, |earlier| since.min(*earlier));
        self.revoked.insert(key, since);
        Ok(Some(KeyChange::Revoked { key, since }))
    }

    /// The known signers of an envelope, `more` among them.
    fn verified(
        &self,
        envelope: &Envelope,
        more: Option<&PublicKey>,
    ) -> Result<Vec<KeyId>, EnvelopeError> {
        let known = envelope.signers().iter().filter_map(|id| self.known.get(id));
        let keys: Vec<_> = known.chain(more).cloned().collect();
        envelope.verify(&keys)
    }
}

#[cfg(test)]
mod tests;
