//! The order of changes inside one severity.

use serde_json::Value;
use surface::Kind;

/// A score: what the new text earned, then where it stands, then how much of it is new.
pub(crate) fn score(
    kind: Kind,
    pointer: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    judged: u32,
) -> u32 {
    judged
        .saturating_mul(JUDGED)
        .saturating_add(place(kind, pointer))
        .saturating_add(length(before, after))
}

/// How directly a model reads the place: instructions and descriptions before documentation of
/// parameters, and that before titles and everything else.
fn place(kind: Kind, pointer: &str) -> u32 {
    let mut steps = pointer.split('/').skip(1);
    let first = steps.next();
    let last = pointer.rsplit('/').next().unwrap_or_default();
    match (kind, first) {
        (Kind::Server, None | Some("")) => 40,
        (_, None | Some("")) => 35,
        (_, Some("description" | "annotations" | "securitySchemes")) => 30,
        (_, Some("inputSchema")) if last == "description" => 20,
        (_, Some("inputSchema")) => 15,
        (_, Some("title" | "name")) => 10,
        _ => 5,
    }
}

/// The share of the text that is new, in tens of per cent.
fn length(before: Option<&Value>, after: Option<&Value>) -> u32 {
    let (Some(Value::String(before)), Some(Value::String(after))) = (before, after) else {
        return 0;
    };
    let grown = after.len().saturating_sub(before.len());
    u32::try_from(grown * 10 / after.len().max(1)).unwrap_or_default()
}

/// One point of a judgement outweighs every place and length.
const JUDGED: u32 = 100;
