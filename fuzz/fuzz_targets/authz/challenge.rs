//! Challenges: what is read can be written, if a header can carry it, and is read the same again.
#![no_main]

use authz::resource::Challenge;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(challenges) = Challenge::parse(data.split(|byte| *byte == b'\n')) else { return };
    for challenge in challenges {
        let Ok(header) = challenge.header() else { continue };
        let again = Challenge::parse([header.as_bytes()]).expect("what was written can be read");
        let mut normal = challenge;
        normal.algs.retain(|word| !word.is_empty());
        assert_eq!(again, [normal]);
    }
});
