//! Whatever is read as an envelope is written back byte for byte, and its statement too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seal::{Envelope, Statement};

fuzz_target!(|data: &[u8]| {
    if let Ok(envelope) = Envelope::parse(data) {
        assert_eq!(envelope.bytes(), data);
        let payload = envelope.statement().to_payload().expect("what was read can be written");
        assert_eq!(&Statement::parse(&payload).expect("and read"), envelope.statement());
        assert!(envelope.signers().is_sorted());
    }
    // Few random bytes get through Base64: the payload alone, too.
    if let Ok(statement) = Statement::parse(data) {
        assert_eq!(statement.to_payload().expect("what was read can be written"), data);
    }
});
