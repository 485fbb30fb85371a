//! The files that a configuration names.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use zeroize::Zeroizing;

use super::ConfigError;
use crate::limits;

/// The text of a file, bounded.
///
/// # Errors
/// A file that is missing, too long, or no text.
pub(crate) fn text(path: &Path, bytes_max: u64) -> Result<String, ConfigError> {
    read(path, bytes_max, false).map(|text| text.to_string())
}

/// The text of a file that its owner alone may read.
///
/// # Errors
/// As [`text`], or one that others can read.
pub(crate) fn private(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    read(path, limits::CONFIG_FILE_BYTES_MAX, true)
}

/// A JSON object in a file.
///
/// # Errors
/// As [`text`], or what is no JSON object that all parsers read alike.
pub(crate) fn object(path: &Path) -> Result<serde_json::Map<String, Value>, ConfigError> {
    let text = text(path, limits::CONFIG_FILE_BYTES_MAX)?;
    let refused = |why: String| {
        let what = format!("{} is no JSON object: {why}", path.display());
        ConfigError::new("", what, "write one JSON object, each member once")
    };
    let document = wire::Document::parse(text.as_bytes(), &wire::Policy::default())
        .map_err(|error| refused(error.to_string()))?;
    match surface::json::exact(document.root()) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(refused("it is another value".to_owned())),
        Err(error) => Err(refused(error.to_string())),
    }
}

/// The 32 bytes of a shared key, as Base64url in a file.
///
/// # Errors
/// As [`private`], or another length.
pub(crate) fn shared_key(path: &Path) -> Result<[u8; 32], ConfigError> {
    let text = private(path)?;
    let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok().map(Zeroizing::new);
    bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok()).ok_or_else(|| {
        let what = format!("{} does not hold 32 bytes as Base64url", path.display());
        ConfigError::new("", what, "copy the file from the guards of this domain, or draw 32 bytes")
    })
}

fn read(path: &Path, bytes_max: u64, is_private: bool) -> Result<Zeroizing<String>, ConfigError> {
    let failed = |error: std::io::Error| {
        let what = format!("reading {}: {error}", path.display());
        ConfigError::new("", what, "name a file that this user can read")
    };
    let file = File::open(path).map_err(failed)?;
    // The mode is that of the file that is open, not of whatever the name means a moment later.
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if is_private && mode & 0o077 != 0 {
        let what = format!("{} can be read by others (mode {mode:03o})", path.display());
        let fix = format!("chmod 600 {}; if others had it, make a new one", path.display());
        return Err(ConfigError::new("", what, fix));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(bytes_max + 1).read_to_string(&mut text).map_err(failed)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > bytes_max {
        let what = format!("{} is longer than {bytes_max} bytes", path.display());
        return Err(ConfigError::new("", what, "name the file that is meant"));
    }
    Ok(text)
}
