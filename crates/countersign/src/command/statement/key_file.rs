//! Key files: written for their owner alone, read only if they are so, passphrases never from the
//! command line.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use seal::{PrivateKey, PublicKey, limits};
use zeroize::Zeroizing;

use crate::args::statement as args;
use crate::codes;
use crate::failure::Failure;
use crate::output::Output;

/// Reads a private key.
///
/// # Errors
/// A file that others can read, is no key, or whose passphrase is missing or wrong.
pub(crate) fn load(
    output: Output,
    path: &Path,
    passphrase: &args::Passphrase,
) -> Result<PrivateKey, Failure> {
    let pem = read_private(path)?;
    let refused = |error: seal::key::KeyError| {
        let failure = Failure::refusal(error.code(), format!("reading the key {}", path.display()));
        let failure = failure.because(error);
        if PrivateKey::is_encrypted(&pem) {
            failure
                .hint("name its passphrase with `--passphrase-env VAR` or `--passphrase-file FILE`")
        } else {
            failure
                .hint("a key file holds one PKCS#8 key in PEM, as `countersign key new` writes it")
        }
    };
    let given = if PrivateKey::is_encrypted(&pem) {
        given(passphrase)?.or_else(|| ask(output, &format!("passphrase of {}:", path.display())))
    } else {
        None
    };
    PrivateKey::from_pem(&pem, given.as_ref().map(|text| text.as_str())).map_err(refused)
}

/// Reads a public key, or the public half of a private one.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_public(
    output: Output,
    path: &Path,
    passphrase: &args::Passphrase,
) -> Result<PublicKey, Failure> {
    match read(path)?.parse() {
        Err(seal::key::KeyError::Private) => {
            load(output, path, passphrase).map(|key| key.public().clone())
        }
        other => other.map_err(|error: seal::key::KeyError| {
            Failure::refusal(error.code(), format!("reading the key {}", path.display()))
                .because(error)
        }),
    }
}

/// Writes a new key file, which nobody but its owner can read.
///
/// # Errors
/// A file that is there already, or cannot be written.
pub(crate) fn create(path: &Path, pem: &str) -> Result<(), Failure> {
    let writing = || format!("writing the key {}", path.display());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(
        |error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                Failure::refusal(codes::KEY_EXISTS, format!("{} exists already", path.display()))
                    .hint("a key that is lost cannot be had again: move the file away first")
            } else {
                Failure::new(writing()).because(error)
            }
        },
    )?;
    file.write_all(pem.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| Failure::new(writing()).because(error))
}

/// The passphrase for a new key file.
///
/// # Errors
/// None given, and nobody to ask; two answers that differ; an empty one.
pub(crate) fn choose(
    output: Output,
    passphrase: &args::Passphrase,
) -> Result<Zeroizing<String>, Failure> {
    let chosen = if let Some(text) = given(passphrase)? {
        text
    } else {
        let first = ask(output, "a passphrase for the key:");
        let second = first.as_ref().and_then(|_| ask(output, "the same again:"));
        if first != second {
            return Err(Failure::usage("the two passphrases differ"));
        }
        first.ok_or_else(|| {
            Failure::usage("there is no terminal to ask for a passphrase on")
                .hint("name it with `--passphrase-env VAR` or `--passphrase-file FILE`")
        })?
    };
    if chosen.is_empty() {
        return Err(Failure::usage("the passphrase is empty"));
    }
    Ok(chosen)
}

fn given(passphrase: &args::Passphrase) -> Result<Option<Zeroizing<String>>, Failure> {
    if let Some(variable) = &passphrase.passphrase_variable {
        let text = std::env::var(variable);
        let text = text.map_err(|_| Failure::usage(format!("`{variable}` is not set")))?;
        return Ok(Some(Zeroizing::new(text)));
    }
    let Some(path) = &passphrase.passphrase_file else { return Ok(None) };
    let text = read_private(path)?;
    Ok(Some(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())))
}

/// Asks on the terminal without showing the answer; `None` when there is nobody to ask.
fn ask(output: Output, question: &str) -> Option<Zeroizing<String>> {
    let input = io::stdin();
    if !input.is_terminal() || !io::stderr().is_terminal() {
        return None;
    }
    let shown = tcgetattr(&input).ok()?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    output.note(question);
    tcsetattr(&input, OptionalActions::Flush, &hidden).ok()?;
    let mut answer = Zeroizing::new(String::new());
    let read = input.lock().read_line(&mut answer);
    let _ = tcsetattr(&input, OptionalActions::Flush, &shown);
    read.ok().filter(|length| *length > 0)?;
    Some(Zeroizing::new(answer.trim_end_matches(['\n', '\r']).to_owned()))
}

/// The text of a file that only its owner can read.
fn read_private(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let (file, mode) = open(path)?;
    if mode & 0o077 != 0 {
        let what = format!("{} can be read by others (mode {mode:03o})", path.display());
        return Err(Failure::refusal(codes::KEY_MODE, what)
            .hint(format!("chmod 600 {}; if others had it, make a new key", path.display())));
    }
    text(file, path)
}

fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    text(open(path)?.0, path)
}

fn open(path: &Path) -> Result<(File, u32), Failure> {
    // The mode is that of the file that is open, not of whatever the name means a moment later.
    let opened = File::open(path).and_then(|file| {
        let mode = file.metadata()?.permissions().mode() & 0o777;
        Ok((file, mode))
    });
    opened.map_err(|error| Failure::new(format!("reading {}", path.display())).because(error))
}

fn text(file: File, path: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let limit = u64::try_from(limits::PEM_BYTES_MAX).unwrap_or(u64::MAX);
    file.take(limit + 1)
        .read_to_string(&mut text)
        .map_err(|error| Failure::new(format!("reading {}", path.display())).because(error))?;
    Ok(text)
}
