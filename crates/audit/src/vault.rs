//! The vault: salts and values, sealed under keys that can be destroyed.
//!
//! A subject (a patient, a person) has a random [`Token`], which stands in records, and a random key,
//! wrapped by the tenant's. What a record commits to is sealed with AES-256-GCM under a sub-key: HKDF
//! of the subject's key with the record's id. What no rule assigns to a subject is sealed under a
//! sub-key of *all* subjects of the record together, so that erasing any of them destroys it.
//! Destroying a subject's file makes its salts and values unreadable, and no proof invalid.
//!
//! | | |
//! |---|---|
//! | `subjects/TOKEN` | the subject's name and key, sealed by the tenant's key |
//! | `values/RECORD` | what a record commits to, one line a subject, sealed |

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::rand;
use serde_json::{Value, json};
use wire::{Document, Policy};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::commit::{Held, Leaf, hex};
use crate::limits;
use crate::record::atom::{Id, Token};

/// A key of 256 bits.
#[derive(Clone, ZeroizeOnDrop)]
pub struct VaultKey([u8; 32]);

impl VaultKey {
    /// The key of these bytes: the tenant's, from wherever the tenant keeps it.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; 12];
        rand::fill(&mut nonce).map_err(|_| VaultError::Library)?;
        let mut sealed = plain.to_vec();
        let (key, aad) = (self.aead()?, Aad::from(context.as_bytes()));
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| VaultError::Library)?;
        Ok([&nonce[..], &sealed].concat())
    }

    fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (nonce, rest) = sealed.split_first_chunk::<12>().ok_or(VaultError::Sealed)?;
        let (mut rest, aad) = (Zeroizing::new(rest.to_vec()), Aad::from(context.as_bytes()));
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.aead()?.open_in_place(nonce, aad, &mut rest);
        let length = opened.map_err(|_| VaultError::Sealed)?.len();
        rest.truncate(length);
        Ok(rest)
    }

    fn aead(&self) -> Result<LessSafeKey, VaultError> {
        let key = UnboundKey::new(&AES_256_GCM, &self.0).map_err(|_| VaultError::Library)?;
        Ok(LessSafeKey::new(key))
    }
}

/// Salts and values of one tenant, in a folder of its own.
pub struct Vault {
    root: PathBuf,
    tenant: VaultKey,
    /// The lookup table: in memory by name, on disk only sealed.
    tokens: HashMap<String, Token>,
    keys: HashMap<Token, VaultKey>,
}

impl Vault {
    /// Opens the vault in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// A subject that this tenant's key does not open, or storage that fails.
    pub fn open(root: &Path, tenant: VaultKey) -> Result<Self, VaultError> {
        for folder in ["subjects", "values"] {
            fs::create_dir_all(root.join(folder))?;
        }
        let (mut tokens, mut keys) = (HashMap::new(), HashMap::new());
        for entry in fs::read_dir(root.join("subjects"))? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Ok(token) = format!("tok:{name}").parse::<Token>() else { continue };
            let plain = tenant.open(&token.to_string(), &fs::read(&path)?)?;
            let (key, subject) = plain.split_first_chunk::<32>().ok_or(VaultError::Sealed)?;
            tokens.insert(String::from_utf8_lossy(subject).into_owned(), token);
            keys.insert(token, VaultKey(*key));
        }
        Ok(Self { root: root.to_owned(), tenant, tokens, keys })
    }

    /// The token of a subject: a new random one at first sight.
    ///
    /// # Errors
    /// No randomness, or storage that fails.
    pub fn token(&mut self, subject: &str) -> Result<Token, VaultError> {
        if let Some(token) = self.tokens.get(subject) {
            return Ok(*token);
        }
        let (mut name, mut key) = ([0; 16], [0; 32]);
        rand::fill(&mut name).map_err(|_| VaultError::Library)?;
        rand::fill(&mut key).map_err(|_| VaultError::Library)?;
        let token = Token::from_random(name);
        let plain = Zeroizing::new([&key[..], subject.as_bytes()].concat());
        let sealed = self.tenant.seal(&token.to_string(), &plain)?;
        place(&self.subject(token), &sealed)?;
        self.tokens.insert(subject.to_owned(), token);
        self.keys.insert(token, VaultKey(key));
        Ok(token)
    }

    /// Seals what a record commits to under `member` (`args`, `op.target`): each part with the
    /// subject that it is about, or none. `subjects` are all that the record is about.
    ///
    /// # Errors
    /// A subject that is not known (any more), or storage that fails.
    pub fn put(
        &self,
        record: Id,
        subjects: &[Token],
        member: &str,
        parts: &[(Option<Token>, Vec<Leaf>)],
    ) -> Result<(), VaultError> {
        let mut lines = String::new();
        for (subject, leaves) in parts {
            let key =
                self.sub_key(record, subject.as_ref().map_or(subjects, std::slice::from_ref))?;
            let leaves: Vec<_> = leaves.iter().map(written).collect();
            let plain = Zeroizing::new(surface::canonical::to_vec(&Value::Array(leaves)));
            let sealed = key.seal(&context(record, member, *subject), &plain)?;
            let who = subject.map(|token| token.to_string()).unwrap_or_default();
            lines = lines + member + " " + &who + " " + &hex(&sealed) + "\n";
        }
        let path = self.values(record);
        let mut file = fs::File::options().append(true).create(true).open(&path)?;
        file.write_all(lines.as_bytes())?;
        Ok(file.sync_data()?)
    }

    /// The leaves of a member of a record that can still be opened. Those of erased subjects cannot.
    ///
    /// # Errors
    /// Values that are not what was sealed, or storage that fails.
    pub fn leaves(
        &self,
        record: Id,
        subjects: &[Token],
        member: &str,
    ) -> Result<Vec<Leaf>, VaultError> {
        let mut leaves = Vec::new();
        for line in fs::read_to_string(self.values(record))?.lines() {
            let mut words = line.split(' ');
            let (Some(of), Some(who), Some(sealed)) = (words.next(), words.next(), words.next())
            else {
                return Err(VaultError::Sealed);
            };
            if of != member {
                continue;
            }
            let subject = who.parse::<Token>().ok();
            let key = self.sub_key(record, subject.as_ref().map_or(subjects, std::slice::from_ref));
            let key = match key {
                Err(VaultError::Erased) => continue,
                key => key?,
            };
            let sealed = unhex(sealed).ok_or(VaultError::Sealed)?;
            let plain = key.open(&context(record, member, subject), &sealed)?;
            leaves.extend(read(&plain)?);
        }
        Ok(leaves)
    }

    /// Destroys a subject's key and its row of the lookup table, durably. Gives whether there was
    /// one. The file is written over before it goes; copies of it elsewhere need an end of their own.
    ///
    /// # Errors
    /// Storage that fails: nothing is erased then until it is asked again.
    pub fn erase(&mut self, token: Token) -> Result<bool, VaultError> {
        let path = self.subject(token);
        let Ok(metadata) = fs::metadata(&path) else { return Ok(false) };
        let length = usize::try_from(metadata.len()).unwrap_or_default();
        let mut file = fs::File::options().write(true).open(&path)?;
        file.write_all(&vec![0; length])?;
        file.sync_all()?;
        fs::remove_file(&path)?;
        fs::File::open(self.root.join("subjects"))?.sync_all()?;
        self.keys.remove(&token);
        self.tokens.retain(|_, known| *known != token);
        Ok(true)
    }

    /// The key for one record: of one subject, or of several together.
    fn sub_key(&self, record: Id, subjects: &[Token]) -> Result<VaultKey, VaultError> {
        let mut secret = Zeroizing::new(Vec::with_capacity(32 * subjects.len().max(1)));
        for subject in subjects {
            secret.extend_from_slice(&self.keys.get(subject).ok_or(VaultError::Erased)?.0);
        }
        if subjects.is_empty() {
            secret.extend_from_slice(&self.tenant.0);
        }
        let mut key = [0; 32];
        let info = [SUB_KEY, record.as_bytes()];
        Salt::new(HKDF_SHA256, &[])
            .extract(&secret)
            .expand(&info, Bits256)
            .and_then(|okm| okm.fill(&mut key))
            .map_err(|_| VaultError::Library)?;
        Ok(VaultKey(key))
    }

    fn subject(&self, token: Token) -> PathBuf {
        self.root.join("subjects").join(token.to_string().trim_start_matches("tok:"))
    }

    fn values(&self, record: Id) -> PathBuf {
        self.root.join("values").join(record.to_string())
    }
}

struct Bits256;

impl KeyType for Bits256 {
    fn len(&self) -> usize {
        32
    }
}

/// What ties sealed values to their place.
fn context(record: Id, member: &str, subject: Option<Token>) -> String {
    let who = subject.map(|token| token.to_string()).unwrap_or_default();
    format!("countersign/audit/values/v1 {record} {member} {who}")
}

fn written(leaf: &Leaf) -> Value {
    let salt = hex(&leaf.salt);
    match &leaf.value {
        Held::Exact(value) => json!([salt, leaf.path, "exact", value]),
        Held::Source(text) => json!([salt, leaf.path, "source", text]),
    }
}

fn read(plain: &[u8]) -> Result<Vec<Leaf>, VaultError> {
    let policy = Policy { bytes_max: limits::VALUES_BYTES_MAX, ..Policy::default() };
    let document = Document::parse(plain, &policy).map_err(|_| VaultError::Sealed)?;
    let value = surface::json::exact(document.root()).map_err(|_| VaultError::Sealed)?;
    let leaf = |leaf: &Value| {
        let text = |index: usize| leaf.get(index).and_then(Value::as_str);
        let salt = unhex(text(0)?)?.try_into().ok()?;
        let value = match text(2)? {
            "exact" => Held::Exact(leaf.get(3)?.clone()),
            "source" => Held::Source(text(3)?.to_owned()),
            _ => return None,
        };
        Some(Leaf { salt, path: text(1)?.to_owned(), value })
    };
    let leaves = value.as_array().map(|leaves| leaves.iter().map(leaf).collect::<Option<Vec<_>>>());
    leaves.flatten().ok_or(VaultError::Sealed)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair.filter(|pair| pair.len() == 2)?, 16).ok()).collect()
}

fn place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(beside, path)?;
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Why the vault does not give or take.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// A subject whose key is not there (any more).
    #[error("the subject is not known, or was erased")]
    Erased,
    /// What is stored is not what was sealed, or was sealed by another tenant.
    #[error("sealed values do not open")]
    Sealed,
    /// The cryptographic library refuses.
    #[error("the cryptographic library refuses")]
    Library,
    /// Storage failed.
    #[error("the vault's folder")]
    Storage(#[from] io::Error),
}

impl VaultError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Erased => "audit.vault.erased",
            Self::Sealed => "audit.vault.sealed",
            Self::Library => "audit.vault.library",
            Self::Storage(_) => "audit.vault.storage",
        }
    }
}

const SUB_KEY: &[u8] = b"countersign/audit/sub-key/v1\0";

#[cfg(test)]
mod tests;
