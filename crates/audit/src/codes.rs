//! The stable codes of what this crate refuses and finds, in one table.

/// Every code with its meaning.
pub const CODES: &[(&str, &str)] = &[
    ("audit.record.too-long", "A record has more than 65,535 bytes."),
    ("audit.record.json", "A record is no strict JSON."),
    (
        "audit.record.member",
        "A record has an unknown member, lacks one, or has one of another type.",
    ),
    ("audit.record.version", "A record is of a version that is not known."),
    (
        "audit.record.kind",
        "A record lacks what its kind must hold, or holds what is another kind's.",
    ),
    ("audit.record.list", "A list of a record is longer than its bound."),
    ("audit.record.not-canonical", "The bytes of a record are not its own RFC 8785 form."),
    ("audit.trail.missing", "There is no audit trail in the folder."),
    ("audit.trail.exists", "There is an audit trail already; nothing is made over it."),
    ("audit.trail.led", "Another process writes the audit trail."),
    ("audit.trail.damaged", "What is stored of the audit trail contradicts itself."),
    ("audit.trail.behind", "The signer signed more records than are there: this is an older copy."),
    ("audit.trail.signer", "The signer cannot be asked."),
    ("audit.trail.storage", "The audit trail cannot be read or written."),
    ("audit.trail.not-open", "An outcome of a call that no decision opened, or that has one."),
    ("audit.trail.decided", "A decision of a call that has one."),
    ("audit.trail.full", "Too many records wait to be written."),
    ("audit.trail.deadline", "A record did not become durable in time."),
    ("audit.trail.unsigned", "No checkpoint was signed for too long."),
    ("audit.trail.closed", "The audit trail was closed."),
    ("audit.trail.randomness", "The operating system gives no randomness."),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;
    use std::path::Path;

    use super::CODES;

    /// Every text in the sources that looks like a code of this crate.
    fn written(folder: &Path, codes: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                written(&path, codes);
            } else if !path.ends_with("codes.rs") && !path.ends_with("tests.rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                let is_part = |c: char| c.is_ascii_lowercase() || c == '-' || c == '.';
                let texts = source.split('"').filter(|text| text.starts_with("audit."));
                codes.extend(texts.filter(|text| text.chars().all(is_part)).map(str::to_owned));
            }
        }
    }

    #[test]
    fn the_table_holds_every_code_once_and_no_other() {
        let listed: BTreeSet<_> = CODES.iter().map(|(code, _)| (*code).to_owned()).collect();
        assert_eq!(listed.len(), CODES.len(), "a code stands twice");
        let mut sources = BTreeSet::new();
        written(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
        assert_eq!(listed, sources);
    }
}
