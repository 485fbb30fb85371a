//! DSSE v1: a statement and who signed it. One envelope is one leaf of the log.
//!
//! INVARIANT: an envelope has one encoding. Its JSON is canonical (RFC 8785), its Base64 has padding
//! and no stray bits, its signatures stand in the order of their `keyid`s and each `keyid` once; so
//! whoever submits an exact duplicate submits the same bytes.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wire::{Document, Kind, Policy, Refusal, Value};

use crate::key::{KeyError, KeyId, PrivateKey, PublicKey};
use crate::limits;
use crate::statement::{Statement, StatementError};

/// The payload type of every envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// An envelope: well-formed and canonical, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    bytes: Vec<u8>,
    /// What is signed: DSSE's pre-authentication encoding of the payload.
    signed: Vec<u8>,
    statement: Statement,
    signers: Vec<KeyId>,
    signatures: Vec<Vec<u8>>,
}

impl Envelope {
    /// Signs a statement with each of the keys.
    ///
    /// # Errors
    /// A statement that breaks a bound, no key or too many, a key twice, a key that cannot sign; an
    /// envelope longer than an entry of a log may be.
    pub fn sign(statement: Statement, keys: &[&PrivateKey]) -> Result<Self, EnvelopeError> {
        let payload = statement.to_payload().map_err(EnvelopeError::Statement)?;
        let signed = pre_authentication_encoding(&payload);
        let mut keys = keys.to_vec();
        keys.sort_by_key(|key| key.public().id());
        let mut signers = Vec::with_capacity(keys.len());
        let mut signatures = Vec::with_capacity(keys.len());
        for key in keys {
            signers.push(key.public().id());
            signatures.push(key.sign(&signed)?);
        }
        check_signers(&signers)?;
        let bytes = encode(&STANDARD.encode(&payload), &signers, &signatures);
        check_size(&bytes)?;
        Ok(Self { bytes, signed, statement, signers, signatures })
    }

    /// Reads an envelope: strict JSON, canonical, a statement of ours, at most 65,535 bytes.
    ///
    /// # Errors
    /// Whatever it is not, by its own variant.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        check_size(bytes)?;
        let policy = Policy {
            bytes_max: limits::ENVELOPE_BYTES_MAX,
            depth_max: limits::DEPTH_MAX,
            fold_keys: true,
            strict_scalars: true,
        };
        let document = Document::parse(bytes, &policy).map_err(EnvelopeError::Json)?;
        let root = document.root();
        let kind = root.get("payloadType").ok_or(EnvelopeError::Member("payloadType"))?;
        if !kind.is_text(PAYLOAD_TYPE) {
            return Err(EnvelopeError::PayloadType);
        }
        let encoded = plain(root.get("payload")).ok_or(EnvelopeError::Member("payload"))?;
        let payload = decode(encoded).ok_or(EnvelopeError::Member("payload"))?;
        let list = root.get("signatures").filter(|list| list.kind() == Kind::Array);
        let list = list.ok_or(EnvelopeError::Member("signatures"))?;
        let (mut signers, mut signatures) = (Vec::new(), Vec::new());
        for entry in list.elements().take(limits::SIGNATURES_MAX + 1) {
            let id = plain(entry.get("keyid")).and_then(|id| id.parse().ok());
            signers.push(id.ok_or(EnvelopeError::Member("keyid"))?);
            let signature = plain(entry.get("sig")).and_then(decode);
            let signature = signature.filter(|bytes| is_signature_length(bytes.len()));
            signatures.push(signature.ok_or(EnvelopeError::Member("sig"))?);
        }
        check_signers(&signers)?;
        if encode(encoded, &signers, &signatures) != bytes {
            return Err(EnvelopeError::NotCanonical);
        }
        let statement = Statement::parse(&payload).map_err(EnvelopeError::Statement)?;
        let signed = pre_authentication_encoding(&payload);
        Ok(Self { bytes: bytes.to_vec(), signed, statement, signers, signatures })
    }

    /// The bytes: the leaf.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is claimed. Nobody's word until [`Envelope::verify`] names who signed.
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The `keyid`s of the signatures: hints, not verified.
    pub fn signers(&self) -> &[KeyId] {
        &self.signers
    }

    /// Those of `keys` whose signatures verify.
    ///
    /// # Errors
    /// A signature that names one of the keys and fails: the whole envelope is refused.
    pub fn verify(&self, keys: &[PublicKey]) -> Result<Vec<KeyId>, EnvelopeError> {
        let mut verified = Vec::new();
        for (id, signature) in self.signers.iter().zip(&self.signatures) {
            let Some(key) = keys.iter().find(|key| key.id() == *id) else { continue };
            if !key.verify(&self.signed, signature) {
                return Err(EnvelopeError::Signature(*id));
            }
            verified.push(*id);
        }
        Ok(verified)
    }
}

/// DSSE §"Signature definition": what is signed.
pub(crate) fn pre_authentication_encoding(payload: &[u8]) -> Vec<u8> {
    let mut signed = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len());
    signed.reserve(payload.len());
    let mut signed = signed.into_bytes();
    signed.extend_from_slice(payload);
    signed
}

/// The canonical JSON; none of the texts needs an escape.
fn encode(payload: &str, signers: &[KeyId], signatures: &[Vec<u8>]) -> Vec<u8> {
    let sizes = signatures.iter().map(|signature| signature.len() * 4 / 3 + 120);
    let mut text = String::with_capacity(payload.len() + 100 + sizes.sum::<usize>());
    // Writing to a string does not fail.
    let _ =
        write!(text, r#"{{"payload":"{payload}","payloadType":"{PAYLOAD_TYPE}","signatures":["#);
    for (index, (id, signature)) in signers.iter().zip(signatures).enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let _ = write!(text, r#"{comma}{{"keyid":"{id}","sig":""#);
        STANDARD.encode_string(signature, &mut text);
        text.push_str("\"}");
    }
    text.push_str("]}");
    text.into_bytes()
}

/// A string without escapes, as it stands.
fn plain(value: Option<Value<'_>>) -> Option<&str> {
    let text = value.filter(|value| value.kind() == Kind::String)?.raw();
    let inner = text.get(1..text.len().saturating_sub(1))?;
    std::str::from_utf8(inner).ok().filter(|inner| !inner.contains('\\'))
}

/// Base64 with its padding and without stray bits.
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

const fn is_signature_length(length: usize) -> bool {
    // DER of P-256, Ed25519 among them; ML-DSA-44.
    matches!(length, 8..=72 | 2_420)
}

const fn check_size(bytes: &[u8]) -> Result<(), EnvelopeError> {
    if bytes.len() > limits::ENVELOPE_BYTES_MAX {
        return Err(EnvelopeError::TooLong { size: bytes.len() });
    }
    Ok(())
}

fn check_signers(signers: &[KeyId]) -> Result<(), EnvelopeError> {
    if signers.is_empty() || signers.len() > limits::SIGNATURES_MAX {
        return Err(EnvelopeError::Count);
    }
    if !signers.is_sorted_by(|a, b| a < b) {
        return Err(EnvelopeError::Order);
    }
    Ok(())
}

/// Why bytes are no envelope of ours, or it is not signed as it says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// A key that cannot sign.
    #[error("signing a statement")]
    Sign(#[from] KeyError),
    /// Longer than an entry of a log may be.
    #[error("an envelope of {size} bytes, where {} fit", limits::ENVELOPE_BYTES_MAX)]
    TooLong {
        /// Its length in bytes.
        size: usize,
    },
    /// Not JSON that every parser reads alike.
    #[error("reading an envelope")]
    Json(#[source] Refusal),
    /// A member is missing, or is not what it must be.
    #[error("an envelope whose `{0}` is missing or malformed")]
    Member(&'static str),
    /// A payload of another type.
    #[error("an envelope of another payload type than `{PAYLOAD_TYPE}`")]
    PayloadType,
    /// No signature, or more than the limit.
    #[error("an envelope has 1 to {} signatures", limits::SIGNATURES_MAX)]
    Count,
    /// Signatures that do not stand in the order of their `keyid`s, or one `keyid` twice.
    #[error("the signatures do not stand in the order of their keyids, each once")]
    Order,
    /// Another encoding than the canonical one, or members beside those of DSSE.
    #[error("an envelope that is not in its canonical form")]
    NotCanonical,
    /// The payload is no statement.
    #[error("reading the payload of an envelope")]
    Statement(#[source] StatementError),
    /// A signature that names a known key is wrong.
    #[error("the signature that names the key {0} is wrong")]
    Signature(KeyId),
}

impl EnvelopeError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Sign(error) => error.code(),
            Self::TooLong { .. } => "seal.envelope-too-long",
            Self::Json(_) => "seal.envelope-json",
            Self::Member(_) => "seal.envelope-member",
            Self::PayloadType => "seal.envelope-payload-type",
            Self::Count => "seal.envelope-signature-count",
            Self::Order => "seal.envelope-signature-order",
            Self::NotCanonical => "seal.envelope-not-canonical",
            Self::Statement(error) => error.code(),
            Self::Signature(_) => "seal.signature",
        }
    }
}

#[cfg(test)]
mod tests;
