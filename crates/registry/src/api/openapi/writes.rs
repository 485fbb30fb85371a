//! What changes something. The handlers are in [`crate::publish::handlers`]: they take raw bodies,
//! whose bytes are digested, so their shapes are described here.
#![expect(dead_code, reason = "the functions carry descriptions and are never called")]

use serde::Deserialize;
use utoipa::ToSchema;

use super::ServerResponse;
use crate::api::ErrorBody;

/// A declaration with what it declares, each part byte for byte as it was digested.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Publication {
    /// The signed declaration: a DSSE envelope.
    envelope: serde_json::Value,
    /// The public keys that signed it, as PEM.
    keys: Vec<String>,
    /// server.json.
    server: serde_json::Value,
    /// The surface document.
    surface: serde_json::Value,
}

/// A statement of somebody else: an approval, a rotation, a revocation or an observation.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Submission {
    /// The signed statement: a DSSE envelope.
    envelope: serde_json::Value,
    /// The public keys that signed it, as PEM.
    keys: Vec<String>,
    /// With an observation: the surface document.
    surface: Option<serde_json::Value>,
}

/// A change of status.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatusChange {
    /// `active`, `deprecated` or `deleted`.
    status: String,
    /// The message that goes with it.
    status_message: Option<String>,
}

/// A login with a key that a domain publishes.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct DomainLogin {
    /// The domain.
    domain: String,
    /// Now, RFC 3339.
    timestamp: String,
    /// The signature of the timestamp's text, in hexadecimal digits.
    signed_timestamp: String,
}

/// A login with a token of GitHub Actions.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct OidcLogin {
    /// The token.
    oidc_token: String,
}

/// A login with an access token of GitHub.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct AccessLogin {
    /// The token.
    github_token: String,
}

/// A server that is looked at now.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Looks {
    /// The server.
    server: String,
}

/// Deliveries that are sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Redelivery {
    /// The webhook.
    webhook: String,
    /// The change; all of them if it is absent.
    change_id: Option<i64>,
}

/// A registry token.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct TokenResponse {
    /// For `Authorization: Bearer`.
    registry_token: String,
    /// When it ends, in seconds since 1970.
    expires_at: u64,
}

#[utoipa::path(
    post, path = "/v0.1/publish", tag = "publish", operation_id = "publish-entry",
    description = "Publishes server.json alone: undeclared, and never called countersigned.",
    request_body = serde_json::Value,
    responses(
        (status = 200, description = "The version", body = ServerResponse),
        (status = 400, description = "It breaks a rule", body = ErrorBody),
        (status = 401, description = "No token that counts", body = ErrorBody),
        (status = 403, description = "The token is of another namespace", body = ErrorBody),
        (status = 409, description = "The version exists with other content", body = ErrorBody),
        (status = 413, description = "It is too long", body = ErrorBody),
        (status = 422, description = "It does not keep the schema", body = ErrorBody),
    ),
)]
fn publish_entry() {}

#[utoipa::path(
    post, path = "/v0.1/countersign/publish", tag = "publish", operation_id = "publish",
    description = "Publishes a declaration: server.json and surface, signed by the publisher.",
    request_body = Publication,
    responses(
        (status = 200, description = "Where it is, and the verdict", body = serde_json::Value),
        (status = 400, description = "It breaks a rule", body = ErrorBody),
        (status = 401, description = "No token that counts", body = ErrorBody),
        (status = 403, description = "The token is of another namespace", body = ErrorBody),
        (status = 409, description = "The version exists with other content", body = ErrorBody),
        (status = 413, description = "It is too long", body = ErrorBody),
        (status = 422, description = "It does not keep the schema", body = ErrorBody),
    ),
)]
fn publish() {}

#[utoipa::path(
    post, path = "/v0.1/countersign/statements", tag = "publish", operation_id = "submit-statement",
    description = "Takes an approval, a rotation, a revocation, or an observation of a listed observer.",
    request_body = Submission,
    responses(
        (status = 200, description = "Where it is", body = serde_json::Value),
        (status = 400, description = "It breaks a rule", body = ErrorBody),
        (status = 403, description = "The signer may not say it", body = ErrorBody),
        (status = 404, description = "It is about an unknown server", body = ErrorBody),
        (status = 409, description = "What it is about is not as it says", body = ErrorBody),
        (status = 413, description = "It is too long", body = ErrorBody),
        (status = 503, description = "Too many large ones at once", body = ErrorBody),
    ),
)]
fn statements() {}

#[utoipa::path(
    get, path = "/v0.1/countersign/held", tag = "publish", operation_id = "list-held",
    description = "What waits for approval, oldest first.",
    responses((status = 200, description = "The versions", body = serde_json::Value)),
)]
fn held() {}

#[utoipa::path(
    post, path = "/v0.1/validate", tag = "publish", operation_id = "validate",
    description = "Judges server.json, and publishes nothing.",
    request_body = serde_json::Value,
    responses(
        (status = 200, description = "Whether it is valid, and each fault", body = serde_json::Value),
        (status = 400, description = "It is no JSON", body = ErrorBody),
        (status = 413, description = "It is too long", body = ErrorBody),
    ),
)]
fn validate() {}

#[utoipa::path(
    patch, path = "/v0.1/servers/{name}/versions/{version}/status", tag = "publish",
    operation_id = "change-status", description = "Changes the status of a version.",
    params(
        ("name" = String, Path, example = "com.example/files", description = "The name, percent-encoded"),
        ("version" = String, Path, example = "1.0.0", description = "The version, percent-encoded"),
    ),
    request_body = StatusChange,
    responses(
        (status = 200, description = "The version", body = ServerResponse),
        (status = 400, description = "It changes nothing, or breaks a rule", body = ErrorBody),
        (status = 401, description = "No token that counts", body = ErrorBody),
        (status = 403, description = "The token is of another namespace", body = ErrorBody),
        (status = 404, description = "There is no such version", body = ErrorBody),
    ),
)]
fn change_status() {}

#[utoipa::path(
    patch, path = "/v0.1/servers/{name}/status", tag = "publish", operation_id = "change-all-statuses",
    description = "Changes the status of all versions, or of none: one statement.",
    params(("name" = String, Path, example = "com.example/files", description = "The name, percent-encoded")),
    request_body = StatusChange,
    responses(
        (status = 200, description = "The versions that changed", body = serde_json::Value),
        (status = 400, description = "It changes nothing, or breaks a rule", body = ErrorBody),
        (status = 401, description = "No token that counts", body = ErrorBody),
        (status = 403, description = "The token is of another namespace", body = ErrorBody),
        (status = 404, description = "There is no such server", body = ErrorBody),
    ),
)]
fn change_all_statuses() {}

#[utoipa::path(
    delete, path = "/v0.1/servers/{name}/versions/{version}", tag = "publish",
    operation_id = "delete-version",
    description = "The status `deleted`: statements and name stay, the number is never used again.",
    params(
        ("name" = String, Path, example = "com.example/files", description = "The name, percent-encoded"),
        ("version" = String, Path, example = "1.0.0", description = "The version, percent-encoded"),
    ),
    responses(
        (status = 200, description = "The version", body = ServerResponse),
        (status = 400, description = "It is deleted already", body = ErrorBody),
        (status = 401, description = "No token that counts", body = ErrorBody),
        (status = 403, description = "The token is of another namespace", body = ErrorBody),
        (status = 404, description = "There is no such version", body = ErrorBody),
    ),
)]
fn delete_version() {}

#[utoipa::path(
    put, path = "/v0.1/servers/{name}/versions/{version}", tag = "publish",
    operation_id = "put-version", description = "Never: a version is not changed.",
    params(
        ("name" = String, Path, example = "com.example/files", description = "The name, percent-encoded"),
        ("version" = String, Path, example = "1.0.0", description = "The version, percent-encoded"),
    ),
    responses(
        (status = 404, description = "Not the name of a server", body = ErrorBody),
        (status = 501, description = "Always, otherwise", body = ErrorBody),
    ),
)]
fn put_version() {}

macro_rules! login {
    ($function:ident, $path:literal, $id:literal, $body:ty) => {
        #[utoipa::path(
            post, path = $path, tag = "login", operation_id = $id, request_body = $body,
            responses(
                (status = 200, description = "A registry token", body = TokenResponse),
                (status = 400, description = "A login that is none", body = ErrorBody),
                (status = 401, description = "A proof that proves nothing", body = ErrorBody),
                (status = 403, description = "A proof that counts for nothing here", body = ErrorBody),
                (status = 413, description = "It is too long", body = ErrorBody),
                (status = 502, description = "Whoever could confirm it does not answer", body = ErrorBody),
            ),
        )]
        fn $function() {}
    };
}

login!(by_dns, "/v0.1/auth/dns", "login-dns", DomainLogin);
login!(by_http, "/v0.1/auth/http", "login-http", DomainLogin);
login!(by_github_oidc, "/v0.1/auth/github-oidc", "login-github-oidc", OidcLogin);
login!(by_github_at, "/v0.1/auth/github-at", "login-github-at", AccessLogin);

#[utoipa::path(
    post, path = "/v0.1/countersign/operator/looks", tag = "operator", operation_id = "look-now",
    description = "Looks at every endpoint of a server now. For the operator, by the token of the \
                   configuration; not served without one.",
    request_body = Looks,
    responses(
        (status = 200, description = "What was seen", body = serde_json::Value),
        (status = 400, description = "It is no such request", body = ErrorBody),
        (status = 401, description = "Not the operator's token", body = ErrorBody),
        (status = 404, description = "No such server, or not served", body = ErrorBody),
        (status = 413, description = "It is too long", body = ErrorBody),
    ),
)]
fn look_now() {}

#[utoipa::path(
    get, path = "/v0.1/countersign/operator/dead-letters", tag = "operator",
    operation_id = "list-dead-letters",
    description = "The webhook deliveries that were given up, oldest first.",
    responses(
        (status = 200, description = "The deliveries", body = serde_json::Value),
        (status = 401, description = "Not the operator's token", body = ErrorBody),
        (status = 404, description = "Not served", body = ErrorBody),
    ),
)]
fn dead_letters() {}

#[utoipa::path(
    post, path = "/v0.1/countersign/operator/dead-letters", tag = "operator",
    operation_id = "redeliver", description = "Sends them again.",
    request_body = Redelivery,
    responses(
        (status = 200, description = "How many", body = serde_json::Value),
        (status = 400, description = "It is no such request", body = ErrorBody),
        (status = 401, description = "Not the operator's token", body = ErrorBody),
        (status = 404, description = "Not served", body = ErrorBody),
        (status = 413, description = "It is too long", body = ErrorBody),
    ),
)]
fn redeliver() {}
