//! Notes, checkpoints, cosignatures, policies, proofs and witness decisions, signed by real keys.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

use seal::Crypto;
use seal::key::{Algorithm as KeyAlgorithm, NoteKey, PrivateKey};
use tlog::checkpoint::CheckpointError;
use tlog::note::{Algorithm, Note, NoteError, Signature, VerifierKey};
use tlog::policy::PolicyError;
use tlog::proof::ProofTextError;
use tlog::tree::{Frontier, ProofError};
use tlog::witness::{AddCheckpoint, Refusal};
use tlog::{Checkpoint, Hash, Policy, Proof, Sign, cosignature};

const ORIGIN: &str = "log.example/one";

fn key(name: &str, algorithm: Algorithm, seed: u8) -> NoteKey {
    let kind = match algorithm {
        Algorithm::MlDsa44 => KeyAlgorithm::MlDsa44,
        _ => KeyAlgorithm::Ed25519,
    };
    PrivateKey::from_seed(kind, &[seed; 32]).unwrap().into_note_key(name, algorithm).unwrap()
}

fn log_keys() -> [NoteKey; 2] {
    [key(ORIGIN, Algorithm::Ed25519, 1), key(ORIGIN, Algorithm::MlDsa44, 2)]
}

fn witnesses() -> [NoteKey; 3] {
    [
        key("a.example/w", Algorithm::Cosignature, 11),
        key("b.example/w", Algorithm::MlDsa44, 12),
        key("c.example/w", Algorithm::Cosignature, 13),
    ]
}

fn verifiers(keys: &[NoteKey]) -> Vec<VerifierKey> {
    keys.iter().map(|key| key.verifier().clone()).collect()
}

fn leaf(index: u64) -> Hash {
    Hash::of_leaf(&index.to_be_bytes())
}

fn checkpoint(size: u64) -> Checkpoint {
    let mut tree = Frontier::default();
    for index in 0..size {
        tree.append(leaf(index), |_, _, _| {});
    }
    Checkpoint { origin: ORIGIN.to_owned(), size, root: tree.root() }
}

fn signed(checkpoint: &Checkpoint) -> String {
    let keys = log_keys();
    checkpoint.sign(&[&keys[0], &keys[1]], 1_700_000_000).unwrap()
}

#[test]
fn a_checkpoint_needs_each_of_its_keys() {
    let (log, keys) = (checkpoint(5), verifiers(&log_keys()));
    let note = signed(&log);
    let open = |note: &str| Checkpoint::open(note.as_bytes(), &keys, &Crypto);
    assert_eq!(open(&note), Ok(log));
    let lines: Vec<_> = note.split_inclusive('\n').collect();
    for left_out in 4..6 {
        let mut less = lines.clone();
        less.remove(left_out);
        let unsigned = CheckpointError::Unsigned { key: ORIGIN.to_owned() };
        assert_eq!(open(&less.concat()), Err(unsigned));
    }
    // A line of a known key that does not verify rejects the note, also beside one that does.
    let mut wrong = Signature::parse(lines[4]).unwrap();
    wrong.bytes[0] ^= 1;
    let refused = CheckpointError::Signature { key: ORIGIN.to_owned() };
    assert_eq!(open(&format!("{note}{wrong}\n")), Err(refused));
    // A line of an unknown key does not.
    let stranger = Signature { name: "stranger.example".to_owned(), id: 7, bytes: vec![1; 64] };
    assert!(open(&format!("{note}{stranger}\n")).is_ok());
    let other = verifiers(&[key("log.example/two", Algorithm::Ed25519, 1)]);
    let refused = Checkpoint::open(note.as_bytes(), &other, &Crypto);
    assert_eq!(refused, Err(CheckpointError::Origin { origin: ORIGIN.to_owned() }));
}

#[test]
fn a_note_has_one_form() {
    let note = signed(&checkpoint(5));
    let line = note.lines().last().unwrap();
    let many = |count: usize| format!("{note}{}", format!("{line}\n").repeat(count - 2));
    assert!(Note::parse(many(17).as_bytes()).is_ok(), "16 and more are accepted");
    assert_eq!(Note::parse(many(129).as_bytes()), Err(NoteError::TooLarge));
    for wrong in [
        note.replace('\n', "\r\n"),
        note.trim_end().to_owned(),
        note.replace("\n\n", "\n"),
        format!("{note}\n"),
        note.replace("\u{2014} ", "- "),
        note.replace("log.example/one ", "log.example/one  "),
        format!("{note}\u{2014} name AAAA\n"),
        format!("{note}\u{2014} na+me AAAAAAAA\n"),
        note.replacen('5', "\u{0}", 1),
    ] {
        assert!(matches!(Note::parse(wrong.as_bytes()), Err(NoteError::Malformed(_))), "{wrong}");
    }
    assert!(Note::parse(&[note.as_bytes(), &[0xff]].concat()).is_err());
    let root = checkpoint(5).root;
    for (text, says) in [
        ("log.example/one\n05\n", "the size is no number"),
        ("log.example/one\n-1\n", "the size is no number"),
        ("log.example/one\n9223372036854775808\n", "the size is no number"),
        ("log example\n5\n", "the origin is no name of a key"),
    ] {
        let claimed = format!("{text}{root}\n\n{line}\n");
        let refused = Checkpoint::open(claimed.as_bytes(), &[], &Crypto);
        assert_eq!(refused, Err(CheckpointError::Malformed(says)));
    }
    let extended = note.replacen("\n\n", "\nextension\n\n", 1);
    let refused = Checkpoint::open(extended.as_bytes(), &[], &Crypto);
    assert_eq!(refused, Err(CheckpointError::Malformed("extension lines")));
}

#[test]
fn a_verifier_key_names_itself() {
    for key in verifiers(&log_keys()) {
        let text = key.to_string();
        assert_eq!(text.parse(), Ok(key));
        let (name, rest) = text.split_once('+').unwrap();
        let (id, encoded) = rest.split_once('+').unwrap();
        for wrong in [
            format!("{name}+00000000+{encoded}"),
            format!("{name}+{id}0+{encoded}"),
            format!("other+{id}+{encoded}"),
            format!("{name}+{id}+{}", &encoded[4..]),
            format!("{name}+{id}"),
        ] {
            assert!(wrong.parse::<VerifierKey>().is_err(), "{wrong}");
        }
    }
}

#[test]
fn a_cosignature_is_of_one_checkpoint_key_and_time() {
    let log = checkpoint(9);
    for algorithm in [Algorithm::Cosignature, Algorithm::MlDsa44] {
        let witness = key("witness.example/w", algorithm, 7);
        let line = cosignature::cosign(&log, 1_700_000_000, &witness).unwrap();
        let line = Signature::parse(&line).unwrap();
        let time = |checkpoint: &Checkpoint, line: &Signature, key: &NoteKey| {
            cosignature::verify(checkpoint, line, key.verifier(), &Crypto)
        };
        assert_eq!(time(&log, &line, &witness), Some(1_700_000_000));
        assert_eq!(time(&checkpoint(8), &line, &witness), None);
        let renamed = Checkpoint { origin: "log.example/two".to_owned(), ..log.clone() };
        assert_eq!(time(&renamed, &line, &witness), None);
        assert_eq!(time(&log, &line, &key("witness.example/v", algorithm, 7)), None);
        let at = |time_s| {
            let line = cosignature::cosign(&log, time_s, &witness).unwrap();
            time(&log, &Signature::parse(&line).unwrap(), &witness)
        };
        assert_eq!([at(i64::MAX as u64), at(1 << 63)], [Some(i64::MAX as u64), None], "2^63 - 1");
        let mut later = line.clone();
        later.bytes[7] ^= 1;
        assert_eq!(time(&log, &later, &witness), None);
    }
    let log_key = key(ORIGIN, Algorithm::Ed25519, 1);
    assert!(cosignature::cosign(&log, 1, &log_key).is_err(), "not a key for cosignatures");
}

fn policy(quorum: &str) -> Policy {
    let logs =
        verifiers(&log_keys()).into_iter().map(|key| format!("log {key} https://x.example/\n"));
    let mut text = format!("# whom we believe\n\n{}", logs.collect::<String>());
    for (name, key) in ["A", "B", "C"].iter().zip(verifiers(&witnesses())) {
        text.extend(["\twitness ", name, "  ", &key.to_string(), "\n"]);
    }
    (text + quorum).parse().unwrap()
}

#[test]
fn a_policy_counts_its_quorum() {
    let log = checkpoint(9);
    let [a, b, c] = witnesses();
    let cosigned = |by: &[(&NoteKey, u64)]| {
        let lines = by.iter().map(|(key, time)| cosignature::cosign(&log, *time, *key).unwrap());
        signed(&log) + &lines.collect::<String>()
    };
    let open = |policy: &Policy, note: &str| policy.open(note.as_bytes(), &Crypto);
    let two = policy("group two 2 A B C\nquorum two\n");
    let verified = open(&two, &cosigned(&[(&a, 100), (&b, 50)])).unwrap();
    assert_eq!((&verified.checkpoint, verified.time_s()), (&log, Some(50)));
    let all = cosigned(&[(&a, 100), (&b, 50), (&c, 200)]);
    assert_eq!(open(&two, &all).unwrap().time_s(), Some(100), "of any two");
    let nested = policy("group ab all A B\ngroup either any ab C\nquorum either\n");
    assert_eq!(open(&nested, &all).unwrap().time_s(), Some(200));
    assert_eq!(open(&nested, &cosigned(&[(&a, 1)])), Err(PolicyError::NoQuorum));
    assert_eq!(open(&two, &cosigned(&[(&c, 1)])), Err(PolicyError::NoQuorum));
    assert_eq!(open(&two, &cosigned(&[(&a, 1), (&a, 2)])), Err(PolicyError::NoQuorum));
    let none = policy("quorum none\n");
    assert_eq!(open(&none, &signed(&log)).unwrap().time_s(), None);
    // A cosignature of another tree under a known name rejects the note, whatever the quorum.
    let lie = cosignature::cosign(&checkpoint(8), 1, &c).unwrap();
    let refused = PolicyError::Cosignature { witness: "c.example/w".to_owned() };
    assert_eq!(open(&none, &(signed(&log) + &lie)), Err(refused));
    let nobody: Policy = "quorum none".parse().unwrap();
    let refused = CheckpointError::UnknownLog { origin: ORIGIN.to_owned() };
    assert_eq!(open(&nobody, &signed(&log)), Err(refused.into()));
}

#[test]
fn a_policy_that_is_none_is_refused_by_its_line() {
    let [a, b, _]: [VerifierKey; 3] = verifiers(&witnesses()).try_into().unwrap();
    let log = &verifiers(&log_keys())[0];
    let threshold = "a threshold that is not from 1 to the group's members";
    let grouped = "a member that is in a group already";
    let key_again = "a public key that has a line already";
    for (text, line, what) in [
        (String::new(), 1, "no quorum"),
        ("quorum none\nquorum none".to_owned(), 2, "a second quorum"),
        ("quorum A".to_owned(), 1, "a quorum that no line above defines"),
        (format!("witness A {a}\nwitness A {b}\n"), 2, "a name that has a line already"),
        (format!("witness A {a}\nwitness B {a}\n"), 2, key_again),
        (format!("log {log}\nlog {log}\n"), 2, key_again),
        (format!("witness none {a}\n"), 1, "`none` cannot be defined"),
        (format!("witness A {a}\ngroup g any B\n"), 2, "a member that no line above defines"),
        (format!("witness A {a}\ngroup g 2 A\n"), 2, threshold),
        (format!("witness A {a}\ngroup g 0 A\n"), 2, threshold),
        ("group g any\n".to_owned(), 1, threshold),
        (format!("witness A {a}\ngroup g any A A\n"), 2, grouped),
        (format!("witness A {a}\ngroup g any A\ngroup h any A\n"), 3, grouped),
        (format!("witness A {log}\n"), 1, "a witness cosigns with a key of type 4 or 6"),
        (format!("log {a}\n"), 1, "a log does not sign with a key for cosignatures"),
        ("quorum none\r\n".to_owned(), 1, "a control character"),
        ("log\n".to_owned(), 1, "not a line of a policy"),
        ("log x\n".to_owned(), 1, "not a verifier key"),
    ] {
        let refused = PolicyError::Malformed { line, what };
        assert_eq!(text.parse::<Policy>(), Err(refused), "{text}");
    }
}

#[test]
fn a_proof_is_of_one_leaf() {
    let log = checkpoint(3);
    let hashes = vec![leaf(0), leaf(2)];
    let proof = Proof { extra: Some(b"hint".to_vec()), index: 1, hashes, checkpoint: signed(&log) };
    let text = proof.to_string();
    assert_eq!(Proof::parse(text.as_bytes()), Ok(proof.clone()));
    let policy = policy("quorum none\n");
    assert_eq!(proof.verify(leaf(1), &policy, &Crypto).unwrap().checkpoint, log);
    assert_eq!(proof.verify(leaf(2), &policy, &Crypto), Err(ProofError::Root.into()));
    for (index, hashes, error) in [
        (1, vec![leaf(2), leaf(0)], ProofError::Root),
        (1, vec![leaf(0)], ProofError::Length),
        (1, vec![leaf(0), leaf(2), leaf(2)], ProofError::Length),
        (2, vec![leaf(0), leaf(2)], ProofError::Length),
        (3, vec![leaf(0), leaf(2)], ProofError::OutOfRange),
    ] {
        let other = Proof { index, hashes, ..proof.clone() };
        assert_eq!(other.verify(leaf(1), &policy, &Crypto), Err(error.into()));
    }
    for wrong in [
        text.replace("index 1", "index 01"),
        text.replace("tlog-proof@v1", "tlog-proof@v2"),
        text.replace("extra aGludA==", "extra extra aGludA=="),
        text.replace("\n\n", "\n"),
        text.replacen("\n\n", "\nAAAA\n\n", 1),
    ] {
        let refused = Proof::parse(wrong.as_bytes());
        assert!(matches!(refused, Err(ProofTextError::Malformed(_))), "{wrong}");
    }
}

#[test]
fn a_witness_cosigns_only_what_continues_what_it_holds() {
    let keys = verifiers(&log_keys());
    let request = |old_size, proof, checkpoint: &Checkpoint| AddCheckpoint {
        old_size,
        proof,
        checkpoint: signed(checkpoint),
    };
    let decide = |it: &AddCheckpoint, held, keys: &[VerifierKey]| it.decide(held, keys, &Crypto);
    let first = request(0, vec![], &checkpoint(2));
    assert_eq!(AddCheckpoint::parse(first.to_string().as_bytes()), Ok(first.clone()));
    assert_eq!(decide(&first, (0, Hash::default()), &keys), Ok(checkpoint(2)));
    let held = (2, checkpoint(2).root);
    let next = request(2, vec![leaf(2)], &checkpoint(3));
    assert_eq!(decide(&next, held, &keys), Ok(checkpoint(3)));
    assert_eq!(decide(&next, held, &[]), Err(Refusal::UnknownLog));
    let stranger = verifiers(&[key(ORIGIN, Algorithm::Ed25519, 9)]);
    assert_eq!(decide(&next, held, &stranger), Err(Refusal::Unsigned));
    assert_eq!(decide(&next, (3, leaf(0)), &keys), Err(Refusal::Conflict { size: 3 }));
    let ahead = request(3, vec![], &checkpoint(3));
    assert_eq!(decide(&ahead, held, &keys), Err(Refusal::Conflict { size: 2 }), "of what it lacks");
    let again = request(2, vec![], &checkpoint(2));
    assert_eq!(decide(&again, held, &keys), Ok(checkpoint(2)), "the same once more");
    for (size, proof) in [(2, vec![]), (3, vec![leaf(2)]), (3, vec![])] {
        let fork = Checkpoint { root: leaf(7), ..checkpoint(size) };
        assert_eq!(decide(&request(2, proof, &fork), held, &keys), Err(Refusal::Inconsistent));
    }
    // From nothing: no proof is needed, and none may come; an empty tree has one root.
    let nothing = (0, Hash::default());
    assert_eq!(decide(&request(0, vec![], &checkpoint(0)), nothing, &keys), Ok(checkpoint(0)));
    let unasked = request(0, vec![leaf(0)], &checkpoint(2));
    assert_eq!(decide(&unasked, nothing, &keys), Err(Refusal::Inconsistent));
    let rooted = Checkpoint { root: leaf(0), ..checkpoint(0) };
    assert_eq!(decide(&request(0, vec![], &rooted), nothing, &keys), Err(Refusal::Inconsistent));
    let statuses = [
        Refusal::UnknownLog,
        Refusal::Unsigned,
        Refusal::Conflict { size: 3 },
        Refusal::Inconsistent,
    ];
    assert_eq!(statuses.map(|refusal| refusal.status()), [404, 403, 409, 422]);
    let back = request(3, vec![], &checkpoint(2));
    assert!(matches!(decide(&back, (3, leaf(0)), &keys), Err(Refusal::Malformed(_))));
    let lines = |count| request(2, vec![leaf(2); count], &checkpoint(3)).to_string();
    assert!(AddCheckpoint::parse(lines(63).as_bytes()).is_ok());
    let refused = AddCheckpoint::parse(lines(64).as_bytes()).unwrap_err();
    assert_eq!(refused, Refusal::Malformed("more than 63 lines of proof"));
    assert_eq!(refused.status(), 400);
}
