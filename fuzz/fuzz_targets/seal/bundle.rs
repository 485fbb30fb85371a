//! Whatever is read as a bundle reads back from what is written of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seal::Bundle;

fuzz_target!(|data: &[u8]| {
    if let Ok(bundle) = Bundle::parse(data) {
        let again =
            Bundle::parse(bundle.to_json().as_bytes()).expect("what was written can be read");
        assert_eq!(again, bundle);
    }
});
