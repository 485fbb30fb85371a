//! `countersign up`: a registry with its log, from one directory.
//!
//! The directory holds `keys/` (of the log, and of the registry's statements), `origin` (the log's
//! name), `log/`, the tables in `index.db`, and `registry.toml`. Whoever has the keys is the registry:
//! only `--init` makes them.

mod backend;
mod capture;
mod home;
mod parts;
mod trust;

use registry::Service;
use registry::service::Identity;
use registry::service::config::Config;
use tokio::net::TcpListener;

use crate::args::service as args;
use crate::command::{Desk, stopped};
use crate::failure::{Exit, Failure};
use crate::output::style;

/// Runs the registry until it is asked to stop.
///
/// # Errors
/// Whatever keeps it from starting; a log that cannot be trusted.
pub(super) async fn run(desk: &Desk, arguments: &args::Up) -> Result<Exit, Failure> {
    if arguments.openapi {
        desk.output.data(&registry::api::openapi())?;
        return Ok(Exit::Same);
    }
    let Some(data) = &arguments.data else { return Err(Failure::usage("no directory is named")) };
    super::trace::start(&arguments.events)?;
    let config = config(arguments, data)?;
    let home = home::open(desk, arguments, data)?;
    let listen = |error| Failure::new(format!("listening on {}", arguments.listen)).because(error);
    // Before the log is opened: an address that is taken should not cost a recovery.
    let listener = TcpListener::bind(arguments.listen).await.map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    let public_url = arguments.public_url.as_ref().map_or_else(
        || format!("http://{bound}"),
        |url| url.as_str().trim_end_matches('/').to_owned(),
    );
    let operator = arguments.operator.clone().unwrap_or_else(|| home::reversed_host(&home.origin));
    let policy = backend::policy_text(arguments)?;
    let public = (operator.as_str(), home.registry.public());
    // Before the log is opened: witnesses have to be told its keys, and it does not open without them.
    trust::write(data, &home.log_verifiers, public, policy.as_deref())?;
    let log = backend::open(arguments, data, &home).await?;
    let database = backend::tables(arguments, data, &log).await?;
    let identity = Identity {
        keys: vec![home.registry],
        operator,
        public_url: public_url.clone(),
        log_keys: home.log_verifiers,
    };
    let service = Service::new(log, database, identity);
    let (router, mut tasks) = parts::start(&service, &config)?;
    let stop = stopped();
    let size = *service.log().sizes().borrow();
    let origin = style::paint(style::NAME, &home.origin);
    desk.output.note(&format!(
        "serving {public_url}/v0.1 and the log {origin} ({size} entries) at {public_url}/log/"
    ));
    if public_url != format!("http://{bound}") {
        desk.output.note(&format!("listening on http://{bound}"));
    }
    let served = registry::api::serve(listener, router, stop).await;
    tracing::info!("stopping");
    tasks.shutdown().await;
    service.close().await;
    served.map_err(listen)?;
    Ok(Exit::Same)
}

fn config(arguments: &args::Up, data: &std::path::Path) -> Result<Config, Failure> {
    let path = arguments.config.clone().unwrap_or_else(|| data.join("registry.toml"));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        // Nobody named it, so nobody misses it.
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound && arguments.config.is_none() =>
        {
            return Ok(Config::default());
        }
        Err(error) => {
            return Err(Failure::new(format!("reading {}", path.display())).because(error));
        }
    };
    Config::parse(&text)
        .map_err(|error| Failure::usage(format!("reading {}", path.display())).because(error))
}
