//! A proof and a request to a witness have one form each. Whoever signs, a witness takes only what
//! continues what it holds.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tlog::witness::AddCheckpoint;
use tlog::{Hash, Policy, Proof, Verify};

fuzz_target!(|data: &[u8]| {
    if let Ok(proof) = Proof::parse(data) {
        assert_eq!(proof.to_string().as_bytes(), data);
        let leaf = Hash::of_leaf(b"entry 7");
        if let Ok(verified) = proof.verify(leaf, &POLICY, &Everything) {
            assert!(proof.index < verified.checkpoint.size);
            assert!(proof.hashes.is_empty() == (verified.checkpoint.size == 1));
        }
    }
    let Ok(request) = AddCheckpoint::parse(data) else { return };
    assert_eq!(request.to_string().as_bytes(), data);
    let held = (request.old_size, Hash::of_leaf(b"entry 0"));
    let Ok(taken) = request.decide(held, POLICY.logs(), &Everything) else { return };
    assert!(taken.size >= held.0);
    if taken.size == held.0 {
        assert!(taken.root == if held.0 == 0 { Hash::of_nothing() } else { held.1 });
    } else if held.0 > 0 {
        assert!(!request.proof.is_empty(), "growth without a proof");
    }
});

/// Takes every signature, so that what stands behind one is reached.
struct Everything;

impl Verify for Everything {
    fn ed25519(&self, _: &[u8], _: &[u8], _: &[u8]) -> bool {
        true
    }

    fn ml_dsa_44(&self, _: &[u8], _: &[u8], _: &[u8]) -> bool {
        true
    }
}

static POLICY: LazyLock<Policy> =
    LazyLock::new(|| include_str!("../../corpus/policy/log").parse().expect("a policy"));
