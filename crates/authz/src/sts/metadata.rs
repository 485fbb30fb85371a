//! What the service says of itself (RFC 8414).
//!
//! There is no authorization endpoint: nobody signs in here, so there is no consent to confuse
//! (threat T11), no code, no redirect, and `response_types_supported` is empty.

use serde_json::{Value, json};

use crate::token::proof::ALGORITHMS;

/// The grant type of an exchange (RFC 8693 §2.1).
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The grant type of an assertion (RFC 7523 §2.1).
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The document.
pub(super) fn document(issuer: &str, accepts_assertions: bool, sees_certificates: bool) -> Value {
    let mut grants = vec![TOKEN_EXCHANGE];
    if accepts_assertions {
        grants.push(JWT_BEARER);
    }
    // Client assertions are held to the algorithms of proofs.
    let algorithms: Vec<&str> = ALGORITHMS.split(' ').collect();
    let mut document = json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "revocation_endpoint": format!("{issuer}/revoke"),
        "response_types_supported": [],
        "grant_types_supported": grants,
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": ["private_key_jwt"],
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "dpop_signing_alg_values_supported": algorithms,
        "authorization_details_types_supported": ["mcp_tool"],
        "client_id_metadata_document_supported": true,
        // Ours: the proof that the hop received is relayed with the subject token.
        "subject_token_proof_supported": true,
    });
    if sees_certificates && let Some(document) = document.as_object_mut() {
        // RFC 8705 §3.3.
        document.insert("tls_client_certificate_bound_access_tokens".to_owned(), true.into());
    }
    if accepts_assertions && let Some(document) = document.as_object_mut() {
        let profiles = json!(["urn:ietf:params:oauth:grant-profile:id-jag"]);
        document.insert("authorization_grant_profiles_supported".to_owned(), profiles);
    }
    document
}

/// Where the document is: the well-known string goes between host and path (RFC 8414 §3.1).
pub(super) fn path(issuer_path: &str) -> String {
    format!("/.well-known/oauth-authorization-server{issuer_path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_promised_that_is_not_kept() {
        let document = document("https://sts.example/a", false, false);
        assert_eq!(document["token_endpoint"], "https://sts.example/a/token");
        assert_eq!(document["grant_types_supported"], json!([TOKEN_EXCHANGE]));
        assert_eq!(document["response_types_supported"], json!([]));
        assert_eq!(document["authorization_endpoint"], Value::Null);
        assert!(!document.to_string().contains("none"));
        let name = "tls_client_certificate_bound_access_tokens";
        assert_eq!(document[name], Value::Null);
        assert_eq!(super::document("https://sts.example/a", false, true)[name], true);
        assert_eq!(path("/a"), "/.well-known/oauth-authorization-server/a");
    }
}
