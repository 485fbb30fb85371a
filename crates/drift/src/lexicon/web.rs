//! Addresses: the hosts that a text or value names, and who owns them, as far as a name tells.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

/// The registrable domains of the addresses in `text`: URLs with an authority, and e-mail
/// addresses.
pub(crate) fn domains(text: &str) -> BTreeSet<String> {
    let mut domains = BTreeSet::new();
    for (at, _) in text.match_indices("://") {
        let before = text.get(..at).unwrap_or_default();
        let is_url = before.ends_with(|c: char| c.is_ascii_alphanumeric());
        let rest = text.get(at + 3..).unwrap_or_default();
        if is_url {
            domains.extend(host(rest).map(|host| registrable(&host)));
        }
    }
    for (at, _) in text.match_indices('@') {
        let before = text.get(..at).unwrap_or_default();
        let is_mail = before.ends_with(|c: char| c.is_ascii_alphanumeric() || "._+-".contains(c));
        let rest = text.get(at + 1..).unwrap_or_default();
        if is_mail {
            let host = host(rest).filter(|host| host.contains('.'));
            domains.extend(host.map(|host| registrable(&host)));
        }
    }
    domains
}

/// The registrable domains of every string inside `value`.
pub(crate) fn domains_of(value: Option<&Value>) -> BTreeSet<String> {
    match value {
        Some(Value::String(text)) => domains(text),
        Some(Value::Array(elements)) => {
            elements.iter().flat_map(|element| domains_of(Some(element))).collect()
        }
        Some(Value::Object(members)) => {
            members.values().flat_map(|member| domains_of(Some(member))).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// What moved: domains that are gone, and others that came in their place.
pub(crate) fn moved(
    before: &BTreeSet<String>,
    after: &BTreeSet<String>,
) -> Option<(String, String)> {
    let gone: Vec<_> = before.difference(after).map(String::as_str).collect();
    let came: Vec<_> = after.difference(before).map(String::as_str).collect();
    if gone.is_empty() || came.is_empty() {
        return None;
    }
    Some((gone.join(", "), came.join(", ")))
}

/// The origins from which a page loads code: `src` of scripts, and imports of modules.
pub(crate) fn script_origins(html: &str) -> BTreeSet<String> {
    let lower = html.to_ascii_lowercase();
    let mut origins = BTreeSet::new();
    for marker in ["<script", "import ", "import(", "importscripts(", "modulepreload"] {
        for (at, _) in lower.match_indices(marker) {
            let rest = head(lower.get(at..).unwrap_or_default(), TAG_BYTES_MAX);
            let end = rest.find(['>', ';', '\n']).unwrap_or(rest.len());
            origins.extend(origins_of(rest.get(..end).unwrap_or_default()));
        }
    }
    origins
}

/// Full hosts of a tag or statement, protocol-relative ones included.
fn origins_of(text: &str) -> impl Iterator<Item = String> {
    let slashes = text.match_indices("//");
    slashes.filter_map(|(at, _)| host(text.get(at + 2..).unwrap_or_default()))
}

/// The host at the start of what follows `://`, lower case, without user and port.
fn host(rest: &str) -> Option<String> {
    let rest = head(rest, AUTHORITY_BYTES_MAX);
    if let Some(literal) = rest.strip_prefix('[') {
        return literal.split_once(']').map(|(host, _)| host.to_owned());
    }
    let is_end = |c: char| c.is_whitespace() || "/?#\"'<>)]}`,;\\|".contains(c);
    let authority = rest.split(is_end).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let host = host.trim_end_matches('.').to_lowercase();
    host.chars().any(char::is_alphanumeric).then_some(host)
}

/// The start of a text: whatever follows many markers is read once for each of them.
fn head(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text)
}

/// The domain that somebody registers: the last two labels, or three under a shared suffix.
pub(crate) fn registrable(host: &str) -> String {
    if host.parse::<IpAddr>().is_ok() {
        return host.to_owned();
    }
    let labels: Vec<_> = host.rsplit('.').collect();
    let last_two = labels.iter().take(2).rev().copied().collect::<Vec<_>>().join(".");
    let count = if SHARED_SUFFIXES.contains(&last_two.as_str()) || is_country_second(&labels) {
        3
    } else {
        2
    };
    labels.iter().take(count).rev().copied().collect::<Vec<_>>().join(".")
}

/// Whether a host is under a generic second level of a country: `co.uk`, `com.au`, `ac.jp`.
fn is_country_second(labels: &[&str]) -> bool {
    let is_country = labels.first().is_some_and(|label| label.len() == 2);
    let is_generic = labels.get(1).is_some_and(|label| {
        matches!(*label, "ac" | "co" | "com" | "edu" | "gov" | "net" | "or" | "org")
    });
    is_country && is_generic
}

/// Suffixes under which strangers are neighbours: hosting where anybody gets a name.
const SHARED_SUFFIXES: &[&str] = &[
    "amazonaws.com",
    "azurewebsites.net",
    "blogspot.com",
    "cloudfront.net",
    "deno.dev",
    "fly.dev",
    "github.io",
    "githubusercontent.com",
    "gitlab.io",
    "glitch.me",
    "herokuapp.com",
    "netlify.app",
    "ngrok.app",
    "ngrok.io",
    "onrender.com",
    "pages.dev",
    "railway.app",
    "repl.co",
    "replit.app",
    "run.app",
    "vercel.app",
    "web.app",
    "workers.dev",
];

/// Longest authority that is read: a host name has at most 253 bytes.
const AUTHORITY_BYTES_MAX: usize = 512;

/// Longest tag or statement that is searched for origins.
const TAG_BYTES_MAX: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_host_is_found_by_its_labels() {
        for (host, owner) in [
            ("api.github.com", "github.com"),
            ("github.com", "github.com"),
            ("a.b.example.co.uk", "example.co.uk"),
            ("evil.github.io", "evil.github.io"),
            ("10.0.0.1", "10.0.0.1"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(registrable(host), owner);
        }
    }

    #[test]
    fn addresses_are_found_in_text() {
        let text = "See https://user:x@docs.Example.com:8443/a?b, mail ops@mail.example.org. \
                    A ://nothing, @handle and std::x are none.";
        let found: Vec<_> = domains(text).into_iter().collect();
        assert_eq!(found, ["example.com", "example.org"]);
    }

    #[test]
    fn script_origins_are_those_that_code_comes_from() {
        let html = "<script src=\"//cdn.evil.example/x.js\"></script>\
                    <img src=\"https://img.example/x.png\">\
                    <script type=module>import x from 'https://esm.example/x';</script>";
        let found: Vec<_> = script_origins(html).into_iter().collect();
        assert_eq!(found, ["cdn.evil.example", "esm.example"]);
    }
}
