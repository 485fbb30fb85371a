//! Between domains: assertions that say who somebody is (ID-JAG), and events that end what was
//! granted (Shared Signals).
//!
//! A subject is never copied from one domain into another: outside its own it is a pairwise name. What
//! an assertion limits and we cannot enforce refuses the assertion. Deliberately absent: a way from a
//! denial to an interactive login.

pub mod events;

pub use events::{Event, EventError, Transmitter};

/// The codes of this part, with what they mean.
pub const CODES: &[(&str, &str)] = &[
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
