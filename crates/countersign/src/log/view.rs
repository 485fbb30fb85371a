//! A log at one checkpoint, from which only verified entries come.

use std::path::Path;

use seal::fraud::Fork;
use seal::{Crypto, Fraud, Trust};
use tlog::policy::Verified;
use tlog::tile::{self, Plan, Tile, WIDTH};
use tlog::{Checkpoint, Hash, Proof};

use super::reader::Reader;
use super::{fraud, limits, now_s};
use crate::codes;
use crate::failure::Failure;

/// A log as one accepted checkpoint commits to it.
#[derive(Debug)]
pub(crate) struct View {
    reader: Reader,
    note: String,
    verified: Verified,
}

impl View {
    /// The log at its newest checkpoint, if the trust roots accept that.
    ///
    /// # Errors
    /// A log that cannot be read, or a checkpoint that is not accepted.
    pub(crate) async fn newest(reader: Reader, trust: &Trust) -> Result<Self, Failure> {
        let note = reader.need("checkpoint", limits::CHECKPOINT_BYTES_MAX).await?;
        let view = Self::at(reader, &note, trust)?;
        // A copy is as old as it is; a log that shows nothing newer keeps something back.
        if let Reader::Url { .. } = view.reader {
            let fresh = trust.freshness(view.verified.time_s(), now_s());
            fresh.map_err(|why| {
                let what = format!("{} shows no checkpoint that is new enough", view.reader);
                Failure::refusal(codes::LOG_STALE, what).because(why).hint(
                    "where its age does not matter, trust roots say `freshness_s_max = \"any\"`",
                )
            })?;
        }
        Ok(view)
    }

    /// The log at a checkpoint that was read before.
    ///
    /// # Errors
    /// A checkpoint that is not accepted.
    pub(crate) fn at(reader: Reader, note: &[u8], trust: &Trust) -> Result<Self, Failure> {
        let refused = || {
            Failure::refusal(
                codes::LOG_CHECKPOINT,
                format!("the checkpoint of {reader} is not accepted"),
            )
        };
        let verified =
            trust.policy.open(note, &Crypto).map_err(|error| refused().because(error))?;
        let note = String::from_utf8(note.to_vec()).map_err(|error| refused().because(error))?;
        Ok(Self { reader, note, verified })
    }

    /// The checkpoint.
    pub(crate) const fn checkpoint(&self) -> &Checkpoint {
        &self.verified.checkpoint
    }

    /// The checkpoint as it was signed.
    pub(crate) fn note(&self) -> &str {
        &self.note
    }

    /// Who cosigned, and when.
    pub(crate) const fn verified(&self) -> &Verified {
        &self.verified
    }

    /// Where it is read.
    pub(crate) const fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The entries of one bundle, by its index, each verified; the last bundle may be partial.
    ///
    /// # Errors
    /// A log that cannot be read, or serves what its checkpoint does not commit to.
    pub(crate) async fn entries(&self, bundle: u64) -> Result<Vec<Vec<u8>>, Failure> {
        let start = bundle * WIDTH;
        let end = self.checkpoint().size.min(start + WIDTH);
        let width = u16::try_from(end.saturating_sub(start)).unwrap_or_default();
        let tile = Tile { level: None, index: bundle, width };
        let bytes = self.tile(tile).await?;
        let entries = tile::entries(&bytes, width)
            .map_err(|error| self.forged(&tile.to_string()).because(error))?;
        let indices: Vec<_> = (start..end).collect();
        let hashes = self.hashes(&self.plan(&indices)?).await?;
        for (index, entry) in indices.into_iter().zip(&entries) {
            if hashes.leaf(index) != Some(Hash::of_leaf(entry)) {
                return Err(self
                    .forged(&tile.to_string())
                    .because(format!("entry {index} is not the one in the tree")));
            }
        }
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// One entry, and its proof.
    ///
    /// # Errors
    /// As [`entries`](Self::entries), and an index past the tree.
    pub(crate) async fn prove(&self, index: u64) -> Result<(Vec<u8>, Proof), Failure> {
        let missing = || Failure::new(format!("the log has no entry {index}"));
        let hashes = self.hashes(&self.plan(&[index])?).await?;
        let inclusion = hashes.inclusion(index).ok_or_else(missing)?;
        let mut entries = self.entries(index / WIDTH).await?;
        let at = usize::try_from(index % WIDTH).unwrap_or_default();
        let entry =
            if at < entries.len() { entries.swap_remove(at) } else { return Err(missing()) };
        let checkpoint = self.note.clone();
        Ok((entry, Proof { extra: None, index, hashes: inclusion, checkpoint }))
    }

    /// Verifies that the log as it was seen before is a prefix of this one. Where it is not, and the log
    /// signed both, the proof is kept in the folder `evidence`.
    ///
    /// # Errors
    /// A log that cannot be read, shrank, or was rewritten.
    pub(crate) async fn follows(&self, old: &Self, evidence: &Path) -> Result<(), Failure> {
        let (was, is) = (old.checkpoint(), self.checkpoint());
        let forked = |what: String| Failure::refusal(codes::LOG_FORKED, what);
        if was.origin != is.origin {
            return Err(forked(format!("this is the log {}, not {}", is.origin, was.origin)));
        }
        if is.size < was.size {
            let what = format!("the log shrank from {} to {} entries", was.size, is.size);
            return Err(forked(what));
        }
        let plan = Plan::consistency(is, was.size)
            .map_err(|error| Failure::new("the log has no such entry").because(error))?;
        let hashes = self.hashes(&plan).await?;
        // INVARIANT: every hash is authenticated, so what the log has in the place of the old tree is
        // what its checkpoint commits to.
        if hashes.prefix() == Some(was.root) {
            return Ok(());
        }
        let what = format!("the first {} entries of the log are not what they were", was.size);
        let (Some(prefix), Some(hashes)) = (hashes.prefix(), hashes.consistency()) else {
            return Err(forked(what));
        };
        let fork = Fork { checkpoints: [old.note.clone(), self.note.clone()], prefix, hashes };
        Err(fraud::keep(&Fraud::Fork(fork), evidence, forked(what)))
    }

    /// A tile or bundle of this size: as bytes, unverified.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub(crate) async fn tile(&self, tile: Tile) -> Result<Vec<u8>, Failure> {
        let size_max = match tile.level {
            Some(_) => usize::from(tile.width) * 32,
            None => limits::ENTRIES_BYTES_MAX,
        };
        let path = tile.to_string();
        let found = self.reader.read(&path, size_max).await?;
        found.ok_or_else(|| {
            let what =
                format!("{} does not serve `{path}`, which its checkpoint covers", self.reader);
            Failure::refusal(codes::LOG_WITHHELD, what)
        })
    }

    /// Proofs that entries which follow each other are in the log.
    ///
    /// # Errors
    /// As [`entries`](Self::entries).
    pub(crate) async fn inclusion(&self, indices: &[u64]) -> Result<Vec<Vec<Hash>>, Failure> {
        let hashes = self.hashes(&self.plan(indices)?).await?;
        let proofs: Option<_> = indices.iter().map(|index| hashes.inclusion(*index)).collect();
        proofs.ok_or_else(|| Failure::new("the log has no such entry"))
    }

    fn plan(&self, indices: &[u64]) -> Result<Plan, Failure> {
        Plan::inclusion(self.checkpoint(), indices)
            .map_err(|error| Failure::new("the log has no such entry").because(error))
    }

    async fn hashes(&self, plan: &Plan) -> Result<tile::Hashes, Failure> {
        let mut tiles = Vec::new();
        for tile in plan.tiles() {
            tiles.push(self.tile(*tile).await?);
        }
        plan.verify(&tiles).map_err(|error| self.forged("a tile").because(error))
    }

    fn forged(&self, what: &str) -> Failure {
        let what = format!("{} serves {what} that its checkpoint does not commit to", self.reader);
        Failure::refusal(codes::LOG_FORGED, what)
    }
}
