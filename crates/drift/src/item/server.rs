//! What the server says of itself, member by member.

use serde_json::Value;

use super::{each_member, icons, moved, text, title, walk};
use crate::catalogue as codes;
use crate::lexicon::web;
use crate::report::{Difference, Report};

/// Reports what differs in one member of the opening result.
pub(super) fn compare(report: &mut Report<'_>, member: Difference<'_>) {
    match report.item.name.as_str() {
        "instructions" => text(report, member, &codes::INSTRUCTIONS),
        "serverInfo" => server_info(report, member),
        "capabilities" => capabilities(report, member),
        "protocolVersion" | "supportedVersions" => protocol(report, member),
        "_meta" => super::ui::meta(report, member),
        name if super::security::names_an_authorizer(name) && member.before.is_some() => {
            report.plain(&codes::AUTHORIZER, member);
        }
        "securitySchemes" | "x-authzen-mapping" => super::security::compare(report, member),
        _ => walk(report, member, &codes::FIELD),
    }
}

fn server_info(report: &mut Report<'_>, info: Difference<'_>) {
    if !info.is_of_objects() {
        return walk(report, info, &codes::FIELD);
    }
    each_member(info, |key, member| match key {
        "name" => report.plain(&codes::SERVER_NAME, member),
        "version" => report.plain(&codes::VERSION, member),
        "title" => title(report, member),
        "description" => text(report, member, &codes::DESCRIPTION),
        "icons" => icons(report, member),
        "websiteUrl" => {
            let domains = (web::domains_of(member.before), web::domains_of(member.after));
            match web::moved(&domains.0, &domains.1) {
                Some((gone, came)) => report.add(&codes::ADDRESS, member, &moved(&gone, &came)),
                None => report.plain(&codes::WEBSITE, member),
            }
        }
        _ => walk(report, member, &codes::FIELD),
    });
}

fn capabilities(report: &mut Report<'_>, all: Difference<'_>) {
    if !all.is_of_objects() {
        return walk(report, all, &codes::CAPABILITY_CHANGED);
    }
    each_member(all, |key, member| {
        let is_group = matches!(key, "extensions" | "experimental") && member.is_of_objects();
        if is_group {
            each_member(member, |name, extension| capability(report, name, extension));
            if is_empty(member.before) && is_empty(member.after) {
                report.plain(&codes::CAPABILITY_CHANGED, member);
            }
        } else {
            capability(report, key, member);
        }
    });
}

fn capability(report: &mut Report<'_>, name: &str, difference: Difference<'_>) {
    match (difference.before, difference.after) {
        (None, _) if is_powerful(name) => report.plain(&codes::POWER_ADDED, difference),
        (None, _) => report.plain(&codes::CAPABILITY_ADDED, difference),
        (Some(_), None) => report.plain(&codes::CAPABILITY_REMOVED, difference),
        _ => walk(report, difference, &codes::CAPABILITY_CHANGED),
    }
}

/// Whether a capability lets the server ask the client, the model or the user for something, or
/// act after the call. Extensions count by their last part.
fn is_powerful(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name);
    matches!(name, "sampling" | "elicitation" | "tasks" | "roots")
}

fn is_empty(value: Option<&Value>) -> bool {
    value.and_then(Value::as_object).is_none_or(serde_json::Map::is_empty)
}

fn protocol(report: &mut Report<'_>, versions: Difference<'_>) {
    match (newest(versions.before), newest(versions.after)) {
        (Some(before), Some(after)) if after < before => {
            report.plain(&codes::PROTOCOL_LOWERED, versions);
        }
        _ => report.plain(&codes::PROTOCOL_CHANGED, versions),
    }
}

/// The newest version that is named; versions are dates, so they sort as text.
fn newest(versions: Option<&Value>) -> Option<&str> {
    match versions? {
        Value::String(version) => Some(version),
        Value::Array(versions) => versions.iter().filter_map(Value::as_str).max(),
        _ => None,
    }
}
