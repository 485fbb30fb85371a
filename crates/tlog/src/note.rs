//! C2SP signed-note v1.0.0.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::limits;

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

impl Algorithm {
    const ALL: [Self; 3] = [Self::Ed25519, Self::Cosignature, Self::MlDsa44];

    /// The number in keys and key IDs.
    pub const fn number(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
            Self::MlDsa44 => 0x06,
        }
    }

    const fn key_size(self) -> usize {
        match self {
            Self::Ed25519 | Self::Cosignature => 32,
            Self::MlDsa44 => 1_312,
        }
    }
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
        // What ML-DSA signs has room for 255 bytes of name (tlog-cosignature, `cosigner_name`).
        let is_too_long = algorithm == Algorithm::MlDsa44 && name.len() > usize::from(u8::MAX);
        if !is_name(name) || is_too_long {
            return Err(NoteError::Name);
        }
        if public_key.len() != algorithm.key_size() {
            return Err(NoteError::Key("the public key has another length than its type"));
        }
        Ok(Self { name: name.to_owned(), algorithm, public_key })
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
        let hash = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', self.algorithm.number()])
            .chain_update(&self.public_key)
            .finalize();
        hash.first_chunk().map_or(0, |id| u32::from_be_bytes(*id))
    }

    /// Whether a signature line names this key.
    pub fn is_named_by(&self, signature: &Signature) -> bool {
        signature.name == self.name && signature.id == self.id()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.algorithm.number()];
        key.extend_from_slice(&self.public_key);
        write!(f, "{}+{:08x}+{}", self.name, self.id(), STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Key("a verifier key is `NAME+HEX ID+BASE64`");
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed);
        };
        let key = STANDARD.decode(key).map_err(|_| malformed)?;
        let (number, public_key) =
            key.split_first().ok_or(NoteError::Key("the public key is empty"))?;
        let algorithm = Algorithm::ALL.into_iter().find(|known| known.number() == *number);
        let algorithm = algorithm.ok_or(NoteError::Key("the key is of a type not known here"))?;
        let key = Self::new(name, algorithm, public_key.to_vec())?;
        if format!("{:08x}", key.id()) != id {
            return Err(NoteError::Key("the key ID is not that of the key"));
        }
        Ok(key)
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

impl Signature {
    /// Reads a line, with or without its newline.
    ///
    /// # Errors
    /// A line that is no signature.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed("a line that is no signature");
        let line = line.strip_suffix('\n').unwrap_or(line);
        let (name, encoded) =
            line.strip_prefix(DASH).and_then(|rest| rest.split_once(' ')).ok_or(malformed)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| malformed)?;
        let (id, bytes) = bytes.split_first_chunk().ok_or(malformed)?;
        if !is_name(name) || bytes.is_empty() {
            return Err(malformed);
        }
        Ok(Self { name: name.to_owned(), id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
    }
}

impl fmt::Display for Signature {
    /// The line, without its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.bytes);
        write!(f, "{DASH}{} {}", self.name, STANDARD.encode(bytes))
    }
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
        if bytes.len() > limits::NOTE_SIZE_MAX {
            return Err(NoteError::TooLarge);
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Malformed("not UTF-8"))?;
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(NoteError::Malformed("a control character"));
        }
        let split = note.rfind("\n\n").ok_or(NoteError::Malformed("no signatures"))?;
        let (text, lines) = note.split_at(split + 1);
        let lines = lines.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let lines = lines.ok_or(NoteError::Malformed("no newline at the end"))?;
        let signatures = lines.split('\n').map(Signature::parse).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > limits::SIGNATURES_MAX {
            return Err(NoteError::TooLarge);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text, with its final newline. It is claimed by whoever signed, and not verified here.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The lines that name a key.
    pub fn signatures_of<'n>(
        &'n self,
        key: &'n VerifierKey,
    ) -> impl Iterator<Item = &'n Signature> {
        self.signatures.iter().filter(|signature| key.is_named_by(signature))
    }
}

/// Why bytes are no note, key or signature that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The bytes are no note.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// More bytes or signatures than the limit.
    #[error("a note larger than the limit")]
    TooLarge,
    /// A name that is empty, too long, or has a space or a plus in it.
    #[error("not the name of a key")]
    Name,
    /// Not a verifier key.
    #[error("not a verifier key: {0}")]
    Key(&'static str),
}

/// Whether a text can name a key.
pub(crate) fn is_name(name: &str) -> bool {
    let is_bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    !name.is_empty() && name.len() <= limits::NAME_SIZE_MAX && !name.contains(is_bad)
}

/// What a signature line begins with: an em dash and a space.
const DASH: &str = "\u{2014} ";
