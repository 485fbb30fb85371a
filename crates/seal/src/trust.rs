//! Whom a reader believes, in one readable TOML file: `trust.toml`.

use serde::Deserialize;

use crate::history::KeyHistory;
use crate::key::{KeyError, PublicKey};
use crate::limits;
use crate::time;

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
    /// How old the newest proof of a server's latest state may be, in seconds; `u64::MAX` if its age
    /// does not matter.
    pub freshness_s_max: u64,
}

impl Trust {
    /// Reads `trust.toml`.
    ///
    /// # Errors
    /// A text that is none, by line.
    pub fn parse(text: &str) -> Result<Self, TrustError> {
        if text.len() > limits::TRUST_BYTES_MAX {
            return Err(TrustError::TooLong);
        }
        let file: File =
            toml::from_str(text).map_err(|error| TrustError::Malformed(error.to_string()))?;
        let policy = file.policy.parse().map_err(TrustError::Policy)?;
        let keys =
            |named: Vec<Named>| named.into_iter().map(Named::key).collect::<Result<Vec<_>, _>>();
        let publishers = file.publisher.into_iter().map(Publisher::resolve);
        let freshness_s_max = match file.freshness_s_max {
            None => limits::FRESHNESS_S,
            Some(Freshness::Seconds(seconds)) => seconds,
            Some(Freshness::Any(Any::Any)) => u64::MAX,
        };
        Ok(Self {
            policy,
            registries: keys(file.registry).and_then(some_registry)?,
            observers: keys(file.observer)?,
            publishers: publishers.collect::<Result<_, _>>()?,
            freshness_s_max,
        })
    }

    /// The keys that are known beforehand for a server.
    pub fn publishers_of<'t>(&'t self, server: &str) -> impl Iterator<Item = &'t PublicKey> {
        let fits = move |pattern: &str| match pattern.strip_suffix('*') {
            Some(namespace) => server.strip_prefix(namespace).is_some_and(|rest| !rest.is_empty()),
            None => pattern == server,
        };
        self.publishers.iter().filter(move |(pattern, _)| fits(pattern)).map(|(_, key)| key)
    }

    /// Whether what witnesses vouched for at a time is as new as these roots ask: a sentence, either way.
    ///
    /// # Errors
    /// A time that is too old or in the future, or none where one is needed.
    pub fn freshness(&self, time_s: Option<u64>, now_s: u64) -> Result<String, String> {
        let max_s = self.freshness_s_max;
        let Some(time_s) = time_s else {
            return if max_s == u64::MAX {
                Ok("no age is asked for, and no witness vouches for one".to_owned())
            } else {
                Err("no witness vouches for the age of the proof".to_owned())
            };
        };
        let written = time::format(time_s).unwrap_or_default();
        if time_s > now_s.saturating_add(limits::CLOCK_SKEW_S) {
            return Err(format!("the witnesses' time, {written}, is in the future"));
        }
        let age_s = now_s.saturating_sub(time_s);
        if age_s > max_s {
            return Err(format!(
                "the proof is of {written}, {age_s} seconds old, where {max_s} are allowed"
            ));
        }
        Ok(format!("the proof is of {written}, {age_s} seconds old"))
    }

    /// The history of an empty log in which every key of these roots is known.
    pub fn history(&self) -> KeyHistory {
        let mut history = KeyHistory::new(&self.registries);
        let publishers = self.publishers.iter().map(|(_, key)| key);
        for key in self.observers.iter().chain(publishers) {
            history.learn(key.clone());
        }
        history
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    policy: String,
    freshness_s_max: Option<Freshness>,
    #[serde(default)]
    registry: Vec<Named>,
    #[serde(default)]
    observer: Vec<Named>,
    #[serde(default)]
    publisher: Vec<Publisher>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Freshness {
    Seconds(u64),
    Any(Any),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Any {
    Any,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    /// For people.
    name: String,
    key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Publisher {
    servers: String,
    key: String,
}

impl Named {
    fn key(self) -> Result<PublicKey, TrustError> {
        let Self { name, key } = self;
        key.parse().map_err(|source| TrustError::Key { name, source })
    }
}

impl Publisher {
    fn resolve(self) -> Result<(String, PublicKey), TrustError> {
        let Self { servers, key } = self;
        // A pattern is a whole name or a whole namespace: `io.github.acme*` would be anybody's.
        let stem = servers.strip_suffix("/*").unwrap_or(&servers);
        if stem.is_empty() || stem.contains('*') || servers.contains(char::is_whitespace) {
            return Err(TrustError::Pattern(servers));
        }
        let key =
            key.parse().map_err(|source| TrustError::Key { name: servers.clone(), source })?;
        Ok((servers, key))
    }
}

fn some_registry(registries: Vec<PublicKey>) -> Result<Vec<PublicKey>, TrustError> {
    if registries.is_empty() { Err(TrustError::NoRegistry) } else { Ok(registries) }
}

/// Why a text names no trust roots.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The text is no trust file.
    #[error("reading trust roots: {0}")]
    Malformed(String),
    /// Longer than any list of trust roots.
    #[error("trust roots of more than {} bytes", limits::TRUST_BYTES_MAX)]
    TooLong,
    /// The policy is none.
    #[error("reading the policy of the trust roots")]
    Policy(#[source] tlog::policy::PolicyError),
    /// A key is none.
    #[error("reading the key of `{name}`")]
    Key {
        /// Whose.
        name: String,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// A pattern that is neither a name nor a namespace.
    #[error("`{0}` is neither a server's name nor a namespace such as `io.github.acme/*`")]
    Pattern(String),
    /// Without a registry nothing is countersigned.
    #[error("trust roots name at least one registry")]
    NoRegistry,
}

impl TrustError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "seal.trust-malformed",
            Self::TooLong => "seal.trust-too-long",
            Self::Policy(_) => "seal.trust-policy",
            Self::Key { .. } => "seal.trust-key",
            Self::Pattern(_) => "seal.trust-pattern",
            Self::NoRegistry => "seal.trust-no-registry",
        }
    }
}

#[cfg(test)]
mod tests;
