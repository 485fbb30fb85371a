//! Any text is a policy or is refused by its line, and a policy can be asked.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tlog::policy::PolicyError;
use tlog::{Policy, Verify};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Policy>() {
        Ok(policy) => {
            let keys = policy.logs().len() + policy.witnesses().len();
            assert!(keys <= text.lines().count());
            if let Ok(verified) = policy.open(CHECKPOINT, &Everything) {
                assert!(verified.witnesses.len() <= policy.witnesses().len());
            }
        }
        Err(PolicyError::Malformed { line, .. }) => {
            assert!((1..=text.lines().count() + 1).contains(&line))
        }
        Err(error) => panic!("{error}"),
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

const CHECKPOINT: &[u8] = include_bytes!("../../corpus/note/checkpoint");
