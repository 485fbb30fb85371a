//! The evidence of a publication: asked for, verified, kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use registry::publish::ServerJson;
use seal::Bundle;
use seal::bundle::Verified;
use tokio::time::Instant;

use super::registry::{Answer, Registry};
use crate::args::log as args;
use crate::codes;
use crate::command::Desk;
use crate::failure::Failure;
use crate::log::evidence::{self, Named};
use crate::log::limits;
use crate::log::reader::Reader;

/// Evidence in a file.
pub(super) struct Kept {
    pub(super) path: PathBuf,
    pub(super) is_verified: bool,
}

/// Waits for the evidence, verifies it where there are trust roots, and keeps it; `None` if it is not
/// there in time.
///
/// # Errors
/// Evidence that does not hold, or a file that cannot be written.
pub(super) async fn keep(
    desk: &Desk,
    registry: &Registry,
    arguments: &args::Publish,
    (entry, surface): (&ServerJson, surface::Digests),
    answer: &Answer,
) -> Result<Option<Kept>, Failure> {
    let trust = arguments.trust.as_deref().map(crate::log::trust).transpose()?;
    let reader = Reader::of(&format!("{}/log", registry.origin))?;
    let wait = Duration::from_secs(arguments.wait_s);
    let Some(bytes) = wait_for(&reader, entry, answer.index, wait).await else {
        desk.output.note("the evidence is not there yet: no checkpoint covers the statement");
        desk.output.hint("publish the same again later: the registry gives what it has");
        return Ok(None);
    };
    if let Some(trust) = &trust {
        let (server, version) = (entry.name().to_owned(), Some(entry.version().to_owned()));
        let named = Named { server, version };
        let judged = evidence::judge(&bytes, &named, trust, crate::log::now_s());
        let is_ours = |verified: &Verified| {
            let semantic = verified.surface.map(|surface| surface.semantic);
            (verified.entry, semantic) == (entry.digest(), Some(surface.semantic))
        };
        let why = match judged {
            Ok(verified) if is_ours(&verified) => None,
            Ok(_) => Some("it is about another entry or surface than was sent".to_owned()),
            Err(objection) => Some(objection.sentence),
        };
        // What is held or refused is not countersigned, and proves that and nothing else.
        if let (Some(why), "allow") = (why, answer.verdict.as_str()) {
            let what = "the evidence of the publication does not hold";
            return Err(Failure::refusal(codes::PUBLISH_EVIDENCE, what).because(why));
        }
    }
    let path = arguments.evidence.clone().unwrap_or_else(|| beside(&arguments.server_json, entry));
    std::fs::write(&path, &bytes)
        .map_err(|error| Failure::new(format!("writing {}", path.display())).because(error))?;
    let is_verified = trust.is_some() && answer.verdict == "allow";
    Ok(Some(Kept { path, is_verified }))
}

/// The bundle, once it covers the statement.
async fn wait_for(
    reader: &Reader,
    entry: &ServerJson,
    index: u64,
    wait: Duration,
) -> Option<Vec<u8>> {
    let encoded = registry::api::path::encode;
    let path = format!("bundle/{}/{}", encoded(entry.name()), encoded(entry.version()));
    let until = Instant::now() + wait;
    loop {
        // A registry that is late, or has no published checkpoint yet, is asked again.
        if let Ok(Some(bytes)) = reader.read(&path, limits::EVIDENCE_BYTES_MAX).await
            && let Ok(bundle) = Bundle::parse(&bytes)
            && bundle.leaves.iter().any(|leaf| leaf.index >= index)
        {
            return Some(bytes);
        }
        if Instant::now() + PAUSE > until {
            return None;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// `files-1.4.0.countersign.json` beside the entry.
fn beside(entry_path: &Path, entry: &ServerJson) -> PathBuf {
    let name = entry.name().rsplit('/').next().unwrap_or_default();
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+') { c } else { '_' }
    };
    let version: String = entry.version().chars().map(plain).collect();
    entry_path.with_file_name(format!("{name}-{version}.countersign.json"))
}

const PAUSE: Duration = Duration::from_millis(200);
