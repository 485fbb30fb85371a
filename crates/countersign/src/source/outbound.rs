//! Where tokens for a server come from, as a file says.

use std::path::Path;
use std::sync::Arc;

use authz::broker::{Broker, Config};
use authz::net::System;

use crate::failure::Failure;
use crate::log;
use crate::output::{Output, safe};

/// The broker that a file describes.
///
/// # Errors
/// A file that is wrong.
pub(crate) fn broker(output: Output, path: &Path) -> Result<Arc<Broker>, Failure> {
    let config = Config::load(path).map_err(|error| {
        let fix = error.fix.clone();
        Failure::usage(error.to_string()).hint(fix)
    })?;
    let prompt = move |url: &str| output.note(&format!("sign in at {}", safe::line(url)));
    let broker = Broker::new(config, Arc::new(System), Box::new(prompt), log::now_s);
    let failed = |error| Failure::new("getting tokens for the server").because(error);
    broker.map(Arc::new).map_err(failed)
}

/// The same for a guard, whose clients are let in by tokens or not.
///
/// # Errors
/// As [`broker`], or one that does not fit how clients are let in.
pub(crate) fn guarding(
    output: Output,
    path: &Path,
    is_protected: bool,
) -> Result<Arc<Broker>, Failure> {
    let broker = broker(output, path)?;
    if broker.signs_in() && is_protected {
        return Err(Failure::usage("the person who signs in would be served to every caller")
            .hint("use `exchange` or `id-jag` with `--authorize`, or sign in without it"));
    }
    if broker.needs_callers() && !is_protected {
        return Err(Failure::usage(
            "[caller] exchanges the tokens of callers, and nobody shows one",
        )
        .hint("add `--authorize FILE`, or use [service]"));
    }
    if broker.needs_callers() && !broker.has_service() {
        output.note("no [service] is configured: the guard lists the server without a token");
    }
    Ok(broker)
}
