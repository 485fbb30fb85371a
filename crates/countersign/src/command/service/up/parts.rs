//! The parts of the registry that run beside the API: publishing, mirrors, the monitor, webhooks.

use std::net::SocketAddr;
use std::sync::Arc;

use authz::net::{Client, Rules, System};
use registry::monitor::{self, Monitor};
use registry::namespace::Namespaces;
use registry::publish::{Publisher, handlers};
use registry::service::config::Config;
use registry::service::operator;
use registry::{Service, api, feed, mirror};
use tokio::task::JoinSet;

use super::capture::Guarded;
use crate::failure::Failure;

/// Everything that is served, and the tasks that run until they are shut down.
///
/// # Errors
/// A configuration that means nothing.
pub(super) fn start(
    service: &Service,
    config: &Config,
) -> Result<(axum::Router, JoinSet<()>), Failure> {
    let publisher = publisher(service, config)?;
    let mut more = handlers::router(publisher).merge(feed::router(service.clone()));
    let mut tasks = JoinSet::new();
    for upstream in &config.mirror {
        let client = client(&upstream.exceptions)?;
        let mirror = mirror::Mirror::new(service.clone(), client, upstream.clone());
        tasks.spawn(async move { mirror.run().await });
    }
    let proofs = proofs(service, config)?;
    tasks.spawn(async move { proofs.run().await });
    let monitor = monitor(service, config)?;
    if let Some(monitor) = monitor.clone() {
        tasks.spawn(async move { monitor.run().await });
    }
    if let Some(operator) = &config.operator {
        let router = operator::router(service.clone(), monitor, operator);
        let wrong = || Failure::usage("reading the configuration");
        more = more.merge(router.map_err(|error| wrong().because(error))?);
    }
    // The system's resolver, so that a receiver is found as everything else on this machine.
    let webhooks = feed::Webhooks::new(service.clone(), &config.webhook, &(Arc::new(System) as _))
        .map_err(|error| Failure::usage("reading the configuration").because(error))?;
    tasks.spawn(async move { webhooks.run().await });
    Ok((api::router(service.clone(), more), tasks))
}

fn monitor(service: &Service, config: &Config) -> Result<Option<Arc<Monitor>>, Failure> {
    let Some(config) = &config.monitor else { return Ok(None) };
    let client = client(&config.exceptions)?;
    let monitor = Monitor::new(service.clone(), client, Arc::new(Guarded), config.clone());
    Ok(Some(Arc::new(monitor)))
}

fn publisher(service: &Service, config: &Config) -> Result<Publisher, Failure> {
    let wrong = || Failure::usage("reading the configuration");
    let places = config.namespaces.config(service.public_url());
    let places = places.map_err(|error| wrong().because(error))?;
    let client = client(&config.namespaces.exceptions)?;
    let namespaces = Namespaces::new(service.clone(), places, client.clone());
    let namespaces = namespaces.map_err(|error| wrong().because(error))?;
    let admission = config.admission.admission().map_err(|error| wrong().because(error))?;
    let registries = config.artefacts.registries().map_err(|error| wrong().because(error))?;
    Ok(Publisher::new(service.clone(), namespaces, admission, registries, client))
}

/// The verifiers again, one for each resolver: what takes a name away needs two that agree.
fn proofs(service: &Service, config: &Config) -> Result<monitor::proofs::Proofs, Failure> {
    let wrong = || Failure::usage("reading the configuration");
    let places = config.namespaces.config(service.public_url());
    let places = places.map_err(|error| wrong().because(error))?;
    let client = client(&config.namespaces.exceptions)?;
    let mut eyes = Vec::new();
    let each = places.resolvers.iter().map(|resolver| vec![*resolver]);
    // The resolvers of the system are asked as one.
    let each: Vec<_> = if places.resolvers.is_empty() { vec![Vec::new()] } else { each.collect() };
    for resolvers in each {
        let places = registry::namespace::Config { resolvers, ..places.clone() };
        let eye = Namespaces::new(service.clone(), places, client.clone());
        eyes.push(eye.map_err(|error| wrong().because(error))?);
    }
    Ok(monitor::proofs::Proofs::new(service.clone(), eyes))
}

fn client(exceptions: &[SocketAddr]) -> Result<Client, Failure> {
    let rules = Rules { exceptions: exceptions.to_vec(), ..Rules::default() };
    Client::new(rules, Arc::new(System))
        .map_err(|error| Failure::new("preparing to ask others").because(error))
}
