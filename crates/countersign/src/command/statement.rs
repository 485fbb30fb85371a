//! Keys and statements, one file each.

pub(crate) mod key;
pub(crate) mod key_file;
mod sign;
pub(crate) mod sigstore;
mod verify;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use jiff::Timestamp;
use seal::{Envelope, Predicate, PrivateKey, Statement};

pub(crate) use key::draw;

use super::Desk;
use crate::args::statement as args;
use crate::failure::{Exit, Failure};

/// `countersign key`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) fn key(desk: &Desk, arguments: &args::Key) -> Result<Exit, Failure> {
    key::run(desk, arguments)
}

/// `countersign sign`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) fn sign(desk: &Desk, arguments: &args::Sign) -> Result<Exit, Failure> {
    sign::run(desk, arguments)
}

/// `countersign verify`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) fn verify(desk: &Desk, arguments: &args::Verify) -> Result<Exit, Failure> {
    verify::run(desk, arguments)
}

/// Signs what is said now, and writes the envelope.
fn say(
    desk: &Desk,
    server: &str,
    predicate: Predicate,
    keys: &[PrivateKey],
    said: &args::Said,
) -> Result<Exit, Failure> {
    let time = seal::time::format(now_s()).ok_or_else(|| Failure::new("reading the clock"))?;
    let previous = said.previous;
    let statement = Statement { server: server.to_owned(), time, previous, predicate };
    seal_and_write(desk, statement, keys, said.output.as_deref())
}

fn seal_and_write(
    desk: &Desk,
    statement: Statement,
    keys: &[PrivateKey],
    output: Option<&Path>,
) -> Result<Exit, Failure> {
    let keys: Vec<&PrivateKey> = keys.iter().collect();
    let envelope = Envelope::sign(statement, &keys).map_err(|error| {
        Failure::refusal(error.code(), "the statement cannot be signed").because(error)
    })?;
    // The bytes are the leaf: no newline is added to a file.
    match output {
        None => {
            desk.output.data(&String::from_utf8_lossy(envelope.bytes()))?;
            desk.output.note("");
        }
        Some(path) => std::fs::write(path, envelope.bytes())
            .map_err(|error| Failure::new(format!("writing {}", path.display())).because(error))?,
    }
    Ok(Exit::Same)
}

pub(super) fn load_all(desk: &Desk, signers: &args::Signers) -> Result<Vec<PrivateKey>, Failure> {
    let paths = signers.keys.iter();
    paths.map(|path| key_file::load(desk.output, path, &signers.passphrase)).collect()
}

/// The bytes of a file, or of stdin for `-`.
pub(super) fn read_bounded(path: &Path, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::new(format!("reading {}", path.display())).because(error);
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        File::open(path)
            .and_then(|file| file.take(limit).read_to_end(&mut bytes))
            .map_err(failed)?;
    }
    if bytes.len() > bytes_max {
        return Err(Failure::new(format!("{} is longer than {bytes_max} bytes", path.display())));
    }
    Ok(bytes)
}

/// Seconds since 1970.
fn now_s() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or_default()
}
