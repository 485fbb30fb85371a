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
    (
        "audit.changed.approval",
        "A decision names an approver who approved other arguments, or nothing.",
    ),
    ("audit.changed.bundle", "The lengths in a bundle of records do not add up."),
    ("audit.changed.checkpoint", "A checkpoint is no checkpoint."),
    (
        "audit.changed.clock",
        "The wall clock moved against the one that never steps, and no record says so.",
    ),
    ("audit.changed.config", "A configuration record does not follow from the one before."),
    ("audit.changed.duplicate", "Two records have one id, or two decisions one call."),
    ("audit.changed.expected", "The trail is no longer what the expected checkpoint says."),
    ("audit.changed.frame", "The lengths in a frame of the tail do not add up."),
    ("audit.changed.leaf", "A record is not what its tile says."),
    ("audit.changed.link", "A record does not name the one before."),
    ("audit.changed.log-id", "A record is of another log."),
    ("audit.changed.mac", "A frame of the tail is not what its key made."),
    ("audit.changed.object", "A definition or a policy is not what its digest says."),
    ("audit.changed.order", "A checkpoint is not larger than the one before."),
    ("audit.changed.origin", "A checkpoint is of another log."),
    ("audit.changed.root", "The records do not make the root of a checkpoint."),
    ("audit.changed.seq", "A record is not at its index."),
    ("audit.changed.signature", "A signature of a checkpoint is wrong."),
    (
        "audit.changed.tail",
        "A record in the tail is not the one in its bundle, or stands there twice.",
    ),
    ("audit.changed.tile", "A tile does not follow from the records."),
    ("audit.changed.time", "The time of a record is outside the window of its checkpoint."),
    (
        "audit.changed.uncovered",
        "No checkpoint covers the last records, and no key of the tail proves them.",
    ),
    ("audit.changed.unsigned", "A key of the log did not sign a checkpoint."),
    (
        "audit.changed.witness",
        "The witnesses that the policy asks for did not cosign the newest checkpoint.",
    ),
    ("audit.missing.body", "Bodies of records are gone, and no record says that they were pruned."),
    (
        "audit.missing.checkpoint",
        "A checkpoint is missing: silence between two, or after the last.",
    ),
    ("audit.missing.decision", "An outcome has no decision, or is the second one."),
    ("audit.missing.expected", "The trail is shorter than the expected checkpoint."),
    ("audit.missing.first", "The first configuration record is missing."),
    ("audit.missing.gap", "A gap is declared: records could not be written."),
    ("audit.missing.object", "A definition or a policy that a record names is missing."),
    (
        "audit.missing.open-end",
        "The trail has no closing record, and its last one is older than the heartbeat.",
    ),
    ("audit.missing.outcome", "A decision has no outcome."),
    ("audit.missing.record", "A record is in no file."),
    (
        "audit.missing.restart",
        "The trail began again after an end that was none, and no gap says so.",
    ),
    ("audit.missing.seq", "Indices of records have a hole."),
    ("audit.missing.silence", "The trail was silent for longer than its heartbeat."),
    ("audit.missing.tile", "A tile is missing."),
    ("audit.missing.torn", "The last frame of the tail is not whole."),
    ("audit.missing.truncated", "A checkpoint covers more records than there are."),
    (
        "audit.remark.gap",
        "A gap without loss: the trail ended without a closing record, and began again.",
    ),
    ("audit.remark.live", "The trail is being written."),
    ("audit.remark.own-key", "The key comes from the trail itself: a foreign key is not excluded."),
    (
        "audit.remark.rollback",
        "Nothing is known from outside: a rollback to an older clean end, a rewrite with the log's key and a fork are not excluded.",
    ),
    ("audit.vault.erased", "A subject is not known to the vault, or was erased."),
    ("audit.vault.library", "The cryptographic library refuses, or there is no randomness."),
    ("audit.vault.sealed", "Sealed values are not what was sealed, or another tenant's."),
    ("audit.vault.storage", "The vault's folder cannot be read or written."),
    ("audit.verify.folder", "There is no such folder."),
    ("audit.verify.keys", "The keys that the trail claims are none."),
    ("audit.verify.read", "A file of the trail cannot be read."),
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
