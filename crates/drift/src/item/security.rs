//! Who may use an item: security schemes, authorization mappings, authorization servers.

use serde_json::Value;

use super::{each_member, walk};
use crate::catalogue as codes;
use crate::report::same::same;
use crate::report::{Difference, Report};

/// Whether a member names who authorizes, or for which resource.
pub(super) fn names_an_authorizer(key: &str) -> bool {
    AUTHORIZERS.contains(&key)
}

/// The same for a member of `metadata`: `resource` is an identity only in the metadata of a
/// protected resource (RFC 9728), which also names its authorization servers.
pub(super) fn is_authorizer(key: &str, metadata: Option<&Value>) -> bool {
    let is_protected = || metadata.is_some_and(|of| of.get("authorization_servers").is_some());
    names_an_authorizer(key) || key == "resource" && is_protected()
}

/// Reports what differs in `securitySchemes` or `x-authzen-mapping`.
pub(crate) fn compare(report: &mut Report<'_>, difference: Difference<'_>) {
    match (difference.before, difference.after) {
        (None, Some(Value::Array(schemes))) if schemes.iter().any(lets_anybody_in) => {
            report.add(&codes::SECURITY_WEAKENED, difference, "anybody is let in");
        }
        (None, _) => report.plain(&codes::SECURITY_CHANGED, difference),
        (Some(_), None) => {
            report.add(&codes::SECURITY_WEAKENED, difference, "what it asked for is gone");
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            alternatives(report, before, after, difference);
        }
        (Some(Value::Object(_)), Some(Value::Object(_))) => rules(report, difference),
        _ => report.plain(&codes::SECURITY_ALTERED, difference),
    }
}

/// A list of schemes, of which any one lets a caller in.
fn alternatives(
    report: &mut Report<'_>,
    before: &[Value],
    after: &[Value],
    difference: Difference<'_>,
) {
    if after.is_empty() && !before.is_empty() {
        return report.add(&codes::SECURITY_WEAKENED, difference, "its list of schemes is empty");
    }
    let is_no_weaker = |new: &&Value| before.iter().any(|old| asks_no_less(old, new));
    match after.iter().find(|new| !is_no_weaker(new)) {
        Some(new) if !before.is_empty() => {
            let detail = format!("{} lets a caller in", crate::report::sentence::value(Some(new)));
            report.add(&codes::SECURITY_WEAKENED, difference, &detail);
        }
        _ => report.plain(&codes::SECURITY_CHANGED, difference),
    }
}

/// An object of rules: one that is gone, loses a scope or reads differently weakens.
fn rules(report: &mut Report<'_>, difference: Difference<'_>) {
    each_member(difference, |key, member| match (member.before, member.after) {
        // Beside a rule that names nobody, the one who calls was meant; now somebody else may be.
        (None, Some(_)) if names_a_subject(key) => report.plain(&codes::SECURITY_ALTERED, member),
        (None, _) => report.plain(&codes::SECURITY_CHANGED, member),
        (Some(_), None) => {
            let detail = format!("{} is gone", crate::report::sentence::quoted(key));
            report.add(&codes::SECURITY_WEAKENED, member, &detail);
        }
        _ if names_an_authorizer(key) => report.plain(&codes::AUTHORIZER, member),
        (Some(Value::Object(_)), Some(Value::Object(_))) => rules(report, member),
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            let lost = before.iter().any(|old| !after.iter().any(|new| same(old, new)));
            if lost {
                report.add(&codes::SECURITY_WEAKENED, member, "a scope or rule is gone");
            } else {
                report.plain(&codes::SECURITY_CHANGED, member);
            }
        }
        _ if key == "description" => walk(report, member, &codes::SECURITY_CHANGED),
        _ => report.plain(&codes::SECURITY_ALTERED, member),
    });
}

/// A scheme that asks for nothing (SEP-1488).
fn lets_anybody_in(scheme: &Value) -> bool {
    scheme.get("type").is_some_and(|of| of == "noauth")
}

/// Whether a member of a mapping says whom a question is about: left out, the token does (COAZ-MCP,
/// declared mappings).
fn names_a_subject(key: &str) -> bool {
    key == "subject" || key == "id"
}

/// Whether scheme `new` lets in nobody whom scheme `old` kept out: the same but for more scopes.
fn asks_no_less(old: &Value, new: &Value) -> bool {
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else { return same(old, new) };
    let is_same_but_scopes = old.iter().all(|(key, value)| {
        key == "scopes" || new.get(key).is_some_and(|other| same(value, other))
    });
    let scopes = |scheme: &serde_json::Map<String, Value>| {
        scheme.get("scopes").and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let kept = scopes(new);
    is_same_but_scopes && scopes(old).iter().all(|scope| kept.contains(scope))
}

/// Members of RFC 8414 and RFC 9728 metadata, and of the security schemes of `OpenAPI`.
const AUTHORIZERS: &[&str] = &[
    "authorizationServer",
    "authorizationServers",
    "authorizationUrl",
    "authorization_endpoint",
    "authorization_server",
    "authorization_servers",
    "introspection_endpoint",
    "issuer",
    "jwksUri",
    "jwks_uri",
    "openIdConnectUrl",
    "refreshUrl",
    "registration_endpoint",
    "resource_identifier",
    "tokenUrl",
    "token_endpoint",
];
