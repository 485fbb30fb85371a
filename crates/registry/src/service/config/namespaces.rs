//! `[namespaces]`

use std::net::SocketAddr;

use serde::Deserialize;
use url::Url;

use crate::namespace;
use crate::namespace::Github;

/// `[namespaces]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NamespacesSection {
    /// The resolvers that are asked for DNS records, each `ADDRESS:PORT`; those of the system if there
    /// is none. Loss of a proof needs two.
    pub resolvers: Vec<SocketAddr>,
    /// The URL of a domain's file, `{domain}` in the place of the domain.
    pub well_known: String,
    /// Addresses, each with a port, that may be asked although they are private, and without TLS.
    pub exceptions: Vec<SocketAddr>,
    /// GitHub.
    pub github: GithubSection,
}

/// `[namespaces.github]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GithubSection {
    /// Whether its tokens prove anything here.
    pub enabled: bool,
    /// The issuer of the tokens of Actions.
    pub issuer: String,
    /// The issuer's keys.
    pub keys: String,
    /// The API that knows whose an access token is.
    pub api: String,
    /// The OAuth application of the official publisher tool.
    pub client_id: Option<String>,
}

impl Default for NamespacesSection {
    fn default() -> Self {
        let usual = namespace::Config::new("");
        Self {
            resolvers: usual.resolvers,
            well_known: usual.well_known,
            exceptions: Vec::new(),
            github: GithubSection::default(),
        }
    }
}

impl Default for GithubSection {
    fn default() -> Self {
        let usual = namespace::Config::new("").github;
        let text = |part: fn(&Github) -> String| usual.as_ref().map(part).unwrap_or_default();
        Self {
            enabled: usual.is_some(),
            issuer: text(|github| github.issuer.clone()),
            keys: text(|github| github.keys.to_string()),
            api: text(|github| github.api.to_string()),
            client_id: None,
        }
    }
}

impl NamespacesSection {
    /// Where proofs are looked for, by a registry at `origin`.
    ///
    /// # Errors
    /// A text that is no URL.
    pub fn config(&self, origin: &str) -> Result<namespace::Config, url::ParseError> {
        let github = &self.github;
        let known = github.enabled.then(|| -> Result<Github, url::ParseError> {
            Ok(Github {
                issuer: github.issuer.clone(),
                keys: Url::parse(&github.keys)?,
                api: Url::parse(&github.api)?,
                client_id: github.client_id.clone(),
            })
        });
        let mut config = namespace::Config::new(origin);
        config.github = known.transpose()?;
        config.resolvers.clone_from(&self.resolvers);
        config.well_known.clone_from(&self.well_known);
        Ok(config)
    }
}
