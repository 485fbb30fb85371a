//! The commands, one file each. Each takes its arguments as typed, resolves them, and says how the
//! process ends.

mod approve;
mod authz;
mod check;
mod diff;
mod guard;
mod lock;
mod log;
mod pin;
mod reference;
mod service;
mod statement;
mod surface;

use std::path::PathBuf;
use std::sync::Arc;

use clap::CommandFactory as _;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Cli, Verb};
use crate::codes;
use crate::failure::{Exit, Failure};
use crate::lock::{Key, Store};
use crate::output::Output;

/// What every command works with.
struct Desk {
    output: Output,
    store: Arc<dyn Store>,
    here: PathBuf,
}

/// Runs the command that was typed.
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(crate) fn run(cli: &Cli, output: Output) -> Result<Exit, Failure> {
    match &cli.verb {
        Verb::Completions { shell } => return completions(*shell, output),
        Verb::Reference => return reference::run(output),
        _ => {}
    }
    let here = std::env::current_dir()
        .map_err(|error| Failure::new("finding the current directory").because(error))?;
    let store = crate::lock::open(cli.global.lock.as_deref(), &here)?;
    let desk = Desk { output, store, here };
    let mut runtime = match &cli.verb {
        // A message is decided in microseconds; waking another thread for it costs more than that.
        Verb::Guard(_) => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime =
        runtime.enable_all().build().map_err(|error| Failure::new("starting").because(error))?;
    let exit = runtime.block_on(async {
        match &cli.verb {
            Verb::Guard(arguments) => return guard::run(&desk, arguments).await,
            // What serves ends in good order: it waits for `stopped` itself.
            Verb::Up(_) | Verb::Witness(_) | Verb::Sts(_) => return asking(&cli.verb, &desk).await,
            _ => {}
        }
        // Servers run in process groups of their own, which a terminal's Ctrl-C does not reach:
        // they end because the capture that started them is dropped.
        tokio::select! {
            exit = asking(&cli.verb, &desk) => exit,
            () = stopped() => Err(Failure::new("interrupted")),
        }
    });
    // A thread that still reads a terminal must not keep the process.
    runtime.shutdown_background();
    exit
}

async fn asking(verb: &Verb, desk: &Desk) -> Result<Exit, Failure> {
    match verb {
        Verb::Surface(arguments) => surface::run(desk, arguments).await,
        Verb::Pin(arguments) => pin::run(desk, arguments).await,
        Verb::Check(arguments) => check::run(desk, arguments).await,
        Verb::Diff(arguments) => diff::run(desk, arguments).await,
        Verb::Approve(arguments) => approve::run(desk, arguments).await,
        Verb::Lock(arguments) => lock::run(desk, arguments),
        Verb::Key(arguments) => statement::key(desk, arguments),
        Verb::Sign(arguments) => statement::sign(desk, arguments),
        Verb::Verify(arguments) => statement::verify(desk, arguments),
        Verb::Publish(arguments) => log::publish(desk, arguments).await,
        Verb::Log(arguments) => log::log(desk, arguments).await,
        Verb::Up(arguments) => service::up(desk, arguments).await,
        Verb::Witness(arguments) => service::witness(desk, arguments).await,
        Verb::Watch(arguments) => service::watch(desk, arguments).await,
        Verb::Sts(arguments) => authz::sts(desk, arguments).await,
        Verb::Auth(arguments) => authz::auth(desk, arguments).await,
        Verb::Policy(arguments) => authz::policy(desk, arguments),
        Verb::Audit(arguments) => log::trail(desk, arguments),
        Verb::Guard(_) | Verb::Completions { .. } | Verb::Reference => Ok(Exit::Same),
    }
}

/// Resolves when somebody asks the process to stop.
///
/// It listens from the call on, not only when it is waited for: whoever reads that a service is there may
/// stop it.
fn stopped() -> impl Future<Output = ()> {
    let terminate = signal(SignalKind::terminate());
    async {
        let Ok(mut terminate) = terminate else {
            let _ = tokio::signal::ctrl_c().await;
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
}

/// The failure of a command that needs a pin.
fn not_pinned(desk: &Desk, key: &Key) -> Failure {
    let hint = format!("countersign pin --name {} -- COMMAND…", key.alias);
    let place = desk.store.place();
    Failure::new(format!("`{key}` is not pinned in {place}")).code(codes::PIN_MISSING).hint(hint)
}

fn completions(shell: clap_complete::Shell, output: Output) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "countersign", &mut script);
    output.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Same)
}
