//! What the service signs with, and what it publishes.
//!
//! Rotation: `next` is published before it signs, so that no reader meets a key that it cannot know;
//! `retired` is published until the last token that it signed is over.

use std::sync::Arc;

use serde_json::Value;

use crate::token::{Key, KeySet, Signer};

/// The keys of a service.
pub struct Keys {
    current: Arc<Signer>,
    published: KeySet,
}

impl Keys {
    /// The keys.
    ///
    /// # Errors
    /// The name of a key that is there twice.
    pub fn new(current: Signer, next: Option<Signer>, retired: Vec<Key>) -> Result<Self, String> {
        let mut published: Vec<Key> = vec![current.public().clone()];
        published.extend(next.map(|next| next.public().clone()));
        published.extend(retired);
        let mut seen = std::collections::BTreeSet::new();
        for key in &published {
            let thumbprint = key.thumbprint();
            if !seen.insert(thumbprint.clone()) {
                return Err(key.id().map_or(thumbprint.0, str::to_owned));
            }
        }
        Ok(Self { current: Arc::new(current), published: KeySet(published) })
    }

    /// What signs.
    pub const fn signer(&self) -> &Arc<Signer> {
        &self.current
    }

    /// What verifies.
    pub const fn published(&self) -> &KeySet {
        &self.published
    }

    /// As others read it.
    pub fn jwks(&self) -> Value {
        self.published.jwks()
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("published", &self.published).finish_non_exhaustive()
    }
}
