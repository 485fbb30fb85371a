//! `countersign verify`: one readable verdict with its reasons, offline.

mod pins;

use std::fmt::Write as _;
use std::path::Path;

use seal::bundle::{Check, Outcome, Verified};
use seal::{Bundle, Envelope, Fraud, KeyId, PublicKey, Trust, limits};
use serde_json::{Value, json};
use surface::{Digest, Digests};
use wire::{Document, Policy};

use super::{key_file, now_s, read_bounded, sign, sigstore};
use crate::args::statement as args;
use crate::codes;
use crate::command::Desk;
use crate::failure::{Exit, Failure};
use crate::output::{safe, style};

/// Verifies a file.
///
/// # Errors
/// Files that cannot be read, or that are nothing that could be verified.
pub(super) fn run(desk: &Desk, arguments: &args::Verify) -> Result<Exit, Failure> {
    let Some(file) = &arguments.file else { return pins::run(desk, arguments) };
    // What of these is too long for what it is, is refused by whoever reads it.
    let bytes = read_bounded(file, limits::FRAUD_BYTES_MAX)?;
    match kind(&bytes) {
        FileKind::Bundle => bundle(desk, arguments, &bytes),
        FileKind::Envelope => envelope(desk, arguments, &bytes),
        FileKind::Fraud => fraud(desk, arguments, &bytes),
        FileKind::Sigstore => show(desk, arguments, &sigstore::verify(arguments, &bytes)?),
        FileKind::Unknown => {
            let what = format!("{} is neither a statement nor a bundle", shown(arguments));
            Err(Failure::new(what))
        }
    }
}

/// The file that was named, for a person.
fn shown(arguments: &args::Verify) -> String {
    arguments.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default()
}

enum FileKind {
    Bundle,
    Envelope,
    Fraud,
    Sigstore,
    Unknown,
}

/// What a file seems to be; whoever reads it says whether it is.
fn kind(bytes: &[u8]) -> FileKind {
    let policy = Policy { bytes_max: limits::FRAUD_BYTES_MAX, ..Policy::default() };
    let Ok(document) = Document::parse(bytes, &policy) else { return FileKind::Unknown };
    if document.root().get("payloadType").is_some() {
        FileKind::Envelope
    } else if document.root().get("mediaType").is_some_and(|it| it.is_text(seal::fraud::MEDIA_TYPE))
    {
        FileKind::Fraud
    } else if document.root().get("checkpoint").is_some() {
        FileKind::Bundle
    } else if ["verificationMaterial", "verification_material"]
        .iter()
        .any(|name| document.root().get(name).is_some())
    {
        FileKind::Sigstore
    } else {
        FileKind::Unknown
    }
}

fn fraud(desk: &Desk, arguments: &args::Verify, bytes: &[u8]) -> Result<Exit, Failure> {
    let trust = roots(arguments)?;
    let fraud = Fraud::parse(bytes).map_err(|error| {
        let what = format!("{} is no proof of fraud", shown(arguments));
        Failure::refusal(error.code(), what).because(error)
    })?;
    show(desk, arguments, &fraud.verify(&trust))
}

fn roots(arguments: &args::Verify) -> Result<Trust, Failure> {
    let path = arguments.trust.as_deref().ok_or_else(|| {
        Failure::usage("evidence is verified against trust roots")
            .hint("name whom to believe: `--trust trust.toml`")
    })?;
    trust(path)
}

fn bundle(desk: &Desk, arguments: &args::Verify, bytes: &[u8]) -> Result<Exit, Failure> {
    let trust = roots(arguments)?;
    let bundle = Bundle::parse(bytes).map_err(|error| {
        let what = format!("{} is no bundle", shown(arguments));
        Failure::refusal(error.code(), what).because(error)
    })?;
    let now_s = match &arguments.at {
        None => now_s(),
        Some(text) => seal::time::parse(text)
            .ok_or_else(|| Failure::usage("a time is written like 2026-11-25T12:00:00Z"))?,
    };
    let mut outcome = bundle.verify(&trust, now_s);
    if let (Some(verified), Some(path)) = (&outcome.verified, &arguments.surface) {
        let check = same(verified.surface, path)?;
        outcome.verified = outcome.verified.filter(|_| check.holds);
        outcome.checks.push(check);
    }
    show(desk, arguments, &outcome)
}

/// Whether a file shows the surface that was declared.
fn same(declared: Option<Digests>, path: &Path) -> Result<Check, Failure> {
    let bytes = read_bounded(path, surface::limits::FILE_BYTES_MAX)?;
    let shown = Digests::of_surface(&sign::read_surface(&bytes, path)?);
    let (holds, says) = match declared {
        Some(declared) if declared.exact == shown.exact => {
            (true, format!("{} is the declared surface", path.display()))
        }
        Some(declared) if declared.semantic == shown.semantic => {
            (true, format!("{} is the declared surface but for its form", path.display()))
        }
        Some(declared) => {
            (false, format!("declared is {}, shown is {}", declared.exact, shown.exact))
        }
        None => (false, "no surface is declared".to_owned()),
    };
    Ok(Check { code: codes::DECLARED_SURFACE, holds, says })
}

fn trust(path: &Path) -> Result<Trust, Failure> {
    let bytes = read_bounded(path, limits::TRUST_BYTES_MAX)?;
    let text = String::from_utf8(bytes)
        .map_err(|error| Failure::new(format!("reading {}", path.display())).because(error))?;
    Trust::parse(&text).map_err(|error| {
        Failure::refusal(error.code(), format!("reading {}", path.display())).because(error)
    })
}

fn show(desk: &Desk, arguments: &args::Verify, outcome: &Outcome) -> Result<Exit, Failure> {
    if arguments.json {
        desk.output.json(&verdict(outcome))?;
    } else {
        let mut text = String::new();
        for check in &outcome.checks {
            let (mark, style) =
                if check.holds { ("ok  ", style::SAME) } else { ("FAIL", style::ERROR) };
            let says = safe::text(&check.says);
            let _ = writeln!(text, "{} {:<24} {says}", style::paint(style, mark), check.code);
        }
        text.push_str(&conclusion(outcome));
        desk.output.data(&text)?;
    }
    Ok(if holds(outcome) { Exit::Same } else { Exit::Drift })
}

fn holds(outcome: &Outcome) -> bool {
    !outcome.checks.is_empty() && outcome.checks.iter().all(|check| check.holds)
}

fn conclusion(outcome: &Outcome) -> String {
    let Some(Verified { server, version, surface, .. }) = &outcome.verified else {
        let (style, says) =
            if holds(outcome) { (style::SAME, "verified") } else { (style::ERROR, "not verified") };
        return format!("{}\n", style::paint(style, says));
    };
    let surface = surface.map_or_else(
        || "no surface is declared".to_owned(),
        |surface| format!("its surface is {}", surface.exact),
    );
    let name = style::paint(style::NAME, safe::text(&format!("{server} {version}")));
    format!("{name} is verified; {surface}\n")
}

fn verdict(outcome: &Outcome) -> Value {
    let checks: Vec<Value> = outcome
        .checks
        .iter()
        .map(|check| json!({ "code": check.code, "holds": check.holds, "says": check.says }))
        .collect();
    let verified = outcome.verified.as_ref().map(|it| {
        let time = it.time_s.and_then(seal::time::format);
        json!({
            "server": it.server, "version": it.version, "entry": it.entry, "surface": it.surface,
            "latest": it.latest, "size": it.size, "time": time,
        })
    });
    json!({ "checks": checks, "holds": holds(outcome), "schema": "countersign.verdict/1", "verified": verified })
}

/// A statement by itself: who signed it, of those that are believed. It proves nothing about a log.
fn envelope(desk: &Desk, arguments: &args::Verify, bytes: &[u8]) -> Result<Exit, Failure> {
    let refused = |error: &seal::envelope::EnvelopeError| {
        (error.code(), format!("{} is not what it says", shown(arguments)))
    };
    // An editor ends a file with a newline; the envelope itself has none.
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let envelope = Envelope::parse(bytes).map_err(|error| {
        let (code, what) = refused(&error);
        Failure::refusal(code, what).because(error)
    })?;
    let keys = believed(desk, arguments)?;
    let signers = envelope.verify(&keys).map_err(|error| {
        let (code, what) = refused(&error);
        Failure::refusal(code, what).because(error)
    })?;
    let statement = envelope.statement();
    if arguments.json {
        let payload = statement.to_payload().unwrap_or_default();
        let statement: Value = serde_json::from_slice(&payload).unwrap_or_default();
        let signed: Vec<KeyId> = envelope.signers().to_vec();
        desk.output.json(&json!({
            "leaf": Digest::from_sha256(tlog::Hash::of_leaf(envelope.bytes()).0),
            "signedBy": signers, "signers": signed, "statement": statement,
        }))?;
    } else {
        desk.output.data(&described(&envelope, &signers))?;
    }
    if signers.is_empty() {
        desk.output.note("nobody who is believed signed it");
        if keys.is_empty() {
            desk.output.hint("name whom to believe: `--trust trust.toml`, or `--key FILE`");
        }
        return Ok(Exit::Drift);
    }
    Ok(Exit::Same)
}

fn described(envelope: &Envelope, signers: &[KeyId]) -> String {
    let statement = envelope.statement();
    let kind = statement.predicate.type_uri().trim_end_matches("/v1");
    let kind = kind.rsplit('/').next().unwrap_or_default();
    let name = style::paint(style::NAME, safe::text(&statement.server));
    let mut text = format!("{kind} about {name}, {}\n", statement.time);
    let _ = writeln!(text, "about   {}", statement.predicate.about());
    for id in envelope.signers() {
        let (mark, style) =
            if signers.contains(id) { ("signed ", style::SAME) } else { ("unknown", style::FAINT) };
        let _ = writeln!(text, "{} {id}", style::paint(style, mark));
    }
    text
}

fn believed(desk: &Desk, arguments: &args::Verify) -> Result<Vec<PublicKey>, Failure> {
    let none = args::Passphrase { passphrase_variable: None, passphrase_file: None };
    let load = |path| key_file::load_public(desk.output, path, &none);
    let mut keys = Vec::new();
    for path in &arguments.keys {
        keys.push(load(path)?);
    }
    if let Some(path) = &arguments.trust {
        let trust = trust(path)?;
        keys.extend(trust.registries);
        keys.extend(trust.observers);
        keys.extend(trust.publishers.into_iter().map(|(_, key)| key));
    }
    Ok(keys)
}
