//! `[admission]` and `[artefacts]`.

use drift::Severity;
use seal::PublicKey;
use seal::key::KeyError;
use serde::Deserialize;
use url::Url;

use crate::publish::{Admission, Registries};

/// `[admission]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdmissionSection {
    /// Findings of this severity or above hold a version for review.
    pub hold_at: Option<Severity>,
    /// Findings of this severity or above refuse it.
    pub deny_at: Option<Severity>,
    /// Whether server.json without a surface is taken.
    pub undeclared: bool,
    /// The public keys, as PEM, of those whose approval releases what is held.
    pub reviewers: Vec<String>,
    /// The public keys, as PEM, of those whose observations of live servers are taken.
    pub observers: Vec<String>,
}

impl Default for AdmissionSection {
    fn default() -> Self {
        let usual = Admission::default();
        Self {
            hold_at: usual.hold_at,
            deny_at: usual.deny_at,
            undeclared: usual.is_undeclared_taken,
            reviewers: Vec::new(),
            observers: Vec::new(),
        }
    }
}

impl AdmissionSection {
    /// The policy.
    ///
    /// # Errors
    /// A key of a reviewer or an observer that is none.
    pub fn admission(&self) -> Result<Admission, KeyError> {
        let keys = |pems: &[String]| -> Result<Vec<PublicKey>, KeyError> {
            pems.iter().map(|pem| pem.parse()).collect()
        };
        Ok(Admission {
            hold_at: self.hold_at,
            deny_at: self.deny_at,
            is_undeclared_taken: self.undeclared,
            reviewers: keys(&self.reviewers)?,
            observers: keys(&self.observers)?,
        })
    }
}

/// `[artefacts]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArtefactsSection {
    /// npm's registry; empty asks none.
    pub npm: String,
    /// `PyPI`'s; empty asks none.
    pub pypi: String,
    /// Whether bundles (MCPB) are downloaded to compute their digests.
    pub bundles: bool,
}

impl Default for ArtefactsSection {
    fn default() -> Self {
        let usual = Registries::usual();
        let text = |url: Option<Url>| url.map(String::from).unwrap_or_default();
        Self { npm: text(usual.npm), pypi: text(usual.pypi), bundles: usual.are_bundles_fetched }
    }
}

impl ArtefactsSection {
    /// The package registries.
    ///
    /// # Errors
    /// A text that is no URL.
    pub fn registries(&self) -> Result<Registries, url::ParseError> {
        let url = |text: &str| (!text.is_empty()).then(|| Url::parse(text)).transpose();
        Ok(Registries {
            npm: url(&self.npm)?,
            pypi: url(&self.pypi)?,
            are_bundles_fetched: self.bundles,
        })
    }
}
