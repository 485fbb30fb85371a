//! A report, for a person.

use std::fmt::Write as _;

use authz::provider::doctor::{Finding, Report, Row};

use crate::output::{safe, style};

/// The matrix, then what is wrong, then what was not looked at.
pub(super) fn report(report: &Report) -> String {
    let mut text = format!("{}\n", style::paint(style::NAME, safe::line(&report.subject)));
    if let Some(status) = report.status {
        let _ = writeln!(text, "  a call without a token: {status}");
    }
    rows(&mut text, "resource metadata", &report.places);
    for issuer in &report.issuers {
        let known = if issuer.is_measured { "measured" } else { "from its documentation" };
        let profile = match issuer.profile.as_str() {
            "generic" => "no profile".to_owned(),
            id => format!("profile {id}, {known}"),
        };
        let title = format!("issuer {} ({profile})", safe::line(&issuer.issuer));
        rows(&mut text, &title, &issuer.forms);
    }
    for finding in &report.findings {
        text.push('\n');
        one(&mut text, finding);
    }
    if report.findings.is_empty() {
        let _ = writeln!(text, "\n{}", style::paint(style::SAME, "Nothing wrong was found."));
    }
    if !report.unverified.is_empty() {
        let _ = writeln!(text, "\nNot verified:");
    }
    for it in &report.unverified {
        let (what, why) = (safe::line(&it.what), it.why);
        let _ = writeln!(text, "  {:>2}  {what}: {}", it.probe, style::paint(style::FAINT, why));
    }
    text
}

fn rows(text: &mut String, title: &str, rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(text, "  {title}");
    for row in rows {
        let look = if row.is_good { style::SAME } else { style::FAINT };
        let said = style::paint(look, safe::line(&row.said));
        let _ = writeln!(text, "    {:12} {}  {said}", row.form, safe::line(&row.url));
    }
}

fn one(text: &mut String, finding: &Finding) {
    let kind = &finding.kind;
    let look = if kind.rank <= 2 { style::ERROR } else { style::HINT };
    let rank = style::paint(look, RANKS.get(usize::from(kind.rank)).copied().unwrap_or("advice"));
    let _ = writeln!(text, "{rank}: {} [{}]", kind.what, kind.code);
    let said = finding.said.as_deref().map(|said| format!(": {}", safe::line(said)));
    let place = safe::line(&finding.place);
    let _ = writeln!(text, "  at {place}{}", said.unwrap_or_default());
    if finding.about != finding.place {
        let _ = writeln!(text, "  of {}", safe::line(&finding.about));
    }
    let _ = writeln!(text, "  {} (probe {})", kind.section, kind.probe);
    let _ = writeln!(text, "  {} {}", style::paint(style::HINT, "fix:"), kind.fix);
    for hint in &finding.hints {
        let _ = writeln!(text, "       {hint}");
    }
    for line in finding.paste.iter().flat_map(|paste| paste.lines()) {
        let _ = writeln!(text, "      | {}", safe::line(line));
    }
    for effect in &finding.consequences {
        let (what, code) = (effect.kind.what, effect.kind.code);
        let _ = writeln!(text, "  follows: {what} [{code}] at {}", safe::line(&effect.place));
    }
}

const RANKS: [&str; 5] =
    ["", "hole", "breaks all clients", "breaks some clients or a feature", "advice"];
