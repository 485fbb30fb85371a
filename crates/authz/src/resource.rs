//! What a protected server says of itself: its identifier, its metadata (RFC 9728) and its
//! challenges (RFC 6750 §3, RFC 9449 §7.1).

mod uri;

use std::fmt;

pub use uri::is_same_target;

/// A resource identifier (RFC 8707 §2): an absolute URI without fragment, normalised once: scheme and
/// host in lower case, no default port. Path and trailing slash count. Compared byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resource(String);

impl Resource {
    /// Reads and normalises one.
    ///
    /// # Errors
    /// What is none, has a fragment or credentials, or is `http` off loopback.
    pub fn parse(text: &str) -> Result<Self, ResourceError> {
        let uri = uri::Uri::parse(text)?;
        if text.contains('#') {
            return Err(ResourceError::Extra);
        }
        if !uri.is_https && !uri.is_loopback {
            return Err(ResourceError::Plain);
        }
        Ok(Self(format!("{}{}", uri.origin, uri.rest)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no resource identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// No absolute URI.
    #[error("it is no absolute http or https URI")]
    NotUri,
    /// A fragment, or a user name.
    #[error("a resource identifier has neither fragment nor user")]
    Extra,
    /// Without TLS, and not on this machine.
    #[error("http is accepted on loopback alone: use https")]
    Plain,
}
