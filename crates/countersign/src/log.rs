//! Logs as this program reads them: from a URL, or from a folder that holds a copy.

pub(crate) mod backing;
pub(crate) mod evidence;
pub(crate) mod fraud;
pub(crate) mod limits;
pub(crate) mod reader;
pub(crate) mod view;

use std::path::{Path, PathBuf};

use evidence::Named;
use seal::Trust;

use crate::env;
use crate::failure::Failure;

/// The trust roots in a file.
///
/// # Errors
/// A file that cannot be read, or holds none.
pub(crate) fn trust(path: &Path) -> Result<Trust, Failure> {
    let reading = || format!("reading the trust roots in {}", path.display());
    let text =
        std::fs::read_to_string(path).map_err(|error| Failure::new(reading()).because(error))?;
    Trust::parse(&text).map_err(|error| Failure::new(reading()).because(error))
}

/// Where the newest evidence about a server is kept for the next start; `None` without a home.
pub(crate) fn cache(named: &Named) -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder = variable(env::XDG_CACHE_HOME)
        .or_else(|| Some(variable(env::HOME)?.join(".cache")))?
        .join("countersign/log");
    let name = surface::Digest::of_bytes(named.to_string().as_bytes()).to_string();
    Some(folder.join(name.trim_start_matches("sha256:")).with_extension("proof"))
}

/// The time, in seconds since 1970.
pub(crate) fn now_s() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default()
}
