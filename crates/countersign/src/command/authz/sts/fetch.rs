//! How the service asks others for keys and events: by the one client for addresses that others name.

use std::sync::Arc;

use async_trait::async_trait;
use authz::net::{Client, Request, Rules, System};
use authz::sts::{Config, Fetch, FetchError, Fetched};
use bytes::Bytes;
use http::{HeaderMap, Method};
use url::Url;

use crate::failure::Failure;

/// The client.
pub(super) struct Outside(Client);

impl Outside {
    /// A client that asks what the configuration vouches for, and public addresses.
    ///
    /// # Errors
    /// TLS that cannot be set up.
    pub(super) fn new(config: &Config) -> Result<Self, Failure> {
        let rules = Rules { exceptions: config.exceptions.clone(), ..Rules::default() };
        let client = Client::new(rules, Arc::new(System));
        client.map(Self).map_err(|error| Failure::new("starting to ask others").because(error))
    }
}

#[async_trait]
impl Fetch for Outside {
    async fn fetch(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
        bytes_max: usize,
    ) -> Result<Fetched, FetchError> {
        let request = Request { method, headers, body, bytes_max, ..Request::get(url.clone()) };
        let answer = self.0.send(request).await.map_err(|error| FetchError(Box::new(error)))?;
        Ok(Fetched { status: answer.status, body: answer.body })
    }
}
