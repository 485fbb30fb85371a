//! Whatever is read as a proof of fraud reads back from what is written of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seal::Fraud;

fuzz_target!(|data: &[u8]| {
    if let Ok(fraud) = Fraud::parse(data) {
        let again = Fraud::parse(fraud.to_json().as_bytes()).expect("what was written can be read");
        assert_eq!(again, fraud);
    }
});
