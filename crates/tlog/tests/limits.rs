//! Each bound, at the limit and one past it.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

use tlog::limits::{
    NAME_SIZE_MAX, NOTE_SIZE_MAX, POLICY_MEMBERS_MAX, POLICY_SIZE_MAX, PROOF_HASHES_MAX,
    PROOF_SIZE_MAX, SIGNATURES_MAX,
};
use tlog::note::{Algorithm, Note, NoteError, Signature, VerifierKey};
use tlog::policy::PolicyError;
use tlog::proof::ProofTextError;
use tlog::witness::{AddCheckpoint, Refusal};
use tlog::{Hash, Policy, Proof};

fn line(name: &str) -> String {
    format!("{}\n", Signature { name: name.to_owned(), id: 1, bytes: vec![1; 64] })
}

#[test]
fn a_note_is_as_long_as_the_limit() {
    let tail = format!("\n\n{}", line("name"));
    let note = |size: usize| format!("{}{tail}", "x".repeat(size - tail.len()));
    assert!(Note::parse(note(NOTE_SIZE_MAX).as_bytes()).is_ok());
    assert_eq!(Note::parse(note(NOTE_SIZE_MAX + 1).as_bytes()), Err(NoteError::TooLarge));
}

#[test]
fn a_note_has_as_many_signatures_as_the_limit() {
    let note = |count: usize| format!("text\n\n{}", line("name").repeat(count));
    let parsed = Note::parse(note(SIGNATURES_MAX).as_bytes()).unwrap();
    assert_eq!(parsed.signatures().len(), SIGNATURES_MAX);
    assert_eq!(Note::parse(note(SIGNATURES_MAX + 1).as_bytes()), Err(NoteError::TooLarge));
}

#[test]
fn a_name_is_as_long_as_the_limit() {
    for (algorithm, key, limit) in
        [(Algorithm::Ed25519, 32, NAME_SIZE_MAX), (Algorithm::MlDsa44, 1_312, 255)]
    {
        let named = |size| VerifierKey::new(&"n".repeat(size), algorithm, vec![1; key]);
        assert!(named(limit).is_ok());
        assert_eq!(named(limit + 1), Err(NoteError::Name));
        assert_eq!(named(0), Err(NoteError::Name));
    }
    assert!(Signature::parse(&line(&"n".repeat(NAME_SIZE_MAX))).is_ok());
    assert!(Signature::parse(&line(&"n".repeat(NAME_SIZE_MAX + 1))).is_err());
}

#[test]
fn a_proof_has_as_many_hashes_and_bytes_as_the_limit() {
    let proof = |hashes: usize, checkpoint: usize| {
        let hashes = vec![Hash::default(); hashes];
        Proof { extra: None, index: 1, hashes, checkpoint: "x".repeat(checkpoint) }.to_string()
    };
    assert!(Proof::parse(proof(PROOF_HASHES_MAX, 1).as_bytes()).is_ok());
    let refused = Proof::parse(proof(PROOF_HASHES_MAX + 1, 1).as_bytes());
    assert_eq!(refused, Err(ProofTextError::Malformed("more hashes than a tree has levels")));
    let rest = proof(0, 0).len();
    assert!(Proof::parse(proof(0, PROOF_SIZE_MAX - rest).as_bytes()).is_ok());
    let refused = Proof::parse(proof(0, PROOF_SIZE_MAX - rest + 1).as_bytes());
    assert_eq!(refused, Err(ProofTextError::Malformed("larger than the limit")));
}

#[test]
fn a_request_to_a_witness_is_as_long_as_the_limit() {
    let request = |size: usize| format!("old 0\n\n{}", "x".repeat(size - 7));
    assert!(AddCheckpoint::parse(request(PROOF_SIZE_MAX).as_bytes()).is_ok());
    let refused = AddCheckpoint::parse(request(PROOF_SIZE_MAX + 1).as_bytes());
    assert_eq!(refused, Err(Refusal::Malformed("larger than the limit")));
}

#[test]
fn a_policy_has_as_many_members_and_bytes_as_the_limit() {
    let key = |name: &str, algorithm, number: usize| {
        let mut public = vec![0; 32];
        public[..8].copy_from_slice(&number.to_be_bytes());
        VerifierKey::new(name, algorithm, public).unwrap()
    };
    let lines = |count: usize, line: &dyn Fn(usize) -> String| {
        (0..count).map(line).collect::<Vec<_>>().concat()
    };
    let log = |at| format!("log {}\n", key("l", Algorithm::Ed25519, at));
    let witness = |at| format!("witness w{at} {}\n", key("w", Algorithm::Cosignature, at));
    let group = |at: usize| match at {
        0 => "group g0 all w0\n".to_owned(),
        _ => format!("group g{at} all g{}\n", at - 1),
    };
    let logs = |count| lines(count, &log);
    let witnesses = |count| lines(count, &witness);
    let groups = |count| witness(0) + &lines(count, &group);
    for kind in [&logs as &dyn Fn(usize) -> String, &witnesses, &groups] {
        let policy = |count| (kind(count) + "quorum none\n").parse::<Policy>();
        assert!(policy(POLICY_MEMBERS_MAX).is_ok());
        let refused = policy(POLICY_MEMBERS_MAX + 1).unwrap_err();
        assert!(matches!(
            refused,
            PolicyError::Malformed { what: "more lines than the limit", .. }
        ));
    }
    let long = |size: usize| format!("quorum none\n#{}", "x".repeat(size - 13)).parse::<Policy>();
    assert!(long(POLICY_SIZE_MAX).is_ok());
    assert!(long(POLICY_SIZE_MAX + 1).is_err());
}
