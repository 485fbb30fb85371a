//! Trust roots never panic, and always name a registry.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seal::Trust;

fuzz_target!(|text: &str| {
    if let Ok(trust) = Trust::parse(text) {
        assert!(!trust.registries.is_empty());
        let _ = trust.publishers_of("io.github.acme/files").count();
    }
});
