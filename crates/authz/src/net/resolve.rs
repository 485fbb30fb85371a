//! Names to addresses: asked once for each connection, all answers checked, and those dialled.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;

use super::address;
use super::rules::{Denied, Rules};

/// How names become addresses.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The addresses of `name`, in the order in which they are tried.
    ///
    /// # Errors
    /// A name without addresses, or nobody who could say.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks as the system does.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

#[async_trait]
impl Resolve for System {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// The resolver of the connections to one origin. What it gives was checked, and is what is dialled.
pub(super) struct Checked {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) rules: Arc<Rules>,
    pub(super) port: u16,
    pub(super) is_plain: bool,
}

/// Why a name gives no address to dial.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("resolving `{name}`")]
    Failed {
        name: String,
        #[source]
        source: io::Error,
    },
}

impl Checked {
    /// The addresses of `name`, each with the port.
    pub(super) async fn addresses(&self, name: &str) -> Result<Vec<SocketAddr>, ResolveError> {
        let failed = |source| ResolveError::Failed { name: name.to_owned(), source };
        let found =
            tokio::time::timeout(crate::limits::CONNECT_TIME_MAX, self.resolver.resolve(name));
        let found = found.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let found = found.map_err(failed)?;
        if found.is_empty() {
            return Err(failed(io::Error::new(io::ErrorKind::NotFound, "no address")));
        }
        let mut addresses = Vec::with_capacity(found.len());
        // INVARIANT: one answer that may not be dialled condemns all; the others are bait.
        for ip in found {
            let address = SocketAddr::new(ip, self.port);
            self.rules.check(name, address, self.is_plain)?;
            if !self.rules.is_exception(address) && address::is_own(ip).await {
                return Err(Denied { host: name.to_owned(), why: "this machine's own" }.into());
            }
            addresses.push(address);
        }
        Ok(addresses)
    }
}

impl reqwest::dns::Resolve for Checked {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let checked = Self {
            resolver: Arc::clone(&self.resolver),
            rules: Arc::clone(&self.rules),
            port: self.port,
            is_plain: self.is_plain,
        };
        Box::pin(async move {
            let addresses = checked.addresses(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}
