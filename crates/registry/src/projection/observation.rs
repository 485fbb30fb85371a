//! What somebody saw: a surface, an upstream's entry, a namespace's proof, a split view.

mod authorization;
mod compare;
mod entry;
mod namespace;
mod split_view;
mod surface;

use seal::statement::{Finding, Observation, Observed};

use super::ProjectionError;
use super::step::{Change, Step};
use crate::service::codes;

pub(super) async fn apply(step: &mut Step<'_>, it: &Observation) -> Result<(), ProjectionError> {
    match &it.of {
        Observed::Surface { endpoint, surface, outcome, .. } => {
            self::surface::apply(step, it, endpoint, surface.as_ref(), outcome).await?;
            self::surface::note_look(step, it).await
        }
        Observed::Authorization { .. } => authorization::apply(step, it).await,
        Observed::Entry { .. } => entry::apply(step, it).await,
        Observed::Namespace { .. } => namespace::apply(step, it).await,
        Observed::SplitView { endpoint, verdict, .. } => {
            split_view::apply(step, endpoint, verdict, &it.changes).await
        }
    }
}

/// One state change for each code that is in the table, as urgent as the worst of its findings.
async fn tell(
    step: &mut Step<'_>,
    version: Option<&str>,
    findings: &[Finding],
) -> Result<(), ProjectionError> {
    let mut told: Vec<&str> = Vec::new();
    for finding in findings {
        let Some((code, severity, meaning)) = codes::change(&finding.code) else { continue };
        if told.contains(code) {
            continue;
        }
        told.push(code);
        let of_code = findings.iter().filter(|other| other.code == *code);
        let worst = of_code.clone().filter_map(|other| other.severity.parse().ok()).max();
        let of = version.map(|version| format!(" {version}")).unwrap_or_default();
        let says = format!("{}{of}: {meaning}", step.server());
        let mut change = Change::new(code, version, says);
        change = change.severity(worst.unwrap_or(*severity));
        change.findings = of_code.cloned().collect();
        step.change(change).await?;
    }
    Ok(())
}
