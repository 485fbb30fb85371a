//! The differences of one item, field by field.
//!
//! INVARIANT: where two semantic forms differ, at least one change is reported; each function here
//! either reports or hands on every member that differs.

mod annotations;
mod prompt;
pub(crate) mod security;
mod server;
mod skill;
mod ui;

use serde_json::Value;
use surface::Kind;
use unicode_normalization::UnicodeNormalization as _;

use crate::catalogue as codes;
use crate::catalogue::Entry;
use crate::lexicon;
use crate::lexicon::web;
use crate::report::same::{keys, same_or_absent};
use crate::report::way::Way;
use crate::report::{Difference, Report};
use crate::schema;

/// Reports what differs between the semantic forms of one item. Members of the server and of list
/// answers may come and go here; other items are there on both sides.
pub(crate) fn compare(report: &mut Report<'_>, before: Option<&Value>, after: Option<&Value>) {
    let root = Difference::new(&Way::ROOT, before, after);
    let had = report.len();
    match report.item.kind {
        Kind::Server => server::compare(report, root),
        kind if kind == Kind::Page && root.is_of_objects()
            || is_object(before) && is_object(after) =>
        {
            each_member(root, |key, member| field(report, kind, key, member));
        }
        _ => walk(report, root, &codes::FIELD),
    }
    if report.len() == had && !same_or_absent(before, after) {
        report.plain(&codes::FIELD, root);
    }
}

/// One member of a tool, prompt, resource, template, page or skill.
fn field(report: &mut Report<'_>, kind: Kind, key: &str, member: Difference<'_>) {
    match (kind, key) {
        (_, "_meta") => ui::meta(report, member),
        (_, "securitySchemes" | "x-authzen-mapping") => security::compare(report, member),
        (Kind::Ui, "text" | "blob") => ui::body(report, member),
        (Kind::Ui | Kind::Resource | Kind::Template, "mimeType") => {
            report.plain(&codes::MEDIA_TYPE, member);
        }
        (Kind::Prompt, "arguments") => prompt::arguments(report, member),
        (Kind::Prompt, "messages" | "body") | (Kind::Skill, "body" | "content" | "text") => {
            walk(report, member, &codes::BODY);
        }
        (Kind::Tool, "inputSchema") => schema::compare(report, schema::Flow::Input, member),
        (Kind::Tool, "outputSchema") => schema::compare(report, schema::Flow::Output, member),
        (Kind::Tool, "execution") => walk(report, member, &codes::EXECUTION),
        (Kind::Tool, "annotations") => annotations::of_tool(report, member),
        (Kind::Resource | Kind::Template, "annotations") => {
            each_member_or_whole(report, member, &codes::ANNOTATION);
        }
        (Kind::Skill, "frontmatter") => walk(report, member, &codes::FRONTMATTER),
        (Kind::Skill, "resources") => skill::files(report, member),
        (_, key) if security::names_an_authorizer(key) => {
            let entry = member.before.map_or(&codes::SECURITY_CHANGED, |_| &codes::AUTHORIZER);
            report.plain(entry, member);
        }
        (Kind::Ui | Kind::Page, _) => walk(report, member, &codes::FIELD),
        (_, "description") => text(report, member, &codes::DESCRIPTION),
        (_, "title") => title(report, member),
        (_, "icons") => icons(report, member),
        // The key of the item: its new name is reported with the item.
        (Kind::Tool | Kind::Prompt, "name") => report.plain(&codes::FIELD, member),
        (_, "name") => text(report, member, &codes::NAME),
        _ => walk(report, member, &codes::FIELD),
    }
}

/// A text: one change for the text, one more when an address in it moved.
pub(crate) fn text(report: &mut Report<'_>, difference: Difference<'_>, entry: &'static Entry) {
    let (Some(Value::String(before)), Some(Value::String(after))) =
        (difference.before, difference.after)
    else {
        return report.plain(entry, difference);
    };
    let folded = |text: &str| text.nfkc().collect::<String>().to_lowercase();
    if folded(before) == folded(after) {
        return report.plain(&codes::UNICODE_FORM, difference);
    }
    report.plain(entry, difference);
    if let Some((gone, came)) = web::moved(&web::domains(before), &web::domains(after)) {
        report.add(&codes::ADDRESS, difference, &moved(&gone, &came));
    }
    if let Some((gone, came)) = lexicon::moved_paths(before, after) {
        report.add(&codes::PATH, difference, &moved(&gone, &came));
    }
}

/// Reports the innermost members that differ, each under `entry`, except those that carry a
/// meaning wherever they stand: authorization, and addresses.
pub(crate) fn walk(report: &mut Report<'_>, difference: Difference<'_>, entry: &'static Entry) {
    let Difference { way, before, after } = difference;
    match (before, after) {
        (Some(Value::Object(_)), Some(Value::Object(_))) => {
            each_member(difference, |key, member| match key {
                "securitySchemes" | "x-authzen-mapping" => security::compare(report, member),
                key if security::is_authorizer(key, before) && member.before.is_some() => {
                    report.plain(&codes::AUTHORIZER, member);
                }
                _ => walk(report, member, entry),
            });
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                let way = way.index(index, index);
                let element = Difference::new(&way, Some(old), Some(new));
                if element.differs() {
                    walk(report, element, entry);
                }
            }
        }
        (Some(Value::String(old)), Some(Value::String(new))) => {
            let moved_to = web::moved(&web::domains(old), &web::domains(new));
            match moved_to {
                Some((gone, came)) => report.add(&codes::ADDRESS, difference, &moved(&gone, &came)),
                None => report.plain(entry, difference),
            }
        }
        _ => report.plain(entry, difference),
    }
}

/// Calls `visit` for each member of two objects that differs; an absent object has no members.
pub(crate) fn each_member<'a>(
    difference: Difference<'a>,
    mut visit: impl FnMut(&str, Difference<'_>),
) {
    let Difference { way, before, after } = difference;
    for key in keys(before, after) {
        let pick = |value: Option<&'a Value>| value.and_then(|value| value.get(key));
        let way = way.key(key);
        let member = Difference::new(&way, pick(before), pick(after));
        if member.differs() {
            visit(key, member);
        }
    }
}

/// Each member that differs, walked; the whole when a side is there and no object.
fn each_member_or_whole(
    report: &mut Report<'_>,
    difference: Difference<'_>,
    entry: &'static Entry,
) {
    if difference.is_of_objects() {
        each_member(difference, |_, member| walk(report, member, entry));
    } else {
        report.plain(entry, difference);
    }
}

fn icons(report: &mut Report<'_>, icons: Difference<'_>) {
    let domains = (web::domains_of(icons.before), web::domains_of(icons.after));
    match web::moved(&domains.0, &domains.1) {
        Some((gone, came)) => report.add(&codes::ADDRESS, icons, &moved(&gone, &came)),
        None => report.plain(&codes::ICONS, icons),
    }
    prose(report, icons);
}

/// A title: a text that is a name.
pub(crate) fn title(report: &mut Report<'_>, title: Difference<'_>) {
    text(report, title, &codes::TITLE);
    prose(report, title);
}

/// One more change where prose came to a place that holds names and values.
fn prose(report: &mut Report<'_>, difference: Difference<'_>) {
    if lexicon::gained_prose(difference.before, difference.after) {
        report.plain(&codes::PROSE, difference);
    }
}

/// How a move is told.
pub(crate) fn moved(gone: &str, came: &str) -> String {
    format!(
        "{} now, {} before",
        crate::report::sentence::quoted(came),
        crate::report::sentence::quoted(gone)
    )
}

fn is_object(value: Option<&Value>) -> bool {
    value.is_some_and(Value::is_object)
}
