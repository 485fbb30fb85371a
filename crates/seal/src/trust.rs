//! Whom a reader believes, in one readable TOML file: `trust.toml`.

use crate::key::PublicKey;

/// Trust roots.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Logs, witnesses and quorum, in the text of C2SP tlog-policy.
    pub policy: tlog::Policy,
    /// Whose countersignatures count.
    pub registries: Vec<PublicKey>,
    /// Whose observations count.
    pub observers: Vec<PublicKey>,
    /// Publishers whose keys are known beforehand: a name or namespace pattern (`io.github.acme/*`)
    /// and a key. For names without one the registry's word on the publisher's key counts.
    pub publishers: Vec<(String, PublicKey)>,
    /// How old the newest proof of a server's latest state may be, in seconds.
    pub freshness_s_max: u64,
}

impl Trust {
    /// Reads `trust.toml`.
    ///
    /// # Errors
    /// A text that is none, by line.
    pub fn parse(text: &str) -> Result<Self, TrustError> {
        let _ = text;
        unimplemented!()
    }
}

/// Why a text names no trust roots.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The text is no trust file.
    #[error("reading trust roots: {0}")]
    Malformed(String),
}
