//! Which declaration owns each version: the first in the log.

use std::collections::{BTreeMap, HashMap};

use seal::statement::{Content, Verdict};
use seal::{Envelope, Predicate, PublicKey};
use tlog::Map;

/// What the declarations so far fix.
#[derive(Default)]
pub(super) struct Versions {
    owners: HashMap<tlog::map::Key, (u64, Content)>,
    /// Later declarations with other content, each with the owner. A registry logs such attempts.
    attempts: BTreeMap<u64, u64>,
}

impl Versions {
    /// Takes the next statement in. If a registry admits with it what an earlier declaration rules
    /// out: the indices of that one, of the admitted one, and of this.
    pub(super) fn take(
        &mut self,
        index: u64,
        envelope: &Envelope,
        registries: &[PublicKey],
    ) -> Option<[u64; 3]> {
        let statement = envelope.statement();
        match &statement.predicate {
            Predicate::Declaration(it) => {
                // Names of servers have no spaces.
                let key = Map::key(&format!("{} {}", statement.server, it.version));
                let Some((owner, first)) = self.owners.get_mut(&key) else {
                    self.owners.insert(key, (index, it.content()));
                    return None;
                };
                if first.contradicts(&it.content()) {
                    self.attempts.insert(index, *owner);
                } else if first.surface.is_none() {
                    // A surface may follow its entry.
                    (*owner, *first) = (index, it.content());
                }
                None
            }
            Predicate::Countersignature(it) if it.verdict != Verdict::Deny => {
                let owner = *self.attempts.get(&it.declaration)?;
                let is_signed = envelope.verify(registries).is_ok_and(|by| !by.is_empty());
                is_signed.then_some([owner, it.declaration, index])
            }
            _ => None,
        }
    }
}
