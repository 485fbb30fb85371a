//! Two signed observations that contradict each other.

use seal::statement::Finding;

use crate::projection::ProjectionError;
use crate::projection::step::{Change, Step};

pub(super) async fn apply(
    step: &mut Step<'_>,
    endpoint: &str,
    verdict: &str,
    findings: &[Finding],
) -> Result<(), ProjectionError> {
    let code = match verdict {
        "cloaking" => "surface.cloaking",
        _ => "surface.split-view",
    };
    let says = format!("{endpoint} shows observers of one class different surfaces");
    let mut change = Change::new(code, None, says);
    let worst = findings.iter().filter_map(|finding| finding.severity.parse().ok()).max();
    if let Some(worst) = worst {
        change = change.severity(worst);
    }
    change.findings = findings.to_vec();
    step.change(change).await
}
