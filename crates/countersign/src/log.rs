//! Logs as this program reads them: from a URL, or from a folder that holds a copy.

pub(crate) mod backing;
pub(crate) mod evidence;
pub(crate) mod limits;
pub(crate) mod reader;
pub(crate) mod view;

use std::path::Path;

use seal::Trust;

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

/// The time, in seconds since 1970.
pub(crate) fn now_s() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default()
}
