//! What witnesses are asked, and what is believed of their answers: nothing that does not verify.

use std::slice;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use seal::Crypto;
use tlog::note::Note;
use tlog::{Checkpoint, cosignature, tree};
use tokio::time::timeout;

use super::shared::Shared;
use super::state::Head;
use super::{CosignError, Cosigner, Cosigning};
use crate::backend::StoreError;
use crate::limits;

/// What came of asking a witness to cosign.
pub(super) enum Answer {
    /// Cosignature lines that verify.
    Lines(Vec<String>),
    /// It did not cosign; the next try begins from the size that it holds, if it said.
    Not(Option<u64>),
    /// It holds a checkpoint that this log signed and does not have.
    Ahead(String),
}

/// Asks all witnesses what they hold. A checkpoint of this log that is larger than its head, or of
/// another tree, means that this is an old copy: nothing may be signed on top of it.
pub(super) async fn ask_newest(shared: &Shared) -> Result<(), StoreError> {
    let Some(Cosigning { witnesses, answer_time_max, .. }) = &shared.config.cosigning else {
        return Ok(());
    };
    let head = shared.head().checkpoint;
    let answers = witnesses.iter().map(|witness| newest(shared, &**witness, *answer_time_max));
    let mut answered = witnesses.is_empty();
    for (witness, newest) in witnesses.iter().zip(join_all(answers).await) {
        let Ok(newest) = newest else { continue };
        answered = true;
        if let Some(what) = contradiction(shared, &head, newest.as_ref()).await? {
            return Err(StoreError::Behind { witness: name(&**witness), what });
        }
    }
    if answered { Ok(()) } else { Err(StoreError::Unwitnessed) }
}

/// The newest checkpoint of this log that a witness holds, verified.
async fn newest(
    shared: &Shared,
    witness: &dyn Cosigner,
    time: Duration,
) -> Result<Option<Checkpoint>, ()> {
    let asked = timeout(time, witness.newest(&shared.config.origin)).await;
    let note = match asked {
        Ok(Ok(note)) => note,
        Ok(Err(error)) => {
            tracing::warn!(witness = name(witness), %error, "a witness did not say what it holds");
            return Err(());
        }
        Err(_) => {
            tracing::warn!(witness = name(witness), "a witness did not say in time what it holds");
            return Err(());
        }
    };
    let Some(note) = note else { return Ok(None) };
    // A witness keeps the lines of the keys that it was told of, which need not be all of them.
    let opened = shared
        .keys
        .iter()
        .find_map(|key| Checkpoint::open(note.as_bytes(), slice::from_ref(key), &Crypto).ok());
    if opened.is_none() {
        // Nobody but this log can make one that verifies, so this says nothing about it.
        let note: String = note.chars().take(LINE_SHOWN_MAX).collect();
        tracing::warn!(witness = name(witness), note, "a witness shows what this log never signed");
    }
    opened.map(Some).ok_or(())
}

/// How what a witness holds contradicts the log, if it does.
async fn contradiction(
    shared: &Shared,
    head: &Checkpoint,
    newest: Option<&Checkpoint>,
) -> Result<Option<String>, StoreError> {
    let Some(newest) = newest else { return Ok(None) };
    if newest.size > head.size {
        return Ok(Some(format!("it covers {} entries, and {} are here", newest.size, head.size)));
    }
    if newest.size == 0 {
        return Ok(None);
    }
    let proof = shared.consistency(newest.size, head).await?;
    let (size, root) = (newest.size, newest.root);
    let is_prefix = if size == head.size {
        root == head.root
    } else {
        tree::verify_consistency(size, root, head.size, head.root, &proof).is_ok()
    };
    Ok((!is_prefix).then(|| format!("its tree of {size} entries is another one")))
}

/// Asks a witness to cosign a head, from the size that it is believed to hold.
pub(super) async fn cosign(
    shared: Arc<Shared>,
    witness: Arc<dyn Cosigner>,
    head: Head,
    from: Option<u64>,
    time: Duration,
) -> Answer {
    let asking = async {
        let mut from = from.unwrap_or_default();
        for _ in 0..TRIES {
            let Ok(proof) = shared.consistency(from, &head.checkpoint).await else {
                return Answer::Not(None);
            };
            match witness.add_checkpoint(from, &proof, &head.note).await {
                Ok(lines) => {
                    let now_s = (shared.config.clock)() / 1_000;
                    return verified(&*witness, &head, &lines, now_s);
                }
                Err(CosignError::Size { size }) if size == from => return Answer::Not(Some(size)),
                Err(CosignError::Size { size }) if size <= head.checkpoint.size => from = size,
                Err(CosignError::Size { size }) => {
                    return ahead(&shared, &*witness, size, time).await;
                }
                Err(error) => {
                    tracing::warn!(witness = name(&*witness), %error, "a witness did not cosign");
                    return Answer::Not(None);
                }
            }
        }
        Answer::Not(Some(from))
    };
    timeout(time, asking).await.unwrap_or(Answer::Not(None))
}

/// A witness says that it holds more than the head that it was asked about. The log may be past that
/// by now, the witness may lie, or this log is an old copy of itself.
async fn ahead(shared: &Shared, witness: &dyn Cosigner, size: u64, time: Duration) -> Answer {
    let Ok(newest) = newest(shared, witness, time).await else { return Answer::Not(None) };
    let head = shared.head().checkpoint;
    if let Ok(Some(what)) = contradiction(shared, &head, newest.as_ref()).await {
        return Answer::Ahead(what);
    }
    tracing::warn!(witness = name(witness), size, "a witness claims a size that it does not show");
    Answer::Not(None)
}

/// The lines that are cosignatures of the head by this witness. One that is not makes all of them
/// worthless: the witness lies.
fn verified(witness: &dyn Cosigner, head: &Head, lines: &[String], now_s: u64) -> Answer {
    let is_lie = |what: &str| {
        let lines = lines.iter().map(|line| line.chars().take(LINE_SHOWN_MAX).collect::<String>());
        let lines: Vec<_> = lines.take(limits::COSIGNATURES_MAX).collect();
        tracing::warn!(
            witness = name(witness),
            note = head.note,
            ?lines,
            "a witness answers {what}"
        );
        Answer::Not(None)
    };
    let size: usize = lines.iter().map(String::len).sum();
    if lines.is_empty()
        || lines.len() > limits::COSIGNATURES_MAX
        || size > limits::COSIGNATURE_BYTES_MAX
    {
        return is_lie("with no or too many lines");
    }
    let mut kept = Vec::new();
    for line in lines {
        let line = line.trim_end_matches('\n');
        let note = format!("{}\n{line}\n", head.checkpoint.text());
        let Ok(note) = Note::parse(note.as_bytes()) else {
            return is_lie("with what is no signature");
        };
        let mut pairs =
            note.signatures().iter().flat_map(|s| witness.keys().iter().map(move |k| (s, k)));
        let known = pairs
            .clone()
            .any(|(signature, key)| (&*signature.name, signature.id) == (key.name(), key.id()));
        let time_s = pairs.find_map(|(signature, key)| {
            cosignature::verify(&head.checkpoint, signature, key, &Crypto)
        });
        match (time_s, known) {
            // Readers would call a checkpoint stale, or of the future, by a time that is not now.
            (Some(time_s), _) if time_s.abs_diff(now_s) > limits::WITNESS_SKEW_S => {
                return is_lie("with a time that is not now");
            }
            (Some(_), _) => kept.push(format!("{line}\n")),
            (None, true) => return is_lie("with a wrong signature"),
            // A key that this log does not know counts for nothing.
            (None, false) => {}
        }
    }
    if kept.is_empty() { is_lie("with signatures of others") } else { Answer::Lines(kept) }
}

/// The name of a witness, for a person.
pub(super) fn name(witness: &dyn Cosigner) -> String {
    witness.keys().first().map_or_else(|| "?".to_owned(), |key| key.name().to_owned())
}

/// The root that a proof leads to does not depend on how often a witness moves; this bounds how often
/// one can make us compute another.
const TRIES: usize = 3;
const LINE_SHOWN_MAX: usize = 200;
