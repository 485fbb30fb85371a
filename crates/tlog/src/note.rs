//! C2SP signed-note v1.0.0.

/// The signature type of a key, with its number in the key's encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// 0x01: Ed25519 over the text of the note.
    Ed25519,
    /// 0x04: Ed25519, `cosignature/v1`.
    Cosignature,
    /// 0x06: ML-DSA-44, `subtree/v1`; of logs and of witnesses.
    MlDsa44,
}

/// A verifier key: `<name>+<hex key ID>+<base64 of type and public key>`. Its `FromStr` checks the
/// key ID and the length of the key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VerifierKey {
    name: String,
    algorithm: Algorithm,
    public_key: Vec<u8>,
}

impl VerifierKey {
    /// A key of raw bytes.
    ///
    /// # Errors
    /// A name that no note can carry, or a key of the wrong length.
    pub fn new(name: &str, algorithm: Algorithm, public_key: Vec<u8>) -> Result<Self, NoteError> {
        let _ = (name, algorithm, public_key);
        unimplemented!()
    }

    /// The name: of a log its origin, of a witness its own.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The signature type.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw public key.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// The first four bytes of SHA-256 over name, LF, type and public key.
    pub fn id(&self) -> u32 {
        unimplemented!()
    }
}

/// One signature line: parsed, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name of the key.
    pub name: String,
    /// The ID of the key.
    pub id: u32,
    /// What follows the key ID.
    pub bytes: Vec<u8>,
}

/// A text and its signature lines: well-formed, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// Reads a note.
    ///
    /// # Errors
    /// Anything that signed-note refuses.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let _ = bytes;
        unimplemented!()
    }

    /// The text, with its final newline. It is claimed by whoever signed, and not verified here.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }
}

/// Why bytes are no note, key or signature that counts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The bytes are no note.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
}
