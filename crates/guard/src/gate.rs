//! Decides: a pin and the newest observation to a verdict for each request.

use std::sync::Arc;

use drift::Severity;

use crate::event::Events;
use crate::pin::PinSource;

/// What happens to what drifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Clients see the pinned surface, and nothing else.
    Fixed,
    /// Clients see what is live and unchanged; what drifted is withheld.
    Hold,
    /// Everything passes and is recorded.
    Observe,
}

/// How strictly to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stance {
    /// The mode.
    pub mode: Mode,
    /// From which severity a drifted item's calls are held.
    pub hold_at: Severity,
    /// Refuse, rather than forward and note, odd scalars in arguments and results.
    pub strict_payload: bool,
}

impl Stance {
    /// The stance of a mode on its own: `notice` in fixed, where the client still reads the
    /// approved text; `info`, which is any drift, in hold.
    pub const fn of(mode: Mode) -> Self {
        let hold_at = match mode {
            Mode::Fixed => Severity::Notice,
            Mode::Hold | Mode::Observe => Severity::Info,
        };
        Self { mode, hold_at, strict_payload: false }
    }
}

/// What every session of one guarded server shares.
pub struct Gate {
    pub(crate) alias: String,
    pub(crate) stance: Stance,
    pub(crate) pins: Arc<dyn PinSource>,
    pub(crate) events: Events,
}

impl Gate {
    /// A gate before the server `alias`.
    pub fn new(alias: String, stance: Stance, pins: Arc<dyn PinSource>, events: Events) -> Self {
        Self { alias, stance, pins, events }
    }
}
