//! Webhooks, signed as Standard Webhooks 1.0.0 says.
//!
//! A change enters the outbox in the transaction that records it. From there each webhook whose
//! filter lets it through gets a delivery with its body, tried until its receiver answers 2xx; after
//! the last attempt it is a dead letter, which can be sent again. At least once, in the order of the
//! changes as long as none fails; `webhook-id` is the same each time.

mod deliver;
mod outbox;
pub(crate) mod secret;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use drift::Severity;
use serde::Deserialize;
use tokio::task::JoinSet;
use url::Url;

use super::filter::{Filter, FilterError};
use crate::limits;
use crate::net::{self, Client, NetError, Resolve, Rules};
use crate::service::{Service, ServiceError};

pub use outbox::{Dead, dead, redeliver};
pub use secret::{Secret, SecretError};

/// One webhook: a section `[[webhook]]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Its name, in logs and tables.
    pub name: String,
    /// Where it is sent.
    #[serde(deserialize_with = "net::url_of_text")]
    pub url: Url,
    /// The environment variable with its secrets, `whsec_…`, one a line; each signs.
    pub secret_env: Option<String>,
    /// The file with its secrets, which only its owner may read.
    pub secret_file: Option<PathBuf>,
    /// Only this server, or `NAMESPACE/*`.
    pub server: Option<String>,
    /// Only changes of this severity or above.
    pub severity: Option<Severity>,
    /// Only changes of this code, or whose code begins so.
    pub kind: Option<String>,
    /// Addresses, each with a port, that may be dialled although they are private, and without TLS.
    #[serde(default)]
    pub exceptions: Vec<SocketAddr>,
}

/// The webhooks of a registry.
pub struct Webhooks {
    service: Service,
    hooks: Vec<Arc<Hook>>,
}

struct Hook {
    name: String,
    url: Url,
    secrets: Vec<Secret>,
    filter: Filter,
    client: Client,
}

impl Webhooks {
    /// Webhooks by their configuration, whose secrets are read now.
    ///
    /// # Errors
    /// A name twice, a filter that means nothing, a secret that is missing or none.
    pub fn new(
        service: Service,
        configs: &[Config],
        resolver: &Arc<dyn Resolve>,
    ) -> Result<Self, WebhookError> {
        if configs.len() > limits::WEBHOOKS_MAX {
            return Err(WebhookError::TooMany);
        }
        let mut hooks: Vec<Arc<Hook>> = Vec::with_capacity(configs.len());
        for config in configs {
            if config.name.is_empty() || hooks.iter().any(|hook| hook.name == config.name) {
                return Err(WebhookError::Name { name: config.name.clone() });
            }
            hooks.push(Arc::new(Hook::new(config, resolver)?));
        }
        Ok(Self { service, hooks })
    }

    /// Empties the outbox and delivers, for as long as it is polled.
    pub async fn run(self) {
        let mut tasks = JoinSet::new();
        for hook in &self.hooks {
            let (service, hook) = (self.service.clone(), Arc::clone(hook));
            tasks.spawn(async move { deliver::run(&service, &hook).await });
        }
        outbox::run(&self.service, &self.hooks).await;
    }
}

impl Hook {
    fn new(config: &Config, resolver: &Arc<dyn Resolve>) -> Result<Self, WebhookError> {
        let name = config.name.clone();
        let filter = Filter {
            server: config.server.clone(),
            severity: config.severity,
            kind: config.kind.clone(),
        };
        let wrong = |source| WebhookError::Filter { name: name.clone(), source };
        filter.check().map_err(wrong)?;
        let read = secret::read(config.secret_env.as_deref(), config.secret_file.as_deref());
        let wrong = |source| WebhookError::Secret { name: name.clone(), source };
        let secrets = read.map_err(wrong)?;
        let rules = Rules { exceptions: config.exceptions.clone(), ..Rules::default() };
        let client = Client::new(rules, Arc::clone(resolver))?;
        Ok(Self { name, url: config.url.clone(), secrets, filter, client })
    }
}

/// Why there are no webhooks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// A name that is empty or there twice.
    #[error("the name of a webhook is empty or there twice: `{name}`")]
    Name {
        /// The name.
        name: String,
    },
    /// Too many.
    #[error("there are more than {} webhooks", limits::WEBHOOKS_MAX)]
    TooMany,
    /// A filter that means nothing.
    #[error("the filter of the webhook `{name}`")]
    Filter {
        /// The webhook.
        name: String,
        /// Why it means nothing.
        #[source]
        source: FilterError,
    },
    /// A secret that is missing or none.
    #[error("the secret of the webhook `{name}`")]
    Secret {
        /// The webhook.
        name: String,
        /// Why not.
        #[source]
        source: SecretError,
    },
    /// The client could not be made.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The tables failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl WebhookError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "webhook.name",
            Self::TooMany => "webhook.too-many",
            Self::Filter { source, .. } => source.code(),
            Self::Secret { .. } => "webhook.secret",
            Self::Net(error) => error.code(),
            Self::Service(error) => error.code(),
        }
    }
}

/// The codes of webhooks beside those of the client, each with its sentence.
pub const CODES: &[(&str, &str)] = &[
    ("webhook.name", "The name of a webhook is empty or there twice."),
    ("webhook.too-many", "There are more webhooks than the limit."),
    ("webhook.secret", "The secret of a webhook is missing, none, or can be read by others."),
];

#[cfg(test)]
mod tests;
