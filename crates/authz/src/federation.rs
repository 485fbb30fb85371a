//! Between domains: assertions that say who somebody is (ID-JAG), and events that end what was
//! granted (Shared Signals).
//!
//! A subject is never copied from one domain into another: outside its own it is a pairwise name. What
//! an assertion limits and we cannot enforce refuses the assertion. Deliberately absent: a way from a
//! denial to an interactive login.

pub mod assertion;
pub mod events;
pub mod outbound;

pub use assertion::{Asserter, Assertion, AssertionError};
pub use events::{Event, EventError, Transmitter};
pub use outbound::{Asserted, Domain};

/// The codes of this part, with what they mean.
pub const CODES: &[(&str, &str)] = &[
    ("authz.federation.malformed", "The assertion is no token that can be read in one way only."),
    ("authz.federation.type", "It is no ID-JAG: another `typ`."),
    ("authz.federation.issuer", "Nobody whose assertions count here."),
    ("authz.federation.key", "The assertion's signature is not by a pinned key of its issuer."),
    ("authz.federation.audience", "The assertion is for another service, or for several."),
    ("authz.federation.client", "The assertion is for another client than the one that shows it."),
    ("authz.federation.time", "The assertion is over, not valid yet, or valid for too long."),
    ("authz.federation.resource", "Not one resource that the issuer may give access to."),
    ("authz.federation.constraint-unknown", "A limit in the assertion that is not enforced here."),
    ("authz.federation.holder-unproven", "The assertion is bound to another key than the proof's."),
    ("authz.federation.replayed", "The assertion was shown before."),
    (
        "authz.federation.event-type",
        "It is no security event token: another `typ`, or no `events`.",
    ),
    ("authz.federation.event-issuer", "Nobody who may tell us events, or not about this subject."),
    ("authz.federation.event-key", "The event's signature is not by a pinned key of its issuer."),
    ("authz.federation.event-audience", "The event is for somebody else, or for several."),
    ("authz.federation.event-subject", "The event's subject is not named as issuer and subject."),
    ("authz.federation.event-time", "The event is of the future, or does not say when it was."),
    ("authz.federation.event-malformed", "The event is no token that can be read in one way only."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn the_table_holds_every_code_once_and_no_other() {
        let sources =
            [include_str!("federation/assertion.rs"), include_str!("federation/events.rs")];
        let texts = sources.iter().flat_map(|source| source.split('"').skip(1).step_by(2));
        let written: BTreeSet<_> =
            texts.filter(|text| text.starts_with("authz.federation.")).collect();
        let listed: Vec<_> = super::CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), written);
        assert_eq!(listed.len(), written.len());
    }
}
