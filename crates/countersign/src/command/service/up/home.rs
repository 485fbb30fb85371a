//! The directory of a registry: its keys and the name of its log.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use seal::PrivateKey;
use seal::key::Algorithm;
use tlog::{Sign, VerifierKey, note};

use crate::args::service as args;
use crate::codes;
use crate::command::Desk;
use crate::command::statement::{key, key_file};
use crate::failure::Failure;

/// Who the registry is.
pub(super) struct Home {
    /// The log's name.
    pub(super) origin: String,
    /// The log's keys: Ed25519 and ML-DSA-44.
    pub(super) log_keys: Vec<Arc<dyn Sign>>,
    pub(super) log_verifiers: Vec<VerifierKey>,
    /// The key of the registry's own statements.
    pub(super) registry: PrivateKey,
}

/// Reads the directory; with `--init`, makes what is not there.
///
/// # Errors
/// No registry, keys that others can read, a name that no log can have.
pub(super) fn open(desk: &Desk, arguments: &args::Up, data: &Path) -> Result<Home, Failure> {
    let keys = data.join("keys");
    if !keys.exists() && !arguments.init {
        let what = format!("there is no registry in {}", data.display());
        return Err(Failure::new(what).code(codes::UP_MISSING).hint(
            "`--init` makes one; if there was one, restore its directory rather than make another",
        ));
    }
    if arguments.init {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&keys);
        made.map_err(|error| Failure::new(format!("making {}", keys.display())).because(error))?;
    }
    let origin = origin(arguments, data)?;
    let load = |name: &str, algorithm| {
        let path = keys.join(name);
        if arguments.init && !path.exists() {
            key_file::create(&path, &key::draw(algorithm)?.to_pem(None).map_err(failed)?)?;
        }
        key_file::load(desk.output, &path, &arguments.passphrase)
    };
    let mut log_keys: Vec<Arc<dyn Sign>> = Vec::new();
    for (name, algorithm, kind) in [
        ("log-ed25519.pem", Algorithm::Ed25519, note::Algorithm::Ed25519),
        ("log-ml-dsa-44.pem", Algorithm::MlDsa44, note::Algorithm::MlDsa44),
    ] {
        let key = load(name, algorithm)?.into_note_key(&origin, kind);
        let what = || format!("making `{origin}` the name of a log");
        log_keys.push(Arc::new(key.map_err(|error| Failure::usage(what()).because(error))?));
    }
    let registry = load("registry-ed25519.pem", Algorithm::Ed25519)?;
    let log_verifiers = log_keys.iter().map(|key| key.verifier().clone()).collect();
    Ok(Home { origin, log_keys, log_verifiers, registry })
}

/// The host of a log's name, its labels reversed: `registry.example.com/log` ->
/// `com.example.registry`.
pub(super) fn reversed_host(origin: &str) -> String {
    let host = origin.split(['/', ':']).next().unwrap_or(origin);
    let labels: Vec<&str> = host.split('.').rev().filter(|label| !label.is_empty()).collect();
    labels.join(".")
}

/// The log's name: written down once, and never another.
fn origin(arguments: &args::Up, data: &Path) -> Result<String, Failure> {
    let path = data.join("origin");
    let known = std::fs::read_to_string(&path);
    let reading = || format!("reading {}", path.display());
    match known {
        Ok(known) => {
            let known = known.trim().to_owned();
            match &arguments.origin {
                Some(origin) if *origin != known => {
                    Err(Failure::usage(format!("the log is named `{known}`, not `{origin}`")))
                }
                _ => Ok(known),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && arguments.init => {
            let host = arguments.public_url.as_ref().and_then(url::Url::host_str);
            let usual = || format!("{}/log", host.unwrap_or("localhost"));
            let origin = arguments.origin.clone().unwrap_or_else(usual);
            let written = std::fs::write(&path, format!("{origin}\n"));
            written.map_err(|error| {
                Failure::new(format!("writing {}", path.display())).because(error)
            })?;
            Ok(origin)
        }
        Err(error) => Err(Failure::new(reading()).because(error)),
    }
}

fn failed(error: seal::key::KeyError) -> Failure {
    Failure::new("making a key").because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_the_host_reversed() {
        for (origin, operator) in [
            ("registry.example.com/log", "com.example.registry"),
            ("localhost/log", "localhost"),
            ("localhost:4180", "localhost"),
            ("127.0.0.1/log", "1.0.0.127"),
        ] {
            assert_eq!(reversed_host(origin), operator);
        }
    }
}
