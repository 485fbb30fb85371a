//! C2SP tlog-cosignature: Ed25519 (type 0x04) and ML-DSA-44 (type 0x06, v1.1.0-rc.1).

use crate::checkpoint::Checkpoint;
use crate::crypto::{Sign, SignError, Verify};
use crate::note::{Algorithm, Signature, VerifierKey};

/// The signature line of a cosignature, with its newline, made at `time_s` seconds since 1970.
///
/// # Errors
/// A key that cannot sign, or does not sign cosignatures.
pub fn cosign(checkpoint: &Checkpoint, time_s: u64, key: &dyn Sign) -> Result<String, SignError> {
    let verifier = key.verifier();
    let failed = || SignError { name: verifier.name().to_owned() };
    let message = message(checkpoint, time_s, verifier).ok_or_else(failed)?;
    let mut bytes = time_s.to_be_bytes().to_vec();
    bytes.extend(key.sign(&message)?);
    let name = verifier.name().to_owned();
    Ok(format!("{}\n", Signature { name, id: verifier.id(), bytes }))
}

/// The time of a cosignature, in seconds since 1970, if `key` made it over `checkpoint`.
pub fn verify(
    checkpoint: &Checkpoint,
    signature: &Signature,
    key: &VerifierKey,
    verify: &dyn Verify,
) -> Option<u64> {
    if !key.is_named_by(signature) {
        return None;
    }
    let (time, bytes) = signature.bytes.split_first_chunk()?;
    let time_s = u64::from_be_bytes(*time);
    if time_s > TIME_MAX_S {
        return None;
    }
    let message = message(checkpoint, time_s, key)?;
    let holds = match key.algorithm() {
        Algorithm::Ed25519 => false,
        Algorithm::Cosignature => verify.ed25519(key.public_key(), &message, bytes),
        Algorithm::MlDsa44 => verify.ml_dsa_44(key.public_key(), &message, bytes),
    };
    holds.then_some(time_s)
}

/// What is signed; `None` for a key that makes no cosignatures, or names too long to be signed.
fn message(checkpoint: &Checkpoint, time_s: u64, key: &VerifierKey) -> Option<Vec<u8>> {
    match key.algorithm() {
        Algorithm::Ed25519 => None,
        Algorithm::Cosignature => {
            Some(format!("cosignature/v1\ntime {time_s}\n{}", checkpoint.text()).into_bytes())
        }
        Algorithm::MlDsa44 => {
            let mut message = b"subtree/v1\n\0".to_vec();
            push_opaque(&mut message, key.name())?;
            message.extend(time_s.to_be_bytes());
            push_opaque(&mut message, &checkpoint.origin)?;
            message.extend(0_u64.to_be_bytes());
            message.extend(checkpoint.size.to_be_bytes());
            message.extend(checkpoint.root.0);
            Some(message)
        }
    }
}

/// `opaque<1..2^8-1>` (RFC 8446 section 3.4).
fn push_opaque(message: &mut Vec<u8>, text: &str) -> Option<()> {
    message.push(u8::try_from(text.len()).ok().filter(|length| *length > 0)?);
    message.extend(text.as_bytes());
    Some(())
}

/// A timestamp is at most 2^63 - 1.
const TIME_MAX_S: u64 = u64::MAX >> 1;
