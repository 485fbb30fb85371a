//! What a transparency log says of the guarded server, wherever it is read.

use crate::pin::Pin;

/// The log's word on one server. Asked for every decision: answers from memory.
pub trait Published: Send + Sync {
    /// Why the log does not back the pin now: not logged, another surface, revoked, not fresh.
    fn objection(&self, pin: &Pin) -> Option<Objection>;
}

/// Why a log does not back a pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// What is wrong.
    pub ground: Ground,
    /// One sentence for a person.
    pub sentence: String,
}

/// What is wrong between a log and a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Nothing verified says that the log has the server's version.
    Missing,
    /// The log fixes another surface.
    Differs,
    /// The version, its surface or its publisher's key was revoked, or the version deleted.
    Revoked,
    /// The newest proof is older than the reader accepts.
    Stale,
    /// The evidence does not verify.
    Unproved,
    /// The log is no longer what was seen of it before.
    Forked,
}

impl Ground {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "guard.log-missing",
            Self::Differs => "guard.log-differs",
            Self::Revoked => "guard.log-revoked",
            Self::Stale => "guard.log-stale",
            Self::Unproved => "guard.log-unproved",
            Self::Forked => "guard.log-forked",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use surface::{CacheScope, Era, Kind, List, Place, Surface};
    use wire::request::Subject;

    use super::*;
    use crate::event::{Events, Verdict};
    use crate::gate::view::{self, View};
    use crate::gate::{Gate, Mode, Stance, Standing};
    use crate::pin::MemoryPins;

    struct Says(Option<Ground>);

    impl Published for Says {
        fn objection(&self, _pin: &Pin) -> Option<Objection> {
            Some(Objection { ground: self.0?, sentence: "It is so.".to_owned() })
        }
    }

    fn gate(mode: Mode, ground: Option<Ground>) -> (Gate, Arc<Pin>) {
        let tool = json!({ "name": "send", "inputSchema": { "type": "object" } });
        let items = [(Place::new(Kind::Tool, "send"), tool)];
        let surface = Surface { era: Era::Modern, items: items.into_iter().collect() };
        let pin = Pin::new(surface, CacheScope::Public);
        let pins = MemoryPins::default();
        pins.approve(pin.clone());
        let events = Events::to(std::io::sink());
        let gate = Gate::new("mail".to_owned(), Stance::of(mode), Arc::new(pins), events);
        (gate.backed_by(Arc::new(Says(ground))), Arc::new(pin))
    }

    /// What a call is answered, and how many tools a client is shown.
    fn seen(mode: Mode, ground: Option<Ground>) -> (Verdict, Vec<String>, usize) {
        let (gate, pin) = gate(mode, ground);
        let standing = Standing::new(Some(Arc::clone(&pin)), Arc::new(pin.surface.clone()), &[]);
        let decision = gate.decide(&standing, &Subject::Tool("send".into()));
        let reasons = decision.reasons.into_iter().map(|reason| reason.code).collect();
        let listed = br#"{"tools":[{"name":"send","inputSchema":{"type":"object"}}]}"#;
        let document = wire::Document::parse(listed, &surface::document::POLICY).unwrap();
        let shown = match view::page(&gate, Era::Modern, List::Tools, document.root()).unwrap() {
            View::Same => 1,
            View::Changed { result, .. } => result["tools"].as_array().unwrap().len(),
            View::Withheld { .. } => 0,
        };
        (decision.verdict, reasons, shown)
    }

    #[test]
    fn what_the_log_does_not_back_is_neither_shown_nor_called() {
        for mode in [Mode::Fixed, Mode::Hold] {
            assert_eq!(seen(mode, None), (Verdict::Allow, vec![], 1));
            for ground in [
                Ground::Missing,
                Ground::Differs,
                Ground::Revoked,
                Ground::Stale,
                Ground::Unproved,
                Ground::Forked,
            ] {
                let held = (Verdict::Hold, vec![ground.code().to_owned()], 0);
                assert_eq!(seen(mode, Some(ground)), held, "{mode:?} {ground:?}");
            }
        }
        let observed = (Verdict::Allow, vec!["guard.log-revoked".to_owned()], 1);
        assert_eq!(seen(Mode::Observe, Some(Ground::Revoked)), observed);
    }
}
