//! `countersign sts`: the token service of a domain.

mod init;

use std::sync::Arc;

use authz::net::{Client, Rules, System};
use authz::sts::{Config, ConfigError, Sts};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::args::authz as args;
use crate::command::{Desk, service, stopped};
use crate::failure::{Exit, Failure};

/// Makes a service, checks one, or serves until it is asked to stop.
///
/// # Errors
/// A configuration that is refused, grants that cannot be kept, an address in use.
pub(super) async fn run(desk: &Desk, arguments: &args::Sts) -> Result<Exit, Failure> {
    if let Some(issuer) = arguments.issuer.as_deref().filter(|_| arguments.init) {
        authz::sts::config::issuer(issuer).map_err(refused)?;
        init::make(&arguments.config, issuer)?;
    }
    let config = Config::load(&arguments.config).map_err(refused)?;
    let about = about(&config);
    if arguments.init || arguments.check {
        if arguments.json {
            desk.output.json(&about)?;
        } else {
            desk.output.data(&told(&about))?;
        }
        return Ok(Exit::Same);
    }
    service::trace::start(&arguments.events)?;
    let listen = |error| Failure::new(format!("listening on {}", arguments.listen)).because(error);
    let listener = TcpListener::bind(arguments.listen).await.map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    let rules = Rules { exceptions: config.exceptions.clone(), ..Rules::default() };
    let client = Client::new(rules, Arc::new(System))
        .map_err(|error| Failure::new("starting to ask others").because(error))?;
    let issuer = config.issuer.clone();
    let sts = Sts::open(config, client, crate::log::now_s).await.map_err(|error| {
        Failure::new("starting the service")
            .because(error)
            .hint("see `grants` in the configuration")
    })?;
    let stop = stopped();
    if arguments.json {
        desk.output.json(&json!({ "listening": format!("http://{bound}"), "service": about }))?;
    }
    desk.output.note(&format!("serving {issuer} on http://{bound}"));
    let mut tasks = sts.tasks();
    let served = registry::api::serve(listener, sts.router(), stop).await;
    tracing::info!("stopping");
    tasks.shutdown().await;
    served.map_err(listen)?;
    Ok(Exit::Same)
}

fn refused(error: ConfigError) -> Failure {
    let fix = error.fix.clone();
    Failure::usage("reading the configuration").because(error).hint(fix)
}

/// What a configuration holds, for scripts.
fn about(config: &Config) -> Value {
    let kid = |key: &authz::token::Key| key.id().map(str::to_owned);
    json!({
        "issuer": config.issuer,
        "signs": kid(config.keys.signer().public()),
        "publishes": config.keys.published().0.iter().filter_map(kid).collect::<Vec<_>>(),
        "trusted": config.trusted.iter().map(|one| one.issuer.iss.as_str()).collect::<Vec<_>>(),
        "clients": config.clients.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(),
        "edges": { "version": config.edges.version(), "count": config.edges.all().len(),
                   "digest": config.edges.digest() },
        "configuration": config.digest,
    })
}

/// The same for people.
fn told(about: &Value) -> String {
    let text = |name: &str| about.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |name: &str| -> String {
        let names = about.get(name).and_then(Value::as_array).into_iter().flatten();
        let names: Vec<&str> = names.filter_map(Value::as_str).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let edges = about.get("edges");
    let number = |name: &str| edges.and_then(|it| it.get(name)).and_then(Value::as_u64);
    format!(
        "issuer    {}\nsigns     {}\npublishes {}\ntrusts    {}\nclients   {}\nedges     {} (version {})\n",
        text("issuer"),
        text("signs"),
        list("publishes"),
        list("trusted"),
        list("clients"),
        number("count").unwrap_or_default(),
        number("version").unwrap_or_default(),
    )
}
