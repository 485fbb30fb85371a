//! The stable codes, in one table.

/// Every code with its meaning.
pub const CODES: &[(&str, &str)] = &[
    ("policy.syntax", "A policy file that is not Cedar."),
    (
        "policy.invalid",
        "A policy that the schema does not allow: an unknown entity or attribute, a wrong type, or one that can never apply.",
    ),
    ("policy.unnamed", "A policy without an `@id`: no decision could name it."),
    ("policy.repeated", "Two policies with one `@id`."),
    ("policy.template", "A policy with a slot (`?principal`): nothing here fills it."),
    ("policy.size", "Policies, or a name in them, beyond a limit."),
    ("policy.world", "Servers, tools or edges that make no set of entities."),
    ("policy.forbidden", "A policy forbids it."),
    ("policy.unmatched", "No policy permits it."),
    ("policy.failed", "A policy could not be evaluated, and that denies."),
    (
        "policy.request-form",
        "A request without a subject, action or resource, or with one that is no entity.",
    ),
    (
        "policy.request-unknown",
        "A request about an entity type or an action that the schema does not have.",
    ),
    ("policy.request-context", "A request whose context lacks a fact, or has one of another type."),
    ("policy.request-size", "A request beyond a limit."),
];
