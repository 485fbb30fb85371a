//! `countersign key`

use std::fmt::Write as _;

use aws_lc_rs::rand;
use seal::key::Passphrase;
use seal::statement::{Predicate, Revocation, Revoked, Rotation};
use seal::{PrivateKey, PublicKey, limits};
use serde_json::{Value, json};
use tlog::note::Algorithm as Note;

use super::{key_file, say};
use crate::args::statement as args;
use crate::command::Desk;
use crate::failure::{Exit, Failure};
use crate::output::style;

/// Makes, shows, rotates or revokes a key.
///
/// # Errors
/// Whatever keeps it from doing so.
pub(super) fn run(desk: &Desk, arguments: &args::Key) -> Result<Exit, Failure> {
    match arguments {
        args::Key::New(arguments) => new(desk, arguments),
        args::Key::Show(arguments) => show(desk, arguments),
        args::Key::Rotate(arguments) => rotate(desk, arguments),
        args::Key::Revoke(arguments) => revoke(desk, arguments),
    }
}

fn new(desk: &Desk, arguments: &args::KeyNew) -> Result<Exit, Failure> {
    let failed = |error| Failure::new("making a key").because(error);
    let key = draw(arguments.algorithm.into())?;
    let given = &arguments.passphrase;
    let is_encrypted =
        arguments.encrypt || given.passphrase_variable.is_some() || given.passphrase_file.is_some();
    let pem = if is_encrypted {
        let text = key_file::choose(desk.output, given)?;
        let rounds = limits::PBKDF2_ROUNDS;
        key.to_pem(Some(&Passphrase { text: &text, random: random()?, rounds })).map_err(failed)?
    } else {
        key.to_pem(None).map_err(failed)?
    };
    key_file::create(&arguments.file, &pem)?;
    let public = key.public();
    if arguments.json {
        desk.output.json(&described(public, None)?)?;
        return Ok(Exit::Same);
    }
    desk.output.data(&public.to_string())?;
    let file = style::paint(style::NAME, arguments.file.display());
    desk.output.note(&format!("{file}: {} key {}", public.algorithm(), public.id()));
    if !is_encrypted {
        desk.output
            .note("whoever reads the file can sign with it: `--encrypt` asks for a passphrase");
    }
    Ok(Exit::Same)
}

fn show(desk: &Desk, arguments: &args::KeyShow) -> Result<Exit, Failure> {
    let public = key_file::load_public(desk.output, &arguments.file, &arguments.passphrase)?;
    let note = arguments.note.as_deref();
    let described = described(&public, note)?;
    if arguments.json {
        desk.output.json(&described)?;
        return Ok(Exit::Same);
    }
    let mut text = format!("{} {}\n{public}", public.algorithm(), public.id());
    for role in ["log", "witness"] {
        if let Some(verifier) = described.pointer(&format!("/note/{role}")).and_then(Value::as_str)
        {
            let _ = writeln!(text, "{role:<8}{verifier}");
        }
    }
    desk.output.data(&text)?;
    Ok(Exit::Same)
}

fn rotate(desk: &Desk, arguments: &args::KeyRotate) -> Result<Exit, Failure> {
    let from = key_file::load(desk.output, &arguments.from, &arguments.passphrase)?;
    let to = key_file::load(desk.output, &arguments.to, &arguments.passphrase)?;
    let rotation = Rotation { from: from.public().id(), to: to.public().to_string() };
    say(desk, &arguments.server, Predicate::Rotation(rotation), &[from, to], &arguments.said)
}

fn revoke(desk: &Desk, arguments: &args::KeyRevoke) -> Result<Exit, Failure> {
    let keys = super::load_all(desk, &arguments.signers)?;
    let own = keys.first().map(|key| key.public().id());
    let key = arguments.of.or(own).ok_or_else(|| Failure::usage("no key is named"))?;
    let of = Revoked::Key { key, since: arguments.since };
    let revocation = Revocation { of, reason: arguments.reason.clone() };
    say(desk, &arguments.server, Predicate::Revocation(revocation), &keys, &arguments.said)
}

/// A new key.
///
/// # Errors
/// A system that gives no random bytes.
pub(crate) fn draw(algorithm: seal::key::Algorithm) -> Result<PrivateKey, Failure> {
    // One seed in 2^32 makes no P-256 key.
    let mut last = None;
    for _ in 0..4 {
        match PrivateKey::from_seed(algorithm, &random()?) {
            Ok(key) => return Ok(key),
            Err(error) => last = Some(error),
        }
    }
    let failure = Failure::new("making a key");
    Err(match last {
        Some(error) => failure.because(error),
        None => failure,
    })
}

fn random() -> Result<[u8; 32], Failure> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes)
        .map_err(|error| Failure::new("asking for random bytes").because(error))?;
    Ok(bytes)
}

/// What anybody may know of a key, and the verifier keys that it makes under a name.
fn described(public: &PublicKey, note: Option<&str>) -> Result<Value, Failure> {
    let mut described = json!({
        "algorithm": public.algorithm().as_str(),
        "keyid": public.id().to_string(),
        "publicKey": public.to_string(),
    });
    let Some(name) = note else { return Ok(described) };
    let roles: &[(&str, Note)] = match public.algorithm() {
        seal::key::Algorithm::Ed25519 => &[("log", Note::Ed25519), ("witness", Note::Cosignature)],
        seal::key::Algorithm::MlDsa44 => &[("log", Note::MlDsa44), ("witness", Note::MlDsa44)],
        seal::key::Algorithm::P256 => &[],
    };
    if roles.is_empty() {
        return Err(Failure::usage("no log or witness signs with P-256"));
    }
    let mut verifiers = serde_json::Map::new();
    for (role, algorithm) in roles {
        let verifier = public.note_verifier(name, *algorithm);
        let verifier = verifier.map_err(|error| Failure::usage("naming a log").because(error))?;
        verifiers.insert((*role).to_owned(), verifier.to_string().into());
    }
    if let Some(members) = described.as_object_mut() {
        members.insert("note".to_owned(), verifiers.into());
    }
    Ok(described)
}
