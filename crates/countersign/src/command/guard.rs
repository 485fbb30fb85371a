//! `countersign guard`: between a client and a server.
//!
//! With a command, stdout belongs to the protocol: nothing here writes there.

mod testimony;

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use authz::resource::Protection;
use guard::event::Events;
use guard::http::Tokens;
use guard::{Endpoint, Gate, Stance, Target};

use self::testimony::Testimony;
use super::{Desk, stopped};
use crate::args;
use crate::failure::{Exit, Failure};
use crate::lock::entry::Origin;
use crate::lock::{Key, Pins};
use crate::log;
use crate::log::backing::Backing;
use crate::log::evidence::{self, Named};
use crate::output::style;
use crate::source::{Reach, Source, outbound, words_shown};

/// Guards a server until its client or the server ends.
///
/// # Errors
/// A server that cannot be run or reached; no pin, where the mode needs one.
pub(super) async fn run(desk: &Desk, arguments: &args::Guard) -> Result<Exit, Failure> {
    let (key, source) = subject(desk, arguments)?;
    let Source::Live(target, origin) = &source else {
        return Err(Failure::usage("a file cannot be guarded: give a command or `--upstream`"));
    };
    let stance = stance(arguments);
    let is_pinned = is_pinned(desk, &key, stance, origin)?;
    let events = events(arguments)?;
    // Looked for only where it is recorded: a client waits for the guard to start.
    let artefact = if is_pinned { None } else { source.artefact() };
    let pins = Pins::new(Arc::clone(&desk.store), key.clone(), origin.clone(), artefact);
    let mut gate = Gate::new(key.to_string(), stance, Arc::new(pins), events.clone());
    let backing = backing(desk, &key, &arguments.published).await?;
    if let Some(path) = &arguments.observe {
        let named = backing.as_ref().map(|backing| backing.named().clone());
        gate = gate.observed_by(Testimony::start(desk, arguments, target, path, named)?);
    }
    if let Some(backing) = backing {
        backing.keep_renewed();
        gate = gate.backed_by(backing);
    }
    let gate = Arc::new(gate);
    let ended = match (target, arguments.listen) {
        (Target::Command(command), None) => stdio(command, gate).await,
        (Target::Url(upstream), Some(address)) => {
            let protection = protection(desk, arguments, &key)?;
            serve(desk, arguments, address, upstream.clone(), protection, gate).await
        }
        (Target::Url(_), None) => Err(Failure::usage("a remote server is guarded at an address")
            .hint("add `--listen 127.0.0.1:PORT`, and point the client there")),
        (Target::Command(_), Some(_)) => {
            Err(Failure::usage("`--listen` guards a remote server: give `--upstream URL`"))
        }
    };
    events.flush();
    ended
}

/// The pin that was meant, and the server.
fn subject(desk: &Desk, arguments: &args::Guard) -> Result<(Key, Source), Failure> {
    let context = arguments.context.context.as_str();
    let reach = Reach::with(&arguments.headers, &arguments.header_variables)?;
    let root = desk.store.root();
    let source = match (&arguments.alias, &arguments.upstream) {
        (Some(alias), _) => {
            let key = Key::new(alias, context)?;
            let mut entries = desk.store.entries()?;
            let entry = entries.remove(&key).ok_or_else(|| super::not_pinned(desk, &key))?;
            return Ok((key, Source::of_origin(&entry.origin, &reach, root)?));
        }
        (None, Some(url)) => Source::of_text(url, &reach)?,
        (None, None) if !arguments.command.is_empty() => {
            Source::of_command(&arguments.command, root)
        }
        (None, None) => {
            return Err(Failure::usage("no server is named")
                .hint("give an alias, `-- COMMAND…`, or `--listen ADDR --upstream URL`"));
        }
    };
    let alias = arguments.name.clone().map_or_else(|| source.alias(), Ok)?;
    Ok((Key::new(&alias, context)?, source))
}

/// The log that has to back the pin, where one has to: from what was kept, and newer if it can be
/// reached.
async fn backing(
    desk: &Desk,
    key: &Key,
    arguments: &args::Backed,
) -> Result<Option<Arc<Backing>>, Failure> {
    let Some(trust) = &arguments.trust else { return Ok(None) };
    let entry = desk.store.entries()?.remove(key);
    let recorded = entry.and_then(|entry| entry.published);
    let named = arguments.named.clone().or_else(|| recorded.as_ref().map(Named::from));
    let named = named.ok_or_else(|| {
        Failure::usage(format!("`{key}` was not pinned as what a log has"))
            .hint("say what it is published as: `--as io.github.acme/files@1.4.0`")
    })?;
    let source = arguments.log.as_deref().map(evidence::Source::of).transpose()?;
    let kept = desk.store.evidence(key)?.into_iter().collect();
    let backing = Backing::new(named.clone(), log::trust(trust)?, source, log::cache(&named), kept);
    if let Err(failure) = backing.renew().await {
        desk.output.note(&format!("{failure}; what was proved before stands until it is stale"));
    }
    Ok(Some(Arc::new(backing)))
}

fn stance(arguments: &args::Guard) -> Stance {
    let own = Stance::of(arguments.mode.into());
    Stance {
        hold_at: arguments.hold_at.unwrap_or(own.hold_at),
        strict_payload: arguments.strict_payload,
        ..own
    }
}

/// Whether there is a pin. Fixed mode has nothing to show without one; the other modes pin on first
/// use, and say so.
fn is_pinned(desk: &Desk, key: &Key, stance: Stance, origin: &Origin) -> Result<bool, Failure> {
    // The surface too is read here: a guard that holds every call should not start at all.
    if desk.store.load(key)?.is_some() {
        return Ok(true);
    }
    if stance.mode != guard::Mode::Fixed {
        let name = style::paint(style::NAME, key);
        let place = desk.store.place();
        desk.output
            .note(&format!("{name} is not pinned: what it shows first is pinned in {place}"));
        return Ok(false);
    }
    let server = match origin {
        Origin::Command { run, .. } => format!("-- {}", words_shown(run)),
        Origin::Url { url, .. } => url.clone(),
        Origin::File(_) | Origin::Unknown => "-- COMMAND…".to_owned(),
    };
    Err(super::not_pinned(desk, key).hint(format!("countersign pin --name {} {server}", key.alias)))
}

fn events(arguments: &args::Guard) -> Result<Events, Failure> {
    let Some(path) = &arguments.events else { return Ok(Events::to(std::io::stderr())) };
    let file = OpenOptions::new().create(true).append(true).open(path);
    let file =
        file.map_err(|error| Failure::new(format!("opening {}", path.display())).because(error))?;
    Ok(Events::to(file))
}

async fn stdio(command: &guard::Command, gate: Arc<Gate>) -> Result<Exit, Failure> {
    let program = command.program.to_string_lossy();
    let ended = guard::stdio::run(command, gate).await;
    let status =
        ended.map_err(|error| Failure::new(format!("guarding `{program}`")).because(error))?;
    Ok(Exit::Server(exit_code(status)))
}

/// As a shell passes it on: the code, or 128 and the signal.
fn exit_code(status: std::process::ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Whom tokens let in, if they are needed: from a file that is checked whole, and a pin that can be
/// enforced as it is.
fn protection(
    desk: &Desk,
    arguments: &args::Guard,
    key: &Key,
) -> Result<Option<Protection>, Failure> {
    let load = |path: &PathBuf| Protection::load(path, log::now_s);
    let protection = arguments.authorize.as_ref().map(load).transpose().map_err(|error| {
        let fix = error.fix.clone();
        Failure::usage(error.to_string()).hint(fix)
    })?;
    if let (Some(protection), Some(pinned)) = (&protection, desk.store.load(key)?) {
        protection.pinned(&pinned.surface).map_err(|error| {
            let fix = error.fix;
            Failure::usage(format!("the pin of `{key}`, {error} [{}]", error.code())).hint(fix)
        })?;
    }
    Ok(protection)
}

async fn serve(
    desk: &Desk,
    arguments: &args::Guard,
    address: SocketAddr,
    upstream: Endpoint,
    protection: Option<Protection>,
    gate: Arc<Gate>,
) -> Result<Exit, Failure> {
    if !address.ip().is_loopback() && !arguments.allow_remote_clients {
        return Err(Failure::usage(format!("{address} can be reached from other machines"))
            .hint("listen on 127.0.0.1, or add `--allow-remote-clients`"));
    }
    let tasks = protection.as_ref().map(Protection::tasks);
    let outbound = arguments.outbound.as_deref();
    let outbound = outbound.map(|path| outbound::guarding(desk.output, path, protection.is_some()));
    let tokens = Tokens { inbound: protection, outbound: outbound.transpose()? };
    let failed = |error| Failure::new(format!("listening on {address}")).because(error);
    let listener = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    desk.output.note(&format!("listening on http://{bound}"));
    guard::http::serve(
        listener,
        upstream,
        arguments.allow_origins.clone(),
        tokens,
        gate,
        stopped(),
    )
    .await
    .map_err(failed)?;
    drop(tasks);
    Ok(Exit::Same)
}
