//! Which endpoints of an entry are looked at.

use std::collections::BTreeSet;

use serde_json::Value;
use url::Url;

use crate::limits;

/// The endpoints that the remotes of a server.json name. A URL with variables is many endpoints: those
/// that the declared `choices` make, or the `default`. One whose variables are free, or whose host is
/// a variable, is none that anybody declared, and is left out.
pub fn endpoints(server: &Value) -> Vec<Url> {
    let remotes = server.get("remotes").and_then(Value::as_array).into_iter().flatten();
    let mut endpoints = BTreeSet::new();
    for remote in remotes {
        let Some(template) = remote.get("url").and_then(Value::as_str) else { continue };
        let variables = remote.get("variables");
        for text in expand(template, variables) {
            endpoints.extend(text.parse::<Url>().ok());
        }
    }
    endpoints.into_iter().take(limits::ENDPOINTS_MAX).collect()
}

fn expand(template: &str, variables: Option<&Value>) -> Vec<String> {
    // The next draft lets URLs begin with a variable: then nobody declared a host.
    if template.starts_with('{') {
        return Vec::new();
    }
    let mut done = vec![String::new()];
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { return Vec::new() };
        let values = declared(variables.and_then(|variables| variables.get(name)));
        done = done
            .iter()
            .flat_map(|begun| values.iter().map(move |value| format!("{begun}{before}{value}")))
            .take(limits::ENDPOINTS_MAX)
            .collect();
        rest = after;
    }
    done.into_iter().map(|begun| begun + rest).collect()
}

/// What a variable may be; empty where anything is. A secret has no value that everybody knows.
fn declared(variable: Option<&Value>) -> Vec<&str> {
    let Some(variable) = variable else { return Vec::new() };
    if variable.get("isSecret").and_then(Value::as_bool) == Some(true) {
        return Vec::new();
    }
    let text = |value: &'_ Value| -> bool { value.as_str().is_some_and(is_part) };
    let choices = variable.get("choices").and_then(Value::as_array);
    if let Some(choices) = choices.filter(|choices| !choices.is_empty()) {
        return choices.iter().filter(|it| text(it)).filter_map(Value::as_str).collect();
    }
    let fixed = variable.get("value").or_else(|| variable.get("default"));
    fixed.filter(|it| text(it)).and_then(Value::as_str).into_iter().collect()
}

/// Whether a value stays in its place: it is no way out of the host or the path that were declared.
fn is_part(value: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
    !value.is_empty() && !value.contains("..") && value.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn of(remotes: &Value) -> Vec<String> {
        let endpoints = endpoints(&json!({ "remotes": remotes }));
        endpoints.into_iter().map(String::from).collect()
    }

    #[test]
    fn only_what_was_declared_is_an_endpoint() {
        let variables = json!({
            "region": { "choices": ["eu", "us", "evil.example/", "..", 7] },
            "tenant": { "default": "acme" },
            "path": { "value": "v2", "default": "v1" },
            "free": { "description": "anything" },
            "key": { "isSecret": true, "default": "hush" }
        });
        for (url, expected) in [
            ("https://mcp.acme.com/mcp", &["https://mcp.acme.com/mcp"][..]),
            (
                "https://{region}.acme.com/{tenant}/{path}",
                &["https://eu.acme.com/acme/v2", "https://us.acme.com/acme/v2"],
            ),
            ("https://{free}.acme.com/mcp", &[]),
            ("https://mcp.acme.com/{unknown}", &[]),
            ("https://mcp.acme.com/{key}", &[]),
            ("{region}.acme.com/mcp", &[]),
            ("https://mcp.acme.com/{region", &[]),
            ("not a url", &[]),
        ] {
            let remote = json!([{ "type": "streamable-http", "url": url, "variables": variables }]);
            assert_eq!(of(&remote), expected, "{url}");
        }
        assert_eq!(of(&json!("none")), [""; 0]);
    }

    #[test]
    fn many_choices_are_no_way_to_make_the_monitor_dial_many() {
        let choices: Vec<_> = (0..100).map(|n| format!("c{n}")).collect();
        let variables = json!({ "a": { "choices": choices }, "b": { "choices": choices } });
        let remote = json!([{ "url": "https://x.acme.com/{a}/{b}", "variables": variables }]);
        assert_eq!(of(&remote).len(), limits::ENDPOINTS_MAX);
    }
}
