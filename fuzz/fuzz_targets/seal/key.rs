//! A public key has one encoding; private keys, encrypted ones too, never panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seal::{PrivateKey, PublicKey};

fuzz_target!(|data: &[u8]| {
    if let Ok(key) = PublicKey::from_der(data) {
        assert_eq!(key.der(), data);
        assert_eq!(
            key.to_string().parse::<PublicKey>().expect("what was written can be read"),
            key
        );
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = text.parse::<PublicKey>();
        let _ = PrivateKey::from_pem(text, None);
    }
});
