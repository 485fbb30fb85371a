//! `countersign sign`

use std::collections::BTreeMap;
use std::path::Path;

use seal::statement::{
    Approval, Declaration, Predicate, Revocation, Revoked, Statement, SurfaceClaim,
};
use serde_json::Value;
use surface::document;
use surface::{Digest, Digests, Surface};
use wire::{Document, Policy};

use super::{load_all, now_s, read_bounded, say, seal_and_write};
use crate::args::statement as args;
use crate::command::{Desk, approve};
use crate::failure::{Exit, Failure};

/// Signs a statement.
///
/// # Errors
/// Files that cannot be read or say something else, keys that cannot sign.
pub(super) fn run(desk: &Desk, arguments: &args::Sign) -> Result<Exit, Failure> {
    match &arguments.what {
        args::What::Declaration(arguments) => declaration(desk, arguments),
        args::What::Approval(arguments) => approval(desk, arguments),
        args::What::Revocation(arguments) => revocation(desk, arguments),
        args::What::Statement(arguments) => written(desk, arguments),
    }
}

fn declaration(desk: &Desk, arguments: &args::Declaration) -> Result<Exit, Failure> {
    let keys = load_all(desk, &arguments.signers)?;
    let bytes = read_bounded(&arguments.entry, ENTRY_BYTES_MAX)?;
    let entry = exact(&bytes, &Policy::default(), &arguments.entry)?;
    let member = |name: &str| {
        let text = entry.get(name).and_then(Value::as_str).map(str::to_owned);
        let what = format!("{} has no `{name}`", arguments.entry.display());
        text.ok_or_else(|| Failure::new(what))
    };
    let server = member("name")?;
    let declaration = Declaration {
        version: member("version")?,
        entry: Digest::of(&entry),
        object: Digest::of_bytes(&bytes),
        surface: arguments.surface.as_deref().map(|path| claim(path, arguments)).transpose()?,
        artefacts: artefacts(&arguments.artefacts)?,
    };
    say(desk, &server, Predicate::Declaration(declaration), &keys, &arguments.said)
}

/// What a file claims that a server shows to anybody.
fn claim(path: &Path, arguments: &args::Declaration) -> Result<SurfaceClaim, Failure> {
    let bytes = read_bounded(path, surface::limits::FILE_BYTES_MAX)?;
    let surface = read_surface(&bytes, path)?;
    let said = || crate::lock::protocol_version(&surface);
    let protocol_version = arguments.protocol_version.clone().unwrap_or_else(said);
    if protocol_version.is_empty() {
        let what = format!("{} does not say which protocol version was spoken", path.display());
        return Err(Failure::usage(what).hint("say it with `--protocol-version`"));
    }
    Ok(SurfaceClaim {
        digests: Digests::of_surface(&surface),
        object: Digest::of_bytes(&bytes),
        era: surface.era,
        protocol_version,
        authorization: "anonymous".to_owned(),
    })
}

/// The surface in a file.
///
/// # Errors
/// A file that holds none.
pub(super) fn read_surface(bytes: &[u8], path: &Path) -> Result<Surface, Failure> {
    let failed = || format!("reading {}", path.display());
    let document = Document::parse(bytes, &document::POLICY)
        .map_err(|error| Failure::new(failed()).code(error.code.as_str()).because(error))?;
    let surface = document::read(document.root());
    surface.map_err(|error| Failure::new(failed()).because(error))
}

fn artefacts(texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |text: &String| {
        let (package, digest) = text.rsplit_once('=')?;
        Some((package.to_owned(), digest.to_owned()))
    };
    let pairs = texts.iter().map(pair).collect::<Option<BTreeMap<_, _>>>();
    pairs.ok_or_else(|| Failure::usage("an artefact is written `PACKAGE=DIGEST`"))
}

fn approval(desk: &Desk, arguments: &args::Approval) -> Result<Exit, Failure> {
    let keys = load_all(desk, &arguments.signers)?;
    let approval = Approval {
        of: arguments.of,
        held: arguments.held,
        by: approve::approver(arguments.by.as_deref()),
        reason: arguments.reason.clone(),
    };
    say(desk, &arguments.server, Predicate::Approval(approval), &keys, &arguments.said)
}

fn revocation(desk: &Desk, arguments: &args::Revocation) -> Result<Exit, Failure> {
    let keys = load_all(desk, &arguments.signers)?;
    let of = match (&arguments.version, arguments.surface) {
        (Some(version), None) => Revoked::Version { version: version.clone() },
        (None, Some(exact)) => Revoked::Surface { exact },
        _ => return Err(Failure::usage("either a version or a surface is revoked")),
    };
    let revocation = Revocation { of, reason: arguments.reason.clone() };
    say(desk, &arguments.server, Predicate::Revocation(revocation), &keys, &arguments.said)
}

/// A statement as somebody wrote it; the time and the subject's digest are filled in where they are
/// missing.
fn written(desk: &Desk, arguments: &args::Written) -> Result<Exit, Failure> {
    let keys = load_all(desk, &arguments.signers)?;
    let bytes = read_bounded(&arguments.file, seal::limits::ENVELOPE_BYTES_MAX)?;
    let mut value = exact(&bytes, &Policy::default(), &arguments.file)?;
    if let Some(predicate) = value.get_mut("predicate").and_then(Value::as_object_mut) {
        let now = seal::time::format(now_s()).unwrap_or_default();
        predicate.entry("time").or_insert_with(|| now.into());
    }
    let statement = Statement::from_json(value).map_err(|error| {
        let what = format!("{} is no statement", arguments.file.display());
        Failure::refusal(error.code(), what).because(error)
    })?;
    seal_and_write(desk, statement, &keys, arguments.output.as_deref())
}

fn exact(bytes: &[u8], policy: &Policy, path: &Path) -> Result<Value, Failure> {
    let document = Document::parse(bytes, policy);
    let value = document.and_then(|document| surface::json::exact(document.root()));
    value.map_err(|error| {
        let what = format!("reading {}", path.display());
        Failure::new(what).code(error.code.as_str()).because(error)
    })
}

/// Longest `server.json`: those of real registries stay below 64 KiB.
const ENTRY_BYTES_MAX: usize = 1 << 20;
