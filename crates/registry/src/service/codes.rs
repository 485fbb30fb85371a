//! The stable codes of state changes, and of what the service refuses.

use drift::Severity::{self, Critical, Info, Notice, Warning};

/// State changes: code, severity before anything else is known, meaning.
pub const CHANGES: &[(&str, Severity, &str)] = &[
    // publish
    ("publish.declared", Info, "A version was declared for the first time."),
    ("publish.countersigned", Info, "A declared version was admitted."),
    ("publish.held", Notice, "A declared version waits for approval."),
    ("publish.denied", Warning, "A declared version was refused."),
    ("publish.released", Notice, "A held version was approved."),
    (
        "publish.version-reused",
        Warning,
        "Somebody declared another content for a version that exists.",
    ),
    // entry
    ("entry.added", Info, "An upstream lists an entry or a version for the first time."),
    ("entry.rewritten", Warning, "An entry has other content under the same name and version."),
    ("entry.migrated", Info, "An entry was rewritten by a new schema version and says the same."),
    (
        "entry.repointed",
        Critical,
        "A package, image repository or remote host has another owner or registrable domain.",
    ),
    ("entry.vanished", Warning, "An upstream lists an entry no more."),
    ("entry.restored", Notice, "An entry that had vanished is back."),
    ("entry.status", Notice, "The status of a version, or its message, changed."),
    ("entry.latest-moved-back", Warning, "`latest` points at an older version than before."),
    ("entry.unreadable", Warning, "An upstream lists an entry that strict JSON refuses."),
    ("upstream.reset", Warning, "More than 2 % of an upstream's entries vanished at once."),
    // surface
    ("surface.changed", Notice, "A live server shows another surface than before."),
    (
        "surface.contradicts",
        Warning,
        "A live server shows another surface than its version declares.",
    ),
    ("surface.unavailable", Notice, "A live server shows no surface any more."),
    ("surface.restored", Info, "A live server shows its surface again."),
    (
        "surface.split-view",
        Critical,
        "A live server shows different surfaces to observers of one authorization class.",
    ),
    ("surface.cloaking", Critical, "What a live server shows depends on who seems to ask."),
    ("surface.revoked", Critical, "A surface was revoked."),
    // authorization
    (
        "authorization.servers-changed",
        Critical,
        "A live server names other authorization servers than before.",
    ),
    (
        "authorization.other-resource",
        Critical,
        "The resource metadata of a live server is about another resource.",
    ),
    (
        "authorization.endpoint-moved",
        Critical,
        "An endpoint of an authorization server left its registrable domain.",
    ),
    ("authorization.weakened", Warning, "An authorization server lost PKCE with S256, or `iss`."),
    ("authorization.unusable", Warning, "An authorization server has no metadata to use any more."),
    // version, key, namespace
    ("version.revoked", Critical, "A version was revoked."),
    ("key.added", Info, "A publisher's first key."),
    ("key.rotated", Notice, "A publisher's next key, signed by the one before."),
    (
        "key.replaced",
        Critical,
        "A publisher's key changed without the signature of the one before.",
    ),
    ("key.revoked", Critical, "A key was revoked."),
    ("namespace.proved", Info, "A namespace was proved for the first time."),
    ("namespace.unreachable", Info, "The proof of a namespace could not be checked."),
    ("namespace.restored", Notice, "A lost namespace is proved again."),
    ("namespace.lost", Critical, "The proof of a namespace is gone."),
    ("namespace.rekeyed", Critical, "The key of a namespace's proof is another one."),
];

/// The severity that a state change has before anything else is known.
pub fn severity(code: &str) -> Severity {
    change(code).map_or(Warning, |(_, severity, _)| *severity)
}

/// The row of a state change.
pub fn change(code: &str) -> Option<&'static (&'static str, Severity, &'static str)> {
    CHANGES.iter().find(|(known, ..)| *known == code)
}

/// What the service and its API refuse: code, meaning.
pub const CODES: &[(&str, &str)] = &[
    ("api.not-found", "There is no such server, version, entry or object."),
    ("api.query", "A query parameter cannot be read, or is past its bounds."),
    ("api.cursor", "The cursor is not one of ours, or is of another query."),
    ("api.path", "The path names nothing in one way only."),
    ("api.body", "The body is too long, or is not strict JSON."),
    ("api.method", "The method is not implemented here."),
    ("operator.token", "The operator's token is missing, or is another."),
    ("service.time", "The statement claims a time more than five minutes from now."),
    ("service.kind", "Only the registry itself makes statements of this kind."),
    ("service.signers", "The statement is signed by a key that is not given beside it."),
    ("service.late", "The statement is in the log; the tables are behind. Asking again is safe."),
    ("service.failed", "The registry could not do it; its own log says why."),
];

/// What is said of a publication or of an entry beside state changes and what `drift` finds: findings
/// of admission, and why an entry of an upstream cannot be read.
pub const FINDINGS: &[(&str, &str)] = &[
    (
        "artefact.mismatch",
        "A package's registry, or server.json itself, has another digest than was declared.",
    ),
    ("artefact.undeclared", "No digest was declared for a package."),
    ("artefact.unchecked", "Nobody could be asked for the digest of a package."),
    ("artefact.unrelated", "A digest was declared for a package that server.json does not name."),
    ("entry.not-an-object", "The row of an upstream, or its `server`, is no JSON object."),
    ("entry.name", "The name of an upstream's entry is missing or none."),
    ("entry.version", "The version of an upstream's entry is missing or none."),
];

#[cfg(test)]
mod tests;
