//! Secrets of webhooks: read once, never shown, never logged.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::limits;

/// A secret, `whsec_` and base64.
pub struct Secret {
    key: hmac::Key,
}

impl Secret {
    /// Reads a secret.
    ///
    /// # Errors
    /// A text that is none.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix("whsec_").ok_or(SecretError::Malformed)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SecretError::Malformed)?;
        let sizes = limits::WEBHOOK_SECRET_BYTES_MIN..=limits::WEBHOOK_SECRET_BYTES_MAX;
        if !sizes.contains(&bytes.len()) {
            return Err(SecretError::Length { bytes: bytes.len() });
        }
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &bytes) })
    }

    /// The signature of a message: `v1,` and base64.
    pub fn sign(&self, id: &str, time_s: u64, body: &str) -> String {
        let tag = hmac::sign(&self.key, format!("{id}.{time_s}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(tag.as_ref()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The secrets in a variable or a file, one a line.
pub(super) fn read(
    variable: Option<&str>,
    file: Option<&Path>,
) -> Result<Vec<Secret>, SecretError> {
    let text = text(variable, file)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let secrets = lines.map(Secret::parse).collect::<Result<Vec<_>, _>>()?;
    if secrets.is_empty() { Err(SecretError::Malformed) } else { Ok(secrets) }
}

/// The text in a variable, or in a file that its owner alone may read.
pub(crate) fn text(variable: Option<&str>, file: Option<&Path>) -> Result<String, SecretError> {
    match (variable, file) {
        (Some(name), None) => {
            std::env::var(name).map_err(|_| SecretError::Unset { name: name.to_owned() })
        }
        (None, Some(path)) => {
            let reading = |source| SecretError::File { path: path.display().to_string(), source };
            let mode = std::fs::metadata(path).map_err(reading)?.mode();
            if mode & 0o077 != 0 {
                return Err(SecretError::Mode { path: path.display().to_string() });
            }
            std::fs::read_to_string(path).map_err(reading)
        }
        _ => Err(SecretError::Place),
    }
}

/// Why there is no secret. Never says what was there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// No place or two.
    #[error("either a variable (`…_env`) or a file (`…_file`) says where it is")]
    Place,
    /// A variable that is not set.
    #[error("`{name}` is not set")]
    Unset {
        /// The variable.
        name: String,
    },
    /// A file that cannot be read.
    #[error("reading {path}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file that others can read.
    #[error("{path} can be read by others: `chmod 600` it, and make a new secret if they did")]
    Mode {
        /// The file.
        path: String,
    },
    /// Not a secret.
    #[error("a secret is `whsec_` and base64")]
    Malformed,
    /// Too short or too long.
    #[error("a secret has 24 to 64 bytes, this one has {bytes}")]
    Length {
        /// How many it has.
        bytes: usize,
    },
}
