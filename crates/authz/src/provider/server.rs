//! Metadata of an authorization server (RFC 8414 §2, `OpenID` Connect Discovery §3), read strictly.

use serde_json::{Map, Value};
use wire::{Document, Policy};

use crate::limits;
use crate::resource::metadata::{flag, text, texts};
use crate::resource::{MetadataError, check_issuer};

/// What an authorization server says of itself. Members that are not here are ignored (RFC 8414 §3.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Server {
    /// Who it is, as it is written.
    pub issuer: String,
    /// Where people sign in; none where nobody does.
    pub authorization_endpoint: Option<String>,
    /// Where tokens are issued.
    pub token_endpoint: Option<String>,
    /// Where its keys are.
    pub jwks_uri: Option<String>,
    /// Where clients register themselves (RFC 7591).
    pub registration_endpoint: Option<String>,
    /// Where tokens are looked up (RFC 7662).
    pub introspection_endpoint: Option<String>,
    /// Where tokens are revoked (RFC 7009).
    pub revocation_endpoint: Option<String>,
    /// Its grant types; empty if it does not say.
    pub grant_types: Vec<String>,
    /// How clients prove themselves at the token endpoint; empty if it does not say.
    pub auth_methods: Vec<String>,
    /// The methods of PKCE (RFC 7636); `None` if it does not say.
    pub pkce_methods: Option<Vec<String>>,
    /// Whether authorization responses say who answers (RFC 9207).
    pub has_iss: bool,
    /// Whether a client may be a document at its identifier.
    pub has_client_documents: bool,
    /// The algorithms of DPoP proofs; empty without DPoP.
    pub dpop_algorithms: Vec<String>,
    /// The scopes it names; empty if it does not say.
    pub scopes: Vec<String>,
}

impl Server {
    /// Reads what was fetched for the issuer `issuer`, which has to be the one that it is about, as it
    /// is written (RFC 8414 §3.3).
    ///
    /// # Errors
    /// A document that is none, of another issuer, or with a member that is not what it has to be.
    pub fn parse(bytes: &[u8], issuer: &str) -> Result<Self, ServerError> {
        let server = Self::parse_any(bytes)?;
        if server.issuer == issuer { Ok(server) } else { Err(ServerError::Issuer(server.issuer)) }
    }

    /// The same of whatever issuer it is about: to say what is wrong with it.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_any(bytes: &[u8]) -> Result<Self, ServerError> {
        let policy = Policy { bytes_max: limits::METADATA_BYTES_MAX, ..Policy::default() };
        let document = Document::parse(bytes, &policy).map_err(ServerError::Json)?;
        let value = surface::json::exact(document.root()).map_err(ServerError::Json)?;
        let members = value.as_object().ok_or(ServerError::Member("issuer"))?;
        let server = Self::read(members).map_err(|error| match error {
            MetadataError::Member(name) => ServerError::Member(name),
            MetadataError::Json(refusal) => ServerError::Json(refusal),
            MetadataError::Resource => ServerError::Member("issuer"),
        })?;
        check_issuer(&server.issuer).map_err(|_| ServerError::Member("issuer"))?;
        Ok(server)
    }

    /// Each endpoint with its member, those that are there.
    pub fn endpoints(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("authorization_endpoint", &self.authorization_endpoint),
            ("token_endpoint", &self.token_endpoint),
            ("jwks_uri", &self.jwks_uri),
            ("registration_endpoint", &self.registration_endpoint),
            ("introspection_endpoint", &self.introspection_endpoint),
            ("revocation_endpoint", &self.revocation_endpoint),
        ];
        all.into_iter().filter_map(|(name, url)| Some((name, url.as_deref()?))).collect()
    }

    fn read(members: &Map<String, Value>) -> Result<Self, MetadataError> {
        let pkce = "code_challenge_methods_supported";
        Ok(Self {
            issuer: text(members, "issuer")?.ok_or(MetadataError::Member("issuer"))?,
            authorization_endpoint: text(members, "authorization_endpoint")?,
            token_endpoint: text(members, "token_endpoint")?,
            jwks_uri: text(members, "jwks_uri")?,
            registration_endpoint: text(members, "registration_endpoint")?,
            introspection_endpoint: text(members, "introspection_endpoint")?,
            revocation_endpoint: text(members, "revocation_endpoint")?,
            grant_types: texts(members, "grant_types_supported")?,
            auth_methods: texts(members, "token_endpoint_auth_methods_supported")?,
            pkce_methods: members.get(pkce).map(|_| texts(members, pkce)).transpose()?,
            has_iss: flag(members, "authorization_response_iss_parameter_supported")?,
            has_client_documents: flag(members, "client_id_metadata_document_supported")?,
            dpop_algorithms: texts(members, "dpop_signing_alg_values_supported")?,
            scopes: texts(members, "scopes_supported")?,
        })
    }
}

/// Why a document is no metadata of an authorization server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// No strict JSON.
    #[error("reading an authorization server's metadata")]
    Json(#[source] wire::Refusal),
    /// A member that is not what it has to be.
    #[error("metadata whose `{0}` is not what it has to be")]
    Member(&'static str),
    /// RFC 8414 §3.3: of another issuer than the one that was asked for.
    #[error("metadata of another issuer than the one asked for")]
    Issuer(String),
}
