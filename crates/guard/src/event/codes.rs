//! The codes of the guard's own reasons, each with what it means. What `wire` refuses and what
//! `drift` finds have tables of their own.

/// Every code with its meaning.
pub const ALL: &[(&str, &str)] = &[
    ("guard.unpinned", "Nobody approved what this server shows."),
    ("guard.pinned", "The surface was pinned on first use; nobody has reviewed it."),
    ("guard.pins-unreadable", "The pins cannot be read or written, so everything is held."),
    ("guard.unlisted", "The server does not list the item, and nobody approved it."),
    (
        "guard.log-missing",
        "The log is not known to hold the server's version, so nothing is backed.",
    ),
    ("guard.log-differs", "The log fixes another surface than the pinned one."),
    ("guard.log-revoked", "The log revokes the version, its surface or its publisher's key."),
    ("guard.log-stale", "The newest proof of the log's state is older than accepted."),
    ("guard.log-unproved", "The evidence of the log does not verify."),
    ("guard.log-forked", "The log is no longer the one that was seen before."),
    ("guard.server-ended", "The server ended before it answered."),
    ("guard.unknown-id", "The server answered what nobody asked."),
    (
        "guard.id-in-use",
        "A request with this id is in flight: the answers could not be told apart.",
    ),
    ("guard.too-many", "Too many requests are in flight."),
    ("guard.batch", "A batch in a protocol version that has none."),
    ("capture.start", "The server could not be run."),
    ("capture.ended", "The server ended before it had shown everything."),
    ("capture.exchange", "An exchange with the server failed."),
    ("capture.http-status", "The server answered with an HTTP status instead of a message."),
    ("capture.timed-out", "The server did not answer in time."),
    ("capture.answered-error", "The server answered a question with an error."),
    ("capture.refused", "An answer holds what parsers read differently."),
    ("capture.malformed", "An answer has not the form that its method promises."),
    ("capture.duplicate-item", "Two items of a list have the same name."),
    ("capture.cursor-loop", "A cursor came back that was already followed."),
    ("capture.past-limit", "The surface is larger than a limit."),
    ("capture.torn", "The lists changed during every walk."),
    (
        "capture.not-opened",
        "The client has not opened the session, so the server cannot be listed.",
    ),
    ("http.path", "Nothing is served at this path."),
    ("http.method", "This method is not served here."),
    ("http.host", "`Host` does not name this listener: DNS rebinding."),
    ("http.origin", "`Origin` names a site that is not allowed here."),
    ("http.header-size", "A header line is larger than the limit."),
    ("http.content-type", "A body is no JSON, no event stream, or not in UTF-8."),
    ("http.body", "The body of a request cannot be read, or is larger than the limit."),
    ("http.body-time", "The body of a request did not arrive in time."),
    ("http.batch", "A batch in a protocol version that has none, or with `initialize` inside."),
    ("http.in-flight", "A request with this id is in flight on the one stream of answers."),
    (
        "http.protocol-version",
        "The protocol version is not supported, or header and body differ in it.",
    ),
    ("http.session", "The session is not known here: the client has to open a new one."),
    ("http.response-id", "The server answered a request that does not wait there."),
    ("http.upstream", "The server cannot be reached."),
    ("http.upstream-time", "The server did not answer in time."),
    ("http.upstream-answer", "The server's answer cannot be passed on: a redirect, or no message."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::ALL;

    #[test]
    fn the_table_holds_every_code_that_the_guard_gives_and_no_other() {
        let mut given = BTreeSet::new();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        collect(&sources, &mut given);
        let listed: BTreeSet<_> = ALL.iter().map(|(code, _)| (*code).to_owned()).collect();
        assert_eq!(listed.len(), ALL.len(), "a code stands twice");
        assert_eq!(given, listed);
    }

    fn collect(folder: &Path, given: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, given);
            } else if !path.ends_with("codes.rs") && !path.to_string_lossy().contains("tests") {
                let text = std::fs::read_to_string(path).unwrap();
                let quoted = text.split('"').skip(1).filter(|text| is_code(text));
                given.extend(quoted.map(str::to_owned));
            }
        }
    }

    fn is_code(text: &str) -> bool {
        let families = ["guard.", "capture.", "http."];
        let rest = families.iter().find_map(|family| text.strip_prefix(family));
        rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
    }
}
