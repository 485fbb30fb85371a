//! Protected resource metadata (RFC 9728 §2): written, and read strictly.

use serde_json::{Map, Value, json};
use wire::{Document, Policy};

use super::{check_issuer, uri};
use crate::limits;
use crate::token::scope;

/// What a server says of how it is protected. Members that are not here are ignored (§3.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// Its identifier, as it is written.
    pub resource: String,
    /// The issuers whose tokens it takes; empty if it does not say.
    pub authorization_servers: Vec<String>,
    /// The scopes it knows of; empty if it does not say.
    pub scopes: Vec<String>,
    /// Its name for people.
    pub name: Option<String>,
    /// Where people read about it.
    pub documentation: Option<String>,
    /// The algorithms of proofs that it takes; empty without DPoP.
    pub dpop_algorithms: Vec<String>,
    /// Whether it takes tokens alone that are bound to a DPoP key.
    pub is_dpop_required: bool,
    /// Whether its tokens are bound to client certificates.
    pub is_certificate_bound: bool,
    /// The types of `authorization_details` that it understands.
    pub detail_types: Vec<String>,
}

impl Metadata {
    /// Reads what was fetched for the resource `resource`, which has to be the one that it is about,
    /// byte for byte (§3.3).
    ///
    /// # Errors
    /// A document that is none, about another resource, or with a member that is not what it has to be.
    pub fn parse(bytes: &[u8], resource: &str) -> Result<Self, MetadataError> {
        let metadata = Self::parse_any(bytes)?;
        if metadata.resource == resource { Ok(metadata) } else { Err(MetadataError::Resource) }
    }

    /// The same of whatever resource it is about: to say what is wrong with it.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_any(bytes: &[u8]) -> Result<Self, MetadataError> {
        let policy = Policy { bytes_max: limits::METADATA_BYTES_MAX, ..Policy::default() };
        let document = Document::parse(bytes, &policy).map_err(MetadataError::Json)?;
        let value = surface::json::exact(document.root()).map_err(MetadataError::Json)?;
        let members = value.as_object().ok_or(MetadataError::Member("resource"))?;
        let metadata = Self {
            resource: text(members, "resource")?.ok_or(MetadataError::Member("resource"))?,
            authorization_servers: texts(members, "authorization_servers")?,
            scopes: texts(members, "scopes_supported")?,
            name: text(members, "resource_name")?,
            documentation: text(members, "resource_documentation")?,
            dpop_algorithms: texts(members, "dpop_signing_alg_values_supported")?,
            is_dpop_required: flag(members, "dpop_bound_access_tokens_required")?,
            is_certificate_bound: flag(members, "tls_client_certificate_bound_access_tokens")?,
            detail_types: texts(members, "authorization_details_types_supported")?,
        };
        metadata.check(members)?;
        Ok(metadata)
    }

    /// As JSON, in one form. What is empty is left out (§3.2).
    pub fn to_vec(&self) -> Vec<u8> {
        let lists = [
            ("authorization_servers", &self.authorization_servers),
            ("scopes_supported", &self.scopes),
            ("dpop_signing_alg_values_supported", &self.dpop_algorithms),
            ("authorization_details_types_supported", &self.detail_types),
        ];
        let texts =
            [("resource_name", &self.name), ("resource_documentation", &self.documentation)];
        let flags = [
            ("dpop_bound_access_tokens_required", self.is_dpop_required),
            ("tls_client_certificate_bound_access_tokens", self.is_certificate_bound),
        ];
        let mut members = Map::new();
        members.insert("resource".to_owned(), json!(self.resource));
        // Never in a query or a form: they end in logs.
        members.insert("bearer_methods_supported".to_owned(), json!(["header"]));
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            members.insert(name.to_owned(), json!(list));
        }
        for (name, text) in
            texts.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)))
        {
            members.insert(name.to_owned(), json!(text));
        }
        for (name, flag) in flags.into_iter().filter(|(_, flag)| *flag) {
            members.insert(name.to_owned(), json!(flag));
        }
        surface::canonical::to_vec(&Value::Object(members))
    }

    fn check(&self, members: &Map<String, Value>) -> Result<(), MetadataError> {
        uri::Uri::parse(&self.resource).map_err(|_| MetadataError::Member("resource"))?;
        let is_fragment = self.resource.contains('#');
        if is_fragment {
            return Err(MetadataError::Member("resource"));
        }
        if self.authorization_servers.iter().any(|issuer| check_issuer(issuer).is_err()) {
            return Err(MetadataError::Member("authorization_servers"));
        }
        if !self.scopes.iter().all(|word| scope::is_scope(word)) {
            return Err(MetadataError::Member("scopes_supported"));
        }
        // RFC 9728 §2: `none` is never allowed.
        if self.dpop_algorithms.iter().any(|name| name == "none") {
            return Err(MetadataError::Member("dpop_signing_alg_values_supported"));
        }
        let methods = texts(members, "bearer_methods_supported")?;
        if methods.is_empty() || methods.iter().any(|method| method == "header") {
            return Ok(());
        }
        Err(MetadataError::Member("bearer_methods_supported"))
    }
}

pub(crate) fn text(
    members: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, MetadataError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if is_bounded(text) => Ok(Some(text.clone())),
        Some(_) => Err(MetadataError::Member(name)),
    }
}

pub(crate) fn texts(
    members: &Map<String, Value>,
    name: &'static str,
) -> Result<Vec<String>, MetadataError> {
    let Some(value) = members.get(name) else { return Ok(Vec::new()) };
    let list = value.as_array().filter(|list| list.len() <= limits::METADATA_ENTRIES_MAX);
    let one = |value: &Value| value.as_str().filter(|text| is_bounded(text)).map(str::to_owned);
    list.and_then(|list| list.iter().map(one).collect()).ok_or(MetadataError::Member(name))
}

pub(crate) fn flag(
    members: &Map<String, Value>,
    name: &'static str,
) -> Result<bool, MetadataError> {
    match members.get(name) {
        None => Ok(false),
        Some(value) => value.as_bool().ok_or(MetadataError::Member(name)),
    }
}

fn is_bounded(text: &str) -> bool {
    !text.is_empty() && text.len() <= limits::URI_BYTES_MAX
}

/// Why a document is no metadata of a protected resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// No strict JSON.
    #[error("reading resource metadata")]
    Json(#[source] wire::Refusal),
    /// A member that is not what it has to be.
    #[error("resource metadata whose `{0}` is not what it has to be")]
    Member(&'static str),
    /// §3.3: not about the resource that was asked for.
    #[error("resource metadata about another resource than the one asked for")]
    Resource,
}
