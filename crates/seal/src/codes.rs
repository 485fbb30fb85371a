//! The stable codes of what this crate refuses, in one table. The checks of a bundle have theirs in
//! [`crate::bundle::CHECKS`].

/// Every code with its meaning.
pub const CODES: &[(&str, &str)] = &[
    ("seal.key-malformed", "The bytes are no key of a known kind in its one encoding."),
    ("seal.key-passphrase", "The passphrase of a key file is missing or wrong."),
    ("seal.key-private", "A private key stands where a public one belongs."),
    ("seal.key-public", "A public key stands where a private one is needed."),
    ("seal.key-kind", "A key signs with another algorithm than is asked for."),
    ("seal.key-name", "No note can carry the name of a log or witness."),
    ("seal.key-library", "The cryptographic library failed."),
    ("seal.envelope-too-long", "An envelope is longer than 65,535 bytes."),
    ("seal.envelope-json", "An envelope is not JSON that every parser reads alike."),
    ("seal.envelope-member", "A member of an envelope is missing or malformed."),
    ("seal.envelope-payload-type", "An envelope holds a payload of another type."),
    ("seal.envelope-signature-count", "An envelope has no signature, or more than eight."),
    (
        "seal.envelope-signature-order",
        "Signatures do not stand in the order of their keyids, each once.",
    ),
    (
        "seal.envelope-not-canonical",
        "An envelope is not in its one encoding, or has members of its own.",
    ),
    ("seal.signature", "A signature names a known key and is wrong."),
    ("seal.statement-json", "A statement is not JSON that every parser reads alike."),
    ("seal.statement-type", "A payload is no in-toto Statement v1."),
    ("seal.statement-kind", "A predicate is of an unknown type."),
    ("seal.statement-member", "A member of a statement is missing or malformed."),
    ("seal.statement-predicate", "A predicate has a member that its type does not allow."),
    ("seal.statement-subject", "The subject's digest is not that of what the predicate is about."),
    (
        "seal.statement-not-canonical",
        "A statement is not in its one encoding, or has members of its own.",
    ),
    (
        "seal.statement-bound",
        "A text, list or number of a statement is past its bound or not of its form.",
    ),
    ("seal.statement-time", "A time is not RFC 3339 in UTC with whole seconds."),
    ("seal.trust-malformed", "A trust file is not TOML of the known form."),
    ("seal.trust-too-long", "A trust file is longer than its bound."),
    ("seal.trust-policy", "The policy of a trust file is none."),
    ("seal.trust-key", "A key of a trust file is none."),
    ("seal.trust-pattern", "A publisher of a trust file is neither a name nor a namespace."),
    ("seal.trust-no-registry", "A trust file names no registry."),
    ("seal.bundle-malformed", "The bytes are no bundle."),
    ("seal.bundle-json", "A bundle is not JSON that every parser reads alike."),
    ("seal.fraud", "What a log signed convicts it: a wrong map, or two trees."),
    ("seal.fraud-malformed", "The bytes are no proof of fraud."),
    ("seal.fraud-json", "A proof of fraud is not JSON that every parser reads alike."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::bundle::CHECKS;

    /// Every text in the sources that looks like a code of this crate.
    fn written() -> BTreeSet<&'static str> {
        let sources = [
            include_str!("bundle.rs"),
            include_str!("bundle/verify.rs"),
            include_str!("envelope.rs"),
            include_str!("bundle/fraud.rs"),
            include_str!("key.rs"),
            include_str!("statement/payload.rs"),
            include_str!("trust.rs"),
        ];
        let texts = sources.iter().flat_map(|source| source.split('"').skip(1).step_by(2));
        texts.filter(|text| text.starts_with("seal.") && !text.contains(' ')).collect()
    }

    #[test]
    fn the_tables_hold_every_code_once_and_no_other() {
        let listed: Vec<_> = CODES.iter().chain(CHECKS).map(|(code, _)| *code).collect();
        let distinct: BTreeSet<_> = listed.iter().copied().collect();
        assert_eq!(distinct.len(), listed.len());
        assert_eq!(distinct, written());
    }
}
