//! C2SP tlog-cosignature: Ed25519 (type 0x04) and ML-DSA-44 (type 0x06, v1.1.0-rc.1).

use crate::checkpoint::Checkpoint;
use crate::crypto::{Sign, SignError, Verify};
use crate::note::{Signature, VerifierKey};

/// The signature line of a cosignature, with its newline, made at `time_s` seconds since 1970.
///
/// # Errors
/// A key that cannot sign.
pub fn cosign(checkpoint: &Checkpoint, time_s: u64, key: &dyn Sign) -> Result<String, SignError> {
    let _ = (checkpoint, time_s, key);
    unimplemented!()
}

/// The time of a cosignature, in seconds since 1970, if `key` made it over `checkpoint`.
pub fn verify(
    checkpoint: &Checkpoint,
    signature: &Signature,
    key: &VerifierKey,
    verify: &dyn Verify,
) -> Option<u64> {
    let _ = (checkpoint, signature, key, verify);
    unimplemented!()
}
