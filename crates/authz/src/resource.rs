//! What a protected server says of itself: its identifier, its metadata (RFC 9728) and its
//! challenges (RFC 6750 §3, RFC 9449 §7.1).

#[cfg(feature = "service")]
mod certificate;
pub mod challenge;
pub mod metadata;
#[cfg(feature = "service")]
mod pinned;
#[cfg(feature = "service")]
pub mod protection;
mod uri;

use std::fmt;

#[cfg(feature = "service")]
pub use certificate::{CertificateForm, Terminator};
pub use challenge::{Challenge, ChallengeError};
pub use metadata::{Metadata, MetadataError};
#[cfg(feature = "service")]
pub use pinned::{Call, Forbidden, Pinned, PinnedError, Policing};
#[cfg(feature = "service")]
pub use protection::{Protection, Refused};
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

    /// Where its metadata is (RFC 9728 §3.1): the well-known path goes between host and path.
    pub fn metadata_uri(&self) -> String {
        let (origin, rest) = self.split();
        // A path that is the host's slash alone is left out.
        format!("{origin}{WELL_KNOWN}{}", if rest == "/" { "" } else { rest })
    }

    /// Scheme, host and port; path and query.
    pub fn split(&self) -> (&str, &str) {
        let authority = self.0.find("://").map_or(0, |at| at + "://".len());
        let (_, after) = self.0.split_at_checked(authority).unwrap_or(("", &self.0));
        let end = after.find(['/', '?']).unwrap_or(after.len());
        self.0.split_at_checked(authority + end).unwrap_or((&self.0, ""))
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text is an issuer identifier (RFC 8414 §2): `https`, or `http` on loopback, without user,
/// query and fragment. Compared as it is, never normalised (RFC 9207 §2.4).
///
/// # Errors
/// What it is instead.
pub fn check_issuer(text: &str) -> Result<(), ResourceError> {
    Resource::parse(text)?;
    if text.contains('?') { Err(ResourceError::Extra) } else { Ok(()) }
}

/// Why a text is no resource identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// No absolute URI.
    #[error("it is no absolute http or https URI in its plain form")]
    NotUri,
    /// A fragment, or a user name.
    #[error("it has a fragment, a user or, as an issuer, a query")]
    Extra,
    /// Without TLS, and not on this machine.
    #[error("http is accepted on loopback alone: use https")]
    Plain,
}

/// RFC 9728 §3.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

#[cfg(test)]
mod tests;
