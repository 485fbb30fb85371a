//! `countersign pin`: what a server shows now is recorded as approved.

use jiff::Timestamp;

use super::Desk;
use super::approve::approver;
use crate::args;
use crate::codes;
use crate::failure::{Exit, Failure};
use crate::lock::entry::Published;
use crate::lock::{Key, Pinned, neighbours};
use crate::log;
use crate::log::evidence;
use crate::output::style;
use crate::report::{Comparison, human};
use crate::source::{Reach, Source, outbound};

/// Pins a server.
///
/// # Errors
/// Anything short of a whole surface; a pin that is there already and differs.
pub(super) async fn run(desk: &Desk, arguments: &args::Pin) -> Result<Exit, Failure> {
    let mut reach = Reach::of(&arguments.reach)?;
    if let Some(path) = &arguments.outbound {
        reach.conditions.outbound = Some(outbound::broker(desk.output, path)?);
    }
    let root = desk.store.root();
    let source = Source::of_arguments(&arguments.server, &reach, root)?;
    let alias = arguments.name.clone().map_or_else(|| source.alias(), Ok)?;
    let key = Key::new(&alias, &arguments.context.context)?;
    // Read first: a lock file that is refused should not cost the wait for a server.
    let entries = desk.store.entries()?;
    let standing = entries.get(&key);
    let observed = source.observe(&reach.conditions).await?;
    let artefact = source.identity(&reach.conditions).await.ok().flatten();
    let (protocol, surface) = (observed.protocol(), observed.observation.surface);
    let mut pinned = Pinned::of(surface, source.origin(root), artefact, protocol);
    let evidence = prove(&arguments.published, &mut pinned).await?;
    if let Some(bundle) = &evidence {
        desk.store.keep_evidence(&key, bundle)?;
    }
    let Some(standing) = standing else {
        pinned.approve(Timestamp::now(), &approver(None), None, Vec::new());
        desk.store.replace(&key, None, &pinned)?;
        tell(desk, &key, &pinned, "pinned");
        return Ok(Exit::Same);
    };
    let from = standing.digests.exact;
    if arguments.replace {
        pinned.entry.approvals.clone_from(&standing.approvals);
        pinned.approve(Timestamp::now(), &approver(None), Some(from), Vec::new());
        desk.store.replace(&key, Some(from), &pinned)?;
        tell(desk, &key, &pinned, "pinned anew");
        return Ok(Exit::Same);
    }
    let Some(old) = desk.store.load(&key)? else {
        return Err(Failure::new(format!("the pin of `{key}` was removed meanwhile")));
    };
    let others = neighbours(&*desk.store, &key);
    let comparison = Comparison::of(&old.surface, &pinned.surface, &others);
    if comparison.is_same() {
        desk.output
            .note(&format!("{} is pinned, and nothing changed", style::paint(style::NAME, &key)));
        return Ok(Exit::Same);
    }
    desk.output.note(human::details(&comparison, human::Amount::Brief).trim_end());
    Err(Failure::refusal(
        codes::PIN_EXISTS,
        format!("`{key}` is pinned, and shows something else now"),
    )
    .hint(format!(
        "look at the changes with `countersign approve {key}`, or replace the pin with \
             `--replace`"
    )))
}

/// Asks the log for the evidence that it fixes what was observed, where a log is named; the pin then
/// records what it was published as.
async fn prove(backed: &args::Backed, pinned: &mut Pinned) -> Result<Option<String>, Failure> {
    let (Some(from), Some(trust)) = (&backed.log, &backed.trust) else { return Ok(None) };
    let named = backed.named.clone().ok_or_else(|| {
        Failure::usage("what is the server published as?")
            .hint("say it: `--as io.github.acme/files@1.4.0`")
    })?;
    let bundle = evidence::Source::of(from)?.bundle(&named).await?;
    let refused = |why: String| Failure::refusal(codes::LOG_EVIDENCE, why);
    let verified = evidence::judge(&bundle, &named, &log::trust(trust)?, log::now_s())
        .map_err(|objection| refused(objection.sentence))?;
    let surface = verified.surface.map(|digests| digests.semantic);
    if surface != Some(pinned.entry.digests.semantic) {
        let what = format!("the log fixes another surface for {named} than the server shows");
        return Err(Failure::refusal(codes::LOG_DIFFERS, what)
            .hint("do not pin it: ask the publisher, or look at the log's state changes"));
    }
    pinned.entry.published = Some(Published { server: verified.server, version: verified.version });
    String::from_utf8(bundle).map(Some).map_err(|error| refused(error.to_string()))
}

fn tell(desk: &Desk, key: &Key, pinned: &Pinned, what: &str) {
    let name = style::paint(style::NAME, key);
    let items = human::counted(pinned.entry.items.len(), "item");
    let runs = pinned.entry.artefact.as_ref().map(|a| format!(", {a}")).unwrap_or_default();
    desk.output.note(&format!("{what} {name}: {items}{runs}"));
    desk.output.note(&format!("  exact    {}", pinned.entry.digests.exact));
    desk.output.note(&format!("  semantic {}", pinned.entry.digests.semantic));
    desk.output.note(&format!("  in {}", desk.store.place()));
}
