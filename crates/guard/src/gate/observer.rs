//! Who is told of what a server shows to nobody in particular.

use std::sync::Arc;
use std::time::Duration;

use surface::{CacheScope, Observation, Surface};

/// Somebody who may bear witness to what a server shows. Asked between a listing and the call that
/// waits for it, so it must not block.
pub trait Observer: Send + Sync {
    /// The server showed this to a client that sent no credentials.
    fn saw(&self, seen: Seen);
}

/// A whole listing.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The surface, as it was shown.
    pub surface: Arc<Surface>,
    /// Whether nothing differs from the pin.
    pub is_approved: bool,
    /// Who may share it, as the server says.
    pub cache_scope: CacheScope,
    /// How long it holds, as the server says.
    pub ttl: Option<Duration>,
}

impl Seen {
    /// The same as an observation.
    pub fn observation(&self) -> Observation {
        let surface = Surface::clone(&self.surface);
        Observation { surface, cache_scope: self.cache_scope, ttl: self.ttl }
    }
}
