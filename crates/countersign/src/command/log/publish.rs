//! `countersign publish`: a server's entry and surface, signed, admitted, and with evidence.

mod evidence;
mod login;
pub(super) mod registry;
mod shown;

use std::collections::BTreeMap;
use std::path::Path;

use registry::Registry;
use seal::{Envelope, Predicate, PrivateKey, Statement};
use serde::Serialize;
use serde_json::Value;

use crate::args::log as args;
use crate::command::{Desk, statement};
use crate::failure::{Exit, Failure};
use crate::output::{safe, style};

use ::registry::publish::{ServerJson, Submission, declaration};

/// What is printed with `--json`.
#[derive(Debug, Serialize)]
struct Published<'r> {
    server: &'r str,
    version: &'r str,
    entry: surface::Digest,
    surface: surface::Digests,
    index: u64,
    verdict: &'r str,
    findings: &'r Value,
    known: bool,
    evidence: Option<&'r Path>,
    verified: bool,
}

/// Publishes.
///
/// # Errors
/// Whatever keeps it from being published; a refusal of the registry with its code.
pub(super) async fn run(desk: &Desk, arguments: &args::Publish) -> Result<Exit, Failure> {
    let entry = read_entry(&arguments.server_json)?;
    let keys = statement::load_all(desk, &arguments.signers)?;
    let artefacts = artefacts(&arguments.artefacts)?;
    let registry = Registry::of(&arguments.registry)?;
    let shown = shown::surface(desk, arguments).await?;
    let declared = declaration(&entry, &shown.document, &shown.protocol_version, artefacts);
    let declared = declared.map_err(|error| {
        Failure::refusal(error.code(), "the surface cannot be declared").because(error)
    })?;
    let digests = declared.surface.as_ref().map(|claim| claim.digests);
    let digests = digests.ok_or_else(|| Failure::new("declaring the surface"))?;
    let submission = sign(&entry, Predicate::Declaration(declared), &keys, shown.document)?;
    let token = login::token(desk, &registry, &arguments.login, &keys).await?;
    let answer = registry.publish(&token, submission.to_body()).await?;
    let evidence = evidence::keep(desk, &registry, arguments, (&entry, digests), &answer).await?;
    let result = Published {
        server: entry.name(),
        version: entry.version(),
        entry: entry.digest(),
        surface: digests,
        index: answer.index,
        verdict: &answer.verdict,
        findings: &answer.findings,
        known: answer.is_known,
        evidence: evidence.as_ref().map(|kept| kept.path.as_path()),
        verified: evidence.as_ref().is_some_and(|kept| kept.is_verified),
    };
    if arguments.json {
        desk.output.json(&result)?;
    }
    tell(desk, &result);
    Ok(if answer.verdict == "allow" { Exit::Same } else { Exit::Drift })
}

fn tell(desk: &Desk, result: &Published<'_>) {
    let name = style::paint(style::NAME, format!("{}@{}", result.server, result.version));
    let (verdict, index) = (safe::line(result.verdict), result.index);
    let what = match (result.verdict, result.known) {
        ("allow", false) => format!("published {name}, countersigned, as statement {index}"),
        ("allow", true) => format!("{name} was published before, as statement {index}"),
        ("hold", _) => format!("{name} is held for review, as statement {index}"),
        _ => format!("{name}: {verdict}, as statement {index}"),
    };
    desk.output.note(&what);
    for finding in result.findings.as_array().into_iter().flatten() {
        let text = |key: &str| safe::line(finding.get(key).and_then(Value::as_str).unwrap_or(""));
        let (severity, code, place) = (text("severity"), text("code"), text("place"));
        desk.output.note(&format!("  {severity:<8} {code} {place}"));
    }
    if let Some(evidence) = result.evidence {
        let verified = if result.verified { "verified" } else { "not verified: no trust roots" };
        desk.output.note(&format!("  evidence in {} ({verified})", evidence.display()));
    }
    if result.verdict == "hold" {
        desk.output
            .hint("a reviewer of the registry releases it; publishing it again asks how it stands");
    }
}

fn read_entry(path: &Path) -> Result<ServerJson, Failure> {
    let bytes_max = ::registry::limits::SERVER_JSON_BYTES_MAX;
    let bytes = statement::read_bounded(path, bytes_max)?;
    ServerJson::parse(&bytes).map_err(|error| {
        let what = format!("{} is no entry that a registry takes", path.display());
        Failure::refusal(error.code(), what).because(error)
    })
}

fn sign(
    entry: &ServerJson,
    predicate: Predicate,
    keys: &[PrivateKey],
    document: Vec<u8>,
) -> Result<Submission, Failure> {
    let time = seal::time::format(crate::log::now_s());
    let time = time.ok_or_else(|| Failure::new("reading the clock"))?;
    let statement = Statement { server: entry.name().to_owned(), time, previous: None, predicate };
    let signers: Vec<&PrivateKey> = keys.iter().collect();
    let envelope = Envelope::sign(statement, &signers).map_err(|error| {
        Failure::refusal(error.code(), "the declaration cannot be signed").because(error)
    })?;
    Ok(Submission {
        entry: entry.bytes().to_vec().into(),
        surface: document.into(),
        envelope: envelope.bytes().to_vec().into(),
        keys: keys.iter().map(|key| key.public().to_string()).collect(),
    })
}

fn artefacts(texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let parsed = texts.iter().map(|text| {
        // A package's name may hold `=`; a digest does not.
        let (package, digest) = text.rsplit_once('=')?;
        Some((package.to_owned(), digest.to_owned()))
    });
    let parsed: Option<BTreeMap<String, String>> = parsed.collect();
    parsed.ok_or_else(|| Failure::usage("`--artefact` takes `PACKAGE=DIGEST`"))
}
