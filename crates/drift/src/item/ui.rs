//! Pages: `ui://` bodies, and the `_meta` by which tools and resources reach and bound them.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{each_member, prose, walk};
use crate::catalogue as codes;
use crate::lexicon::web;
use crate::report::sentence;
use crate::report::{Difference, Report};

/// Reports what differs between two `_meta`.
pub(super) fn meta(report: &mut Report<'_>, meta: Difference<'_>) {
    if !meta.is_of_objects() {
        return walk(report, meta, &codes::META);
    }
    let had = report.len();
    each_member(meta, |key, member| match key {
        "ui" if member.is_of_objects() => app(report, member),
        "ui/resourceUri" | "openai/outputTemplate" => report.plain(&codes::UI_LINK, member),
        "openai/widgetAccessible" | "openai/visibility" => report.plain(&codes::VISIBILITY, member),
        "openai/widgetCSP" => policy(report, member),
        "securitySchemes" | "x-authzen-mapping" => super::security::compare(report, member),
        _ => unknown(report, member),
    });
    if report.len() == had {
        report.plain(&codes::META, meta);
    }
}

/// A member that no known client acts on.
fn unknown(report: &mut Report<'_>, member: Difference<'_>) {
    walk(report, member, &codes::META);
    prose(report, member);
}

/// `_meta.ui` (SEP-1865).
fn app(report: &mut Report<'_>, app: Difference<'_>) {
    let had = report.len();
    each_member(app, |key, member| match key {
        "resourceUri" => report.plain(&codes::UI_LINK, member),
        "visibility" => report.plain(&codes::VISIBILITY, member),
        "csp" => policy(report, member),
        "permissions" => permissions(report, member),
        _ => unknown(report, member),
    });
    if report.len() == had {
        report.plain(&codes::META, app);
    }
}

/// A content security policy: lists of domains by purpose. No list means no domain.
fn policy(report: &mut Report<'_>, policy: Difference<'_>) {
    if !policy.is_of_objects() {
        return report.plain(&codes::POLICY_CHANGED, policy);
    }
    let had = report.len();
    each_member(policy, |_, list| {
        let before = texts(list.before);
        let gained: Vec<_> = texts(list.after).difference(&before).copied().collect();
        if gained.is_empty() {
            report.plain(&codes::POLICY_CHANGED, list);
        } else {
            report.add(&codes::POLICY_WIDENED, list, &sentence::list(gained));
        }
    });
    if report.len() == had {
        report.plain(&codes::POLICY_CHANGED, policy);
    }
}

fn permissions(report: &mut Report<'_>, all: Difference<'_>) {
    if !all.is_of_objects() {
        let gained = texts(all.after).difference(&texts(all.before)).count();
        let entry = if gained > 0 { &codes::PERMISSION_ADDED } else { &codes::POLICY_CHANGED };
        return report.plain(entry, all);
    }
    let had = report.len();
    each_member(all, |_, member| {
        let is_gained = member.before.is_none() && member.after != Some(&Value::Bool(false));
        let is_granted = is_gained || member.after == Some(&Value::Bool(true));
        let entry = if is_granted { &codes::PERMISSION_ADDED } else { &codes::POLICY_CHANGED };
        report.plain(entry, member);
    });
    if report.len() == had {
        report.plain(&codes::POLICY_CHANGED, all);
    }
}

/// The body of a page.
pub(super) fn body(report: &mut Report<'_>, body: Difference<'_>) {
    report.plain(&codes::BODY, body);
    let (before, after) = (origins(body.before), origins(body.after));
    let gained: Vec<_> = after.difference(&before).map(String::as_str).collect();
    if !gained.is_empty() {
        report.add(&codes::SCRIPT_ORIGIN, body, &sentence::list(gained));
    }
}

/// The origins of the scripts of a body: of its text, and of what it is in Base64.
fn origins(body: Option<&Value>) -> BTreeSet<String> {
    let Some(body) = body.and_then(Value::as_str) else { return BTreeSet::new() };
    let decoded = STANDARD.decode(body).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    web::script_origins(decoded.as_deref().unwrap_or(body))
}

fn texts(value: Option<&Value>) -> BTreeSet<&str> {
    match value {
        Some(Value::String(text)) => BTreeSet::from([text.as_str()]),
        Some(Value::Array(elements)) => elements.iter().filter_map(Value::as_str).collect(),
        _ => BTreeSet::new(),
    }
}
