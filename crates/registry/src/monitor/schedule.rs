//! When which server is looked at.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use sqlx::Row as _;
use wire::{Document, Policy};

use super::target::endpoints;
use super::{Looked, Monitor, MonitorError, Seen, Target};
use crate::limits;

/// Looks at what is due, again and again.
pub(super) async fn run(monitor: &Monitor) {
    loop {
        match monitor.due().await {
            Ok(due) => {
                let looks = due.into_iter().map(|(target, client)| async move {
                    if let Err(error) = monitor.scheduled(&target, &client).await {
                        let (server, code) = (&target.server, error.code());
                        tracing::warn!(server, code, %error, "looking at a server failed");
                    }
                });
                stream::iter(looks).for_each_concurrent(limits::LOOKS_MAX, |look| look).await;
            }
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "finding out what to look at failed");
            }
        }
        tokio::time::sleep(ROUND).await;
    }
}

impl Monitor {
    /// Looks, and notes when the next look is.
    pub(super) async fn scheduled(
        &self,
        target: &Target,
        client: &str,
    ) -> Result<Seen, MonitorError> {
        let seen = self.look(target, client).await?;
        let ttl = match seen.outcome.as_str() {
            "surface" => self.ttl(target).await?.unwrap_or(UNSAID),
            _ => UNSAID,
        };
        let after = ttl.clamp(limits::LOOK_AGAIN_MIN, limits::LOOK_AGAIN_MAX);
        let after_us = i64::try_from(after.as_micros()).unwrap_or(i64::MAX);
        let query = sqlx::query(
            "INSERT INTO look_schedule (server, endpoint, authorization_class, client, next_us) \
             VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (server, endpoint, authorization_class, client) \
             DO UPDATE SET next_us = excluded.next_us",
        )
        .bind(&target.server)
        .bind(crate::net::shown(&target.endpoint))
        .bind(target.class())
        .bind(client)
        .bind(self.now_us().saturating_add(after_us));
        let done = query.execute(self.service.database().pool()).await;
        done.map_err(MonitorError::database("noting when a server is looked at again"))?;
        Ok(seen)
    }

    /// How long the server said that what it showed last holds.
    async fn ttl(&self, target: &Target) -> Result<Option<Duration>, MonitorError> {
        let query = sqlx::query(
            "SELECT ttl_ms FROM looks WHERE server = $1 AND endpoint = $2 \
             ORDER BY position DESC LIMIT 1",
        );
        let query = query.bind(&target.server).bind(crate::net::shown(&target.endpoint));
        let row = query.fetch_optional(self.service.database().pool()).await;
        let ttl_ms: Option<Option<i64>> = row
            .and_then(|row| row.map(|row| row.try_get(0)).transpose())
            .map_err(MonitorError::database("reading how long a surface holds"))?;
        Ok(ttl_ms.flatten().and_then(|ms| ms.try_into().ok()).map(Duration::from_millis))
    }

    /// Looks at every endpoint of a server now, as every client, whenever its next look is. What
    /// credentials showed is in the answer: it is for the operator alone.
    ///
    /// # Errors
    /// A log or tables that fail.
    pub async fn look_at(&self, server: &str) -> Result<Vec<Looked>, MonitorError> {
        let mut all = self.all().await?;
        all.retain(|(target, _)| target.server == server);
        let mut looked = Vec::new();
        for (target, client) in all {
            let seen = self.scheduled(&target, &client).await?;
            let endpoint = crate::net::shown(&target.endpoint);
            looked.push(Looked { endpoint, authorization: target.class(), client, seen });
        }
        Ok(looked)
    }

    /// What to look at now, each target as each client.
    pub(super) async fn due(&self) -> Result<Vec<(Target, String)>, MonitorError> {
        let later = self.later().await?;
        let mut all = self.all().await?;
        all.retain(|(target, client)| !later.contains(&key(target, client)));
        Ok(all)
    }

    /// Everything there is to look at, each target as each client.
    async fn all(&self) -> Result<Vec<(Target, String)>, MonitorError> {
        let mut targets: Vec<Target> = self.config.servers.iter().map(named).collect();
        if self.config.follows_listed {
            targets.extend(self.listed().await?);
        }
        let clients = self.config.clients.clone();
        let each = targets.into_iter().flat_map(|target| {
            let as_client = move |client: String| (target.clone(), client);
            clients.clone().into_iter().map(as_client).collect::<Vec<_>>()
        });
        Ok(each.collect())
    }

    /// What is not due yet.
    async fn later(&self) -> Result<BTreeSet<[String; 4]>, MonitorError> {
        let query = sqlx::query(
            "SELECT server, endpoint, authorization_class, client FROM look_schedule \
             WHERE next_us > $1",
        );
        let query = query.bind(self.now_us());
        let rows = query.fetch_all(self.service.database().pool()).await;
        let read = |row: &sqlx::any::AnyRow| {
            Ok([row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?])
        };
        rows.and_then(|rows| rows.iter().map(read).collect())
            .map_err(MonitorError::database("reading when servers are looked at"))
    }

    /// The endpoints of the latest versions of all listed servers.
    async fn listed(&self) -> Result<Vec<Target>, MonitorError> {
        let query = sqlx::query(
            "SELECT server, body FROM versions WHERE is_latest = 1 AND status <> 'deleted' \
             AND state NOT IN ('denied', 'revoked', 'vanished') AND body LIKE '%\"remotes\"%'",
        );
        let rows = query.fetch_all(self.service.database().pool()).await;
        let rows = rows.map_err(MonitorError::database("reading the listed servers"))?;
        let mut targets = Vec::new();
        for row in rows {
            let read = || Ok((row.try_get(0)?, row.try_get(1)?));
            let (server, body): (String, String) =
                read().map_err(MonitorError::database("reading a listed server"))?;
            let Some(entry) = entry(&body) else { continue };
            targets.extend(endpoints(&entry).into_iter().map(|endpoint| Target {
                server: server.clone(),
                endpoint,
                credentials: None,
            }));
        }
        Ok(targets)
    }
}

fn named(server: &super::Named) -> Target {
    Target {
        server: server.name.clone(),
        endpoint: server.endpoint.clone(),
        credentials: server.credentials.clone(),
    }
}

fn key(target: &Target, client: &str) -> [String; 4] {
    let endpoint = crate::net::shown(&target.endpoint);
    [target.server.clone(), endpoint, target.class(), client.to_owned()]
}

fn entry(body: &str) -> Option<Value> {
    let document = Document::parse(body.as_bytes(), &Policy::default()).ok()?;
    surface::json::exact(document.root()).ok()
}

/// How often what is due is looked for.
const ROUND: Duration = Duration::from_mins(1);

/// How soon a server is looked at again that says nothing of it: four times a day.
const UNSAID: Duration = Duration::from_hours(6);
