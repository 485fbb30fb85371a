//! The stable codes of what this crate refuses, in one table.

/// Every code with its meaning.
pub const CODES: &[(&str, &str)] = &[
    ("store.missing", "There is no log in the directory or database."),
    ("store.exists", "There is a log already; nothing is made over it."),
    ("store.led", "Another process writes the log."),
    ("store.moved", "The log has another size than a commit starts from: another one wrote."),
    ("store.damaged", "What is stored contradicts itself, or what the log's keys signed."),
    ("store.behind", "A witness holds a checkpoint that this log does not: it is an old copy."),
    (
        "store.unwitnessed",
        "No witness says what it holds, so nobody knows whether this is an old copy.",
    ),
    ("store.sign", "A key of the log cannot sign."),
    ("store.storage", "A file, the database or the object store failed, or cannot be trusted."),
    ("store.too-long", "An entry or an object is longer than its bound."),
    ("store.too-many", "An entry brings more objects than it may."),
    ("store.reserved", "Only the log itself states the root of its map."),
    ("store.full", "Too many submissions wait already. Asking again later is safe."),
    ("store.recovering", "The log does not sign until it has recovered. Nothing was added."),
    ("store.unknown", "Nobody knows whether the entry was added. Adding it again is safe."),
    ("store.closed", "The log was closed. Nothing was added."),
    ("store.audit-signature", "An audit found a checkpoint that the log's keys did not sign."),
    ("store.audit-fork", "An audit found two checkpoints of one size that disagree."),
    ("store.audit-shrunk", "An audit knows a checkpoint that is larger than the log."),
    ("store.audit-size", "An audit found a head that covers another number of entries."),
    ("store.audit-missing", "An audit misses a full tile or bundle."),
    ("store.audit-wrong", "An audit found a tile that does not follow from the entries."),
    ("store.audit-promise", "An audit knows two entries that were promised at one index."),
    ("store.audit-lost", "An audit misses an entry that was promised."),
    ("store.audit-map", "An audit found a leaf that does not state the root of the map."),
    ("store.audit-object", "An audit misses an object that an entry names, or found another."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CODES;

    /// Every text in the sources that looks like a code of this crate.
    fn written() -> BTreeSet<&'static str> {
        let sources =
            [include_str!("backend.rs"), include_str!("log.rs"), include_str!("oracle.rs")];
        let texts = sources.iter().flat_map(|source| source.split('"').skip(1));
        texts
            .filter(|text| {
                let rest = text.strip_prefix("store.");
                rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
            })
            .collect()
    }

    #[test]
    fn the_table_holds_every_code_once_and_no_other() {
        let listed: BTreeSet<_> = CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(listed.len(), CODES.len(), "a code stands twice");
        assert_eq!(listed, written());
    }
}
