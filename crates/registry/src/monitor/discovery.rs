//! Who authorizes for a server: its resource metadata (RFC 9728), and the metadata of the
//! authorization servers that it names (RFC 8414, `OpenID` Connect Discovery).
//!
//! Credentials go where these documents point, so that a change of them is a change of who gets them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::StatusCode;
use seal::statement::{Finding, Observed};
use serde_json::{Map, Value, json};
use sqlx::Row as _;
use store::Object;
use url::Url;
use wire::{Document, Policy};

use super::{Monitor, MonitorError, Target};
use crate::limits;
use crate::net::{Request, shown};

/// What is known of who authorizes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// The issuers that the resource metadata names, each with what its own metadata says; `Null`
    /// where it has none that can be used.
    pub issuers: BTreeMap<String, Value>,
    /// Whether the resource metadata is about another resource than the one that was asked.
    pub is_of_another: bool,
    /// The documents as they came, by their URLs.
    pub documents: Map<String, Value>,
}

impl Facts {
    fn says_the_same(&self, other: &Self) -> bool {
        self.issuers == other.issuers && self.is_of_another == other.is_of_another
    }
}

/// What changed from `before` to `after`, the most urgent first.
pub fn compare(before: &Facts, after: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |code: &str, severity: &str, place: &str| {
        let place = place.chars().take(limits::PLACE_CHARS_MAX).collect();
        findings.push(Finding { code: code.to_owned(), severity: severity.to_owned(), place });
    };
    if after.is_of_another && !before.is_of_another {
        find("authorization.other-resource", "critical", "resource");
    }
    let gone = before.issuers.keys().filter(|issuer| !after.issuers.contains_key(*issuer));
    let new = after.issuers.keys().filter(|issuer| !before.issuers.contains_key(*issuer));
    for issuer in gone.chain(new) {
        find("authorization.servers-changed", "critical", issuer);
    }
    for (issuer, now) in &after.issuers {
        let Some(old) = before.issuers.get(issuer).filter(|old| **old != *now) else { continue };
        if now.is_null() {
            find("authorization.unusable", "warning", issuer);
            continue;
        }
        for member in ENDPOINTS {
            let domain = |facts: &Value| facts.get(member).and_then(Value::as_str).map(domain);
            if old.get(member).is_some() && domain(old) != domain(now) {
                find("authorization.endpoint-moved", "critical", &format!("{issuer} {member}"));
            }
        }
        for member in PROTECTIONS {
            let has = |facts: &Value| facts.get(member).and_then(Value::as_bool) == Some(true);
            if has(old) && !has(now) {
                find("authorization.weakened", "warning", &format!("{issuer} {member}"));
            }
        }
    }
    findings.truncate(limits::FINDINGS_MAX);
    findings
}

/// Reads who authorizes for a target, and states it if it is new or other than before. Documents that
/// cannot be fetched or read say nothing.
pub(super) async fn look(
    monitor: &Monitor,
    target: &Target,
    challenge: Option<&str>,
) -> Result<(), MonitorError> {
    let before = monitor.facts_before(target).await?;
    let facts = monitor.facts(target, challenge, before.as_ref()).await;
    let Some(facts) = facts else { return Ok(()) };
    // That a server without authorization has none is no news.
    if before.is_none() && facts == Facts::default() {
        return Ok(());
    }
    let findings = match &before {
        Some(before) if before.says_the_same(&facts) => return Ok(()),
        Some(before) => compare(before, &facts),
        None => compare(&Facts { issuers: facts.issuers.clone(), ..Facts::default() }, &facts),
    };
    let object = Object::new(surface::canonical::to_vec(&record(&facts)).into());
    let of = Observed::Authorization {
        endpoint: shown(&target.endpoint),
        servers: facts.issuers.keys().cloned().collect(),
        object: Some(object.digest()),
    };
    let statement = monitor.statement(&target.server, of, findings, None, None);
    monitor.service.state(statement, vec![object]).await?;
    Ok(())
}

impl Monitor {
    /// Whether the server still names `issuer`, as far as it is known to name any.
    pub(super) async fn is_issuer_current(
        &self,
        target: &Target,
        issuer: &str,
    ) -> Result<bool, MonitorError> {
        let before = self.facts_before(target).await?;
        Ok(before.is_none_or(|facts| !facts.is_of_another && facts.issuers.contains_key(issuer)))
    }

    async fn facts_before(&self, target: &Target) -> Result<Option<Facts>, MonitorError> {
        let query =
            sqlx::query("SELECT object FROM authorizations WHERE server = $1 AND endpoint = $2");
        let query = query.bind(&target.server).bind(shown(&target.endpoint));
        let row = query.fetch_optional(self.service.database().pool()).await;
        let object: Option<Option<String>> = row
            .and_then(|row| row.map(|row| row.try_get(0)).transpose())
            .map_err(MonitorError::database("reading who authorized for a server"))?;
        let Some(digest) = object.flatten().and_then(|digest| digest.parse().ok()) else {
            return Ok(None);
        };
        let bytes = self.service.object(&digest).await?;
        Ok(bytes.as_ref().and_then(facts_of))
    }

    /// `None` when the resource metadata could not be asked for. What an authorization server that
    /// cannot be asked says is what it said `before`: an outage of it hides no change of the set.
    async fn facts(
        &self,
        target: &Target,
        challenge: Option<&str>,
        before: Option<&Facts>,
    ) -> Option<Facts> {
        let mut facts = Facts::default();
        let named = challenge.and_then(resource_metadata).and_then(|url| url.parse().ok());
        let places = match named {
            Some(named) => vec![named],
            None => well_known(&target.endpoint, "oauth-protected-resource"),
        };
        let Some((url, resource)) = self.first(&places).await? else { return Some(facts) };
        let is_this = |of: &str| of.parse::<Url>().is_ok_and(|of| covers(&of, &target.endpoint));
        facts.is_of_another =
            !resource.get("resource").and_then(Value::as_str).is_some_and(is_this);
        let issuers = resource.get("authorization_servers").and_then(Value::as_array);
        // In the order of their names: where a server puts one in its list says nothing.
        let issuers: BTreeSet<String> =
            issuers.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        facts.documents.insert(url.into(), resource);
        for (issuer, at) in issuers.into_iter().take(limits::ISSUERS_NAMED_MAX).zip(0..) {
            let said = || before.and_then(|before| before.issuers.get(&issuer)).cloned();
            let is_asked = at < limits::ISSUERS_MAX;
            let says =
                if is_asked { self.issuer(&issuer, &mut facts.documents).await } else { None };
            let says = match says {
                Some(says) => says,
                None => said().unwrap_or_else(|| Value::Object(Map::new())),
            };
            facts.issuers.insert(issuer, says);
        }
        Some(facts)
    }

    /// What an authorization server says of itself; `None` when it could not be asked.
    async fn issuer(&self, issuer: &str, documents: &mut Map<String, Value>) -> Option<Value> {
        let Ok(url) = issuer.parse::<Url>() else { return Some(Value::Null) };
        let mut places = well_known(&url, "oauth-authorization-server");
        places.truncate(1);
        places.extend(well_known(&url, "openid-configuration").into_iter().take(1));
        places.push(appended(&url, ".well-known/openid-configuration"));
        let Some((url, document)) = self.first(&places).await? else { return Some(Value::Null) };
        // RFC 8414, 3.3: what says it is another issuer is not used.
        if document.get("issuer").and_then(Value::as_str) != Some(issuer) {
            documents.insert(url.into(), document);
            return Some(Value::Null);
        }
        let mut says = Map::new();
        for member in ENDPOINTS {
            if let Some(endpoint) = document.get(member).filter(|it| it.is_string()) {
                says.insert(member.to_owned(), endpoint.clone());
            }
        }
        let methods = document.get("code_challenge_methods_supported").and_then(Value::as_array);
        let has_s256 = methods.is_some_and(|methods| methods.iter().any(|it| it == "S256"));
        says.insert(PROTECTIONS[0].to_owned(), has_s256.into());
        let iss = document.get("authorization_response_iss_parameter_supported");
        says.insert(PROTECTIONS[1].to_owned(), (iss == Some(&Value::Bool(true))).into());
        documents.insert(url.into(), document);
        Some(Value::Object(says))
    }

    /// The first document that is there; `Some(None)` if none is, `None` if one could not be asked.
    async fn first(&self, places: &[Url]) -> Option<Option<(Url, Value)>> {
        for url in places {
            let request = Request {
                bytes_max: limits::DISCOVERY_BYTES_MAX,
                redirects_max: authz::limits::REDIRECTS_MAX,
                ..Request::get(url.clone())
            };
            match self.client.send(request).await {
                Ok(answer) if answer.status == StatusCode::OK => {
                    if let Some(document) = object_of(&answer.body) {
                        return Some(Some((answer.url, document)));
                    }
                }
                Ok(answer) if answer.status.is_server_error() => return None,
                Err(error) if error.is_transient() => return None,
                Ok(_) | Err(_) => {}
            }
        }
        Some(None)
    }
}

/// What the object of a statement holds.
fn record(facts: &Facts) -> Value {
    json!({
        "documents": facts.documents,
        "issuers": facts.issuers,
        "isOfAnother": facts.is_of_another,
    })
}

fn facts_of(bytes: &Bytes) -> Option<Facts> {
    let mut record = object_of(bytes)?;
    let mut take = |name: &str| record.get_mut(name).map(Value::take);
    let Some(Value::Object(documents)) = take("documents") else { return None };
    let Some(Value::Object(issuers)) = take("issuers") else { return None };
    let is_of_another = take("isOfAnother")? == Value::Bool(true);
    Some(Facts { issuers: issuers.into_iter().collect(), is_of_another, documents })
}

/// Strict JSON, and an object.
fn object_of(bytes: &[u8]) -> Option<Value> {
    let document = Document::parse(bytes, &Policy::default()).ok()?;
    let value = surface::json::shown(document.root()).ok()?;
    value.is_object().then_some(value)
}

/// The value of `resource_metadata` in a challenge (RFC 9728, 5.1).
fn resource_metadata(challenge: &str) -> Option<&str> {
    let (_, after) = challenge.split_once("resource_metadata")?;
    let after = after.trim_start().strip_prefix('=')?.trim_start();
    match after.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => after.split([',', ' ']).next(),
    }
}

/// `/.well-known/NAME` with the path inserted, then at the root (RFC 9728, 3.1; RFC 8414, 3.1).
fn well_known(of: &Url, name: &str) -> Vec<Url> {
    let path = of.path().trim_end_matches('/');
    let mut places = Vec::new();
    for path in [path, ""] {
        let mut url = of.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.set_path(&format!("/.well-known/{name}{path}"));
        if !places.contains(&url) {
            places.push(url);
        }
    }
    places
}

fn appended(of: &Url, path: &str) -> Url {
    let mut url = of.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.set_path(&format!("{}/{path}", of.path().trim_end_matches('/')));
    url
}

/// Whether a resource is the endpoint, or the part of its origin that it is in.
fn covers(resource: &Url, endpoint: &Url) -> bool {
    let path = resource.path().trim_end_matches('/');
    let rest = endpoint.path().strip_prefix(path);
    resource.origin() == endpoint.origin()
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn domain(url: &str) -> Option<String> {
    let url: Url = url.parse().ok()?;
    let host = url.host_str()?;
    Some(psl::domain_str(host).unwrap_or(host).to_owned())
}

/// Where credentials, codes and keys come from and go to.
const ENDPOINTS: [&str; 5] = [
    "authorization_endpoint",
    "introspection_endpoint",
    "jwks_uri",
    "registration_endpoint",
    "token_endpoint",
];

/// What protects a code on its way: PKCE with S256 (RFC 7636), and the issuer in the answer (RFC 9207).
const PROTECTIONS: [&str; 2] = ["s256", "iss"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;

    fn facts(issuers: &Value) -> Facts {
        let Value::Object(issuers) = issuers.clone() else { panic!() };
        Facts { issuers: issuers.into_iter().collect(), ..Facts::default() }
    }

    #[test]
    fn who_gets_the_credentials_is_critical_and_what_protects_them_a_warning() {
        let before = facts(&json!({ "https://as.acme.com": {
            "token_endpoint": "https://as.acme.com/token", "s256": true, "iss": true } }));
        let codes = |after: &Value| {
            let findings = compare(&before, &facts(after));
            findings.into_iter().map(|it| (it.code, it.severity)).collect::<Vec<_>>()
        };
        let is =
            |code: &str, severity: &str| (format!("authorization.{code}"), severity.to_owned());
        let same = json!({ "https://as.acme.com": {
            "token_endpoint": "https://login.acme.com/token", "s256": true, "iss": true } });
        assert_eq!(codes(&same), []);
        let evil = json!({ "https://as.evil.com": {} });
        assert_eq!(
            codes(&evil),
            [is("servers-changed", "critical"), is("servers-changed", "critical")]
        );
        let moved = json!({ "https://as.acme.com": {
            "token_endpoint": "https://as.acme.com.evil.com/token", "s256": false, "iss": true } });
        assert_eq!(codes(&moved), [is("endpoint-moved", "critical"), is("weakened", "warning")]);
        assert_eq!(codes(&json!({ "https://as.acme.com": null })), [is("unusable", "warning")]);
        let other = Facts { is_of_another: true, ..before.clone() };
        let found = compare(&before, &other);
        assert_eq!(
            (found[0].code.as_str(), found[0].severity.as_str()),
            ("authorization.other-resource", "critical")
        );
    }

    #[test]
    fn metadata_is_looked_for_where_the_specifications_put_it() {
        let places = |url: &str, name: &str| {
            well_known(&url.parse().unwrap(), name)
                .into_iter()
                .map(String::from)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            places("https://a.com/v1/mcp?x=1", "oauth-protected-resource"),
            [
                "https://a.com/.well-known/oauth-protected-resource/v1/mcp",
                "https://a.com/.well-known/oauth-protected-resource",
            ]
        );
        assert_eq!(places("https://a.com/", "x"), ["https://a.com/.well-known/x"]);
        for (challenge, url) in [
            (r#"Bearer resource_metadata="https://a.com/x", error="y""#, Some("https://a.com/x")),
            ("Bearer resource_metadata = https://a.com/x, scope=z", Some("https://a.com/x")),
            ("Bearer realm=x", None),
        ] {
            assert_eq!(resource_metadata(challenge), url, "{challenge}");
        }
    }

    #[test]
    fn a_resource_is_the_endpoint_or_what_it_is_in() {
        for (resource, is_this) in [
            ("https://a.com/mcp", true),
            ("https://a.com", true),
            ("https://a.com/mcp/", true),
            ("https://a.com/mc", false),
            ("https://a.com/other", false),
            ("https://evil.com/mcp", false),
            ("http://a.com/mcp", false),
        ] {
            let endpoint = "https://a.com/mcp".parse().unwrap();
            assert_eq!(covers(&resource.parse().unwrap(), &endpoint), is_this, "{resource}");
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut facts = facts(&json!({ "https://as.acme.com": { "s256": true }, "x": null }));
        facts
            .documents
            .insert("https://a.com/x".to_owned(), json!({ "resource": "https://a.com" }));
        facts.is_of_another = true;
        let bytes = Bytes::from(surface::canonical::to_vec(&record(&facts)));
        assert_eq!(facts_of(&bytes), Some(facts));
    }
}
