//! `registry.toml`: what the parts of a registry are told. Every part owns its section.

mod admission;
mod namespaces;

use serde::Deserialize;

pub use admission::{AdmissionSection, ArtefactsSection};
pub use namespaces::{GithubSection, NamespacesSection};

/// The whole file. What is not in it has the default that its section says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `[namespaces]`: where proofs of namespaces are looked for.
    pub namespaces: NamespacesSection,
    /// `[admission]`: what is admitted, held and refused.
    pub admission: AdmissionSection,
    /// `[artefacts]`: the package registries that are asked for digests.
    pub artefacts: ArtefactsSection,
    /// `[[mirror]]`: upstream registries that are followed.
    pub mirror: Vec<crate::mirror::Config>,
    /// `[monitor]`: remote servers that are looked at.
    pub monitor: Option<crate::monitor::Config>,
    /// `[operator]`: the token for what the operator alone may ask.
    pub operator: Option<super::operator::Config>,
    /// `[[webhook]]`: who is told of state changes.
    pub webhook: Vec<crate::feed::webhook::Config>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// A text that is no TOML, or has a member that nobody knows.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Ok(toml::from_str(text)?)
    }
}

/// A configuration that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(#[from] toml::de::Error);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use drift::Severity;

    use super::*;

    #[test]
    fn an_empty_file_is_the_defaults_and_every_section_is_read() {
        let config = Config::parse("").unwrap();
        assert!(config.mirror.is_empty());
        assert!(config.admission.undeclared);
        let config = Config::parse(include_str!("../../../../docs/registry.toml")).unwrap();
        assert_eq!(config.admission.hold_at, Some(Severity::Critical));
        assert_eq!(config.namespaces.resolvers.len(), 2);
        assert_eq!(config.mirror.len(), 1);
        assert_eq!(config.mirror.first().unwrap().poll_minutes, 60);
        let monitor = config.monitor.unwrap();
        assert_eq!((monitor.follows_listed, monitor.servers.len()), (false, 1));
        assert_eq!(config.webhook.len(), 1);
        assert!(config.operator.is_some_and(|operator| operator.token_env.is_some()));
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        for text in [
            "mirrors = []",
            "[admission]\nhold = 'critical'",
            "[admission]\nhold_at = 'severe'",
            "[namespaces]\nresolvers = ['example.com']",
            "[[mirror]]\nurl = 'https://a.example'\npoll = 1",
            "[[mirror]]",
            "[monitor]\nvantages = 2",
            "[[monitor.server]]\nname = 'a/b'",
            "[operator]\ntoken = 'in a file that many read'",
            "admission = 1\nadmission = 2",
        ] {
            assert!(Config::parse(text).is_err(), "{text}");
        }
    }
}
