//! Who signs the trail's checkpoints: never the process that is audited, never in its way.
//!
//! A [`Signer`] is given the leaf hashes that came after what it signed last, and nothing else: it
//! sees no record, holds the right edge of the tree itself, and so cannot be made to sign a fork or
//! an older log. Each checkpoint has two signatures: the log's (C2SP type 01), and a cosignature of
//! the signer's clock (type 04), as a checkpoint carries no time.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::{hmac, rand};
use seal::PrivateKey;
use seal::key::{Algorithm, NoteKey};
use sha2::{Digest as _, Sha256};
use tlog::note::Algorithm as Note;
use tlog::{Checkpoint, Frontier, Hash, Sign, VerifierKey};
use zeroize::{Zeroize as _, ZeroizeOnDrop};

/// The contract of a signer, wherever it runs.
pub trait Signer: Send + Sync {
    /// The keys that verify its checkpoints: the log's, and its clock's.
    fn verifiers(&self) -> Vec<VerifierKey>;

    /// The size that it signed last.
    ///
    /// # Errors
    /// A signer that cannot be reached.
    fn size(&self) -> Result<u64, SignerError>;

    /// Signs the tree that `leaves` after the first `from` make, durably: it will never sign another
    /// of any size up to this.
    ///
    /// # Errors
    /// Leaves that do not follow what it signed, or a signer that cannot sign.
    fn extend(&self, from: u64, leaves: &[Hash]) -> Result<String, SignerError>;

    /// `K(0)` of the tail from an epoch on, which the signer can make again.
    ///
    /// # Errors
    /// A signer that cannot be reached.
    fn tail_key(&self, epoch: u64) -> Result<TailKey, SignerError>;
}

/// The key of a frame of the tail. `K(i+1) = SHA-256(tag || K(i))`, and `K(i)` is erased: whoever
/// steals a key cannot change what was written before.
#[derive(Clone, ZeroizeOnDrop)]
pub struct TailKey([u8; 32]);

impl TailKey {
    /// The key of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The MAC over a frame.
    pub fn mac(&self, frame: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        hmac::sign(&key, frame).as_ref().try_into().unwrap_or_default()
    }

    /// Becomes the next key.
    pub fn ratchet(&mut self) {
        let next = Sha256::new().chain_update(RATCHET).chain_update(self.0).finalize().into();
        self.0.zeroize();
        self.0 = next;
    }

    /// In hexadecimal digits, for the escrow.
    pub fn to_hex(&self) -> String {
        crate::commit::hex(&self.0)
    }
}

/// A signer with its keys in a folder of its own.
pub struct Local {
    folder: PathBuf,
    log: NoteKey,
    clock: NoteKey,
    tail: hmac::Key,
    clock_ms: fn() -> u64,
    tree: Mutex<Frontier>,
}

impl Local {
    /// Makes a signer for the log of this origin.
    ///
    /// # Errors
    /// A folder that has one, or that cannot be written.
    pub fn create(folder: &Path, origin: &str, clock_ms: fn() -> u64) -> Result<Self, SignerError> {
        let mut seeds = [0; 96];
        rand::fill(&mut seeds).map_err(|_| SignerError::Key("no randomness"))?;
        let text = format!("{origin}\n{}\n", crate::commit::hex(&seeds));
        seeds.zeroize();
        fs::create_dir_all(folder).map_err(storage)?;
        if folder.join(KEYS).exists() {
            return Err(SignerError::Key("there is a signer in the folder already"));
        }
        // The edge first: with keys there is a signer, and it is whole.
        Self::save(folder, &Frontier::default())?;
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(folder.join(KEYS));
        let mut file = file.map_err(storage)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(storage)?;
        Self::open(folder, clock_ms)
    }

    /// Opens a signer.
    ///
    /// # Errors
    /// A folder without one, or one that is damaged.
    pub fn open(folder: &Path, clock_ms: fn() -> u64) -> Result<Self, SignerError> {
        let text = zeroize::Zeroizing::new(fs::read_to_string(folder.join(KEYS)).map_err(storage)?);
        let malformed = SignerError::Key("the file of keys is damaged");
        let (origin, seeds) = text.trim_end().split_once('\n').ok_or(malformed)?;
        let seed = |n: usize| {
            let hex = seeds.get(n * 64..n * 64 + 64)?;
            let bytes = (0..32).map(|i| u8::from_str_radix(hex.get(2 * i..2 * i + 2)?, 16).ok());
            <[u8; 32]>::try_from(bytes.collect::<Option<Vec<_>>>()?).ok()
        };
        let key = |n: usize, algorithm: Note| {
            let seed = seed(n).ok_or(SignerError::Key("the file of keys is damaged"))?;
            let key = PrivateKey::from_seed(Algorithm::Ed25519, &seed);
            let key = key.and_then(|key| key.into_note_key(origin, algorithm));
            key.map_err(|_| SignerError::Key("the origin is no name of a key"))
        };
        let tail = seed(2).ok_or(SignerError::Key("the file of keys is damaged"))?;
        Ok(Self {
            folder: folder.to_owned(),
            log: key(0, Note::Ed25519)?,
            clock: key(1, Note::Cosignature)?,
            tail: hmac::Key::new(hmac::HMAC_SHA256, &tail),
            clock_ms,
            tree: Mutex::new(Self::load(folder)?),
        })
    }

    fn load(folder: &Path) -> Result<Frontier, SignerError> {
        let text = fs::read_to_string(folder.join(EDGE)).map_err(storage)?;
        let mut lines = text.lines();
        let size = lines.next().and_then(|size| size.parse().ok());
        let peaks = lines.map(str::parse).collect::<Result<Vec<Hash>, _>>().ok();
        let edge = size.zip(peaks).and_then(|(size, peaks)| Frontier::from_peaks(size, peaks));
        edge.ok_or(SignerError::Key("the edge of the tree is damaged"))
    }

    fn save(folder: &Path, tree: &Frontier) -> Result<(), SignerError> {
        let mut text = format!("{}\n", tree.size());
        for peak in tree.peaks() {
            text = text + &peak.to_string() + "\n";
        }
        let beside = folder.join("edge.new");
        let mut file = fs::File::create(&beside).map_err(storage)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(storage)?;
        fs::rename(beside, folder.join(EDGE)).map_err(storage)?;
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(storage)
    }
}

impl Signer for Local {
    fn verifiers(&self) -> Vec<VerifierKey> {
        vec![self.log.verifier().clone(), self.clock.verifier().clone()]
    }

    fn size(&self) -> Result<u64, SignerError> {
        Ok(self.tree.lock().unwrap_or_else(PoisonError::into_inner).size())
    }

    fn extend(&self, from: u64, leaves: &[Hash]) -> Result<String, SignerError> {
        let mut held = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
        if held.size() != from {
            return Err(SignerError::Size { expected: held.size(), actual: from });
        }
        let mut tree = held.clone();
        for leaf in leaves {
            tree.append(*leaf, |_, _, _| {});
        }
        let (size, root) = (tree.size(), tree.root());
        // INVARIANT: what is signed is held first, so that no restart signs another of this size.
        Self::save(&self.folder, &tree)?;
        *held = tree;
        let origin = self.log.verifier().name().to_owned();
        let checkpoint = Checkpoint { origin, size, root };
        let time_s = (self.clock_ms)() / 1_000;
        let signed = checkpoint.sign(&[&self.log, &self.clock], time_s);
        signed.map_err(|_| SignerError::Key("a key cannot sign"))
    }

    fn tail_key(&self, epoch: u64) -> Result<TailKey, SignerError> {
        let key = hmac::sign(&self.tail, &[TAIL, &epoch.to_be_bytes()].concat());
        Ok(TailKey(key.as_ref().try_into().unwrap_or_default()))
    }
}

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// A key is missing or cannot sign.
    #[error("the signer: {0}")]
    Key(&'static str),
    /// The leaves do not follow what was signed.
    #[error("the signer signed {expected} records, and is given what follows {actual}")]
    Size {
        /// What it signed.
        expected: u64,
        /// Where the leaves begin.
        actual: u64,
    },
    /// The signer's own storage failed.
    #[error("the signer's folder")]
    Storage(#[source] std::io::Error),
    /// It does not answer.
    #[error("the signer does not answer")]
    Down,
}

fn storage(error: std::io::Error) -> SignerError {
    SignerError::Storage(error)
}

const KEYS: &str = "keys";
const EDGE: &str = "edge";
const RATCHET: &[u8] = b"countersign/audit/ratchet/v1\0";
const TAIL: &[u8] = b"countersign/audit/tail/v1\0";
