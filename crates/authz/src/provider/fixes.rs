//! What helps with one deployment: the name that profiles use, the finding it belongs to, the words.

/// Name, code of the finding, and what to do.
pub(super) const FIXES: &[(&str, &str, &str)] = &[
    (
        "entra-aud",
        "authz.doctor.audience-mismatch",
        "Entra v2 stamps the application's client id, a GUID: set `expected_aud` to it and keep `resource` as it is",
    ),
    (
        "entra-resource",
        "authz.doctor.token-request-refused",
        "AADSTS9010010: `resource` is accepted only where it equals the App ID URI, byte for byte; an added slash is refused",
    ),
    (
        "entra-scope",
        "authz.doctor.token-request-refused",
        "AADSTS650053: ask for `api://APP/SCOPE`; a scope without its App ID URI falls to Microsoft Graph",
    ),
    (
        "entra-tenant",
        "authz.doctor.issuer-unpinned",
        "put the tenant's own id where `common` stands: that is what `iss` holds",
    ),
    (
        "okta-aud",
        "authz.doctor.audience-mismatch",
        "Okta ignores `resource`: set the audience of a custom authorization server, and `expected_aud` to it",
    ),
    (
        "okta-slash",
        "authz.doctor.issuer-mismatch",
        "a trailing slash counts: copy the issuer from the authorization server's page",
    ),
    (
        "auth0-aud",
        "authz.doctor.audience-mismatch",
        "turn on the Resource Parameter Compatibility Profile, or send `audience` with the API's identifier",
    ),
    (
        "auth0-opaque",
        "authz.doctor.audience-missing",
        "without an audience Auth0 issues an opaque token for its own userinfo endpoint: send one",
    ),
    (
        "keycloak-aud",
        "authz.doctor.audience-missing",
        "Keycloak stamps no `aud` by default: add an audience mapper to the client scope; never loosen the check",
    ),
    (
        "keycloak-resource",
        "authz.doctor.audience-mismatch",
        "`resource-indicators` (26.6 and later) only filters audiences that mappers added: map the exact `resource_url`",
    ),
    (
        "cognito-aud",
        "authz.doctor.audience-missing",
        "resource binding needs the Essentials or Plus plan and managed login; without it tokens have no `aud`",
    ),
    (
        "cognito-registration",
        "authz.doctor.registration-missing",
        "Cognito registers nobody by itself: create the client, or put a facade before it",
    ),
    (
        "google-tokeninfo",
        "authz.doctor.introspection-missing",
        "Google verifies by `tokeninfo`, whose URL carries the token: never log it",
    ),
    (
        "github-inbound",
        "authz.doctor.issuer-unfit",
        "any token of GitHub passes at GitHub: use it for GitHub's API alone, and another issuer for your server",
    ),
    (
        "github-insert",
        "authz.doctor.issuer-one-form",
        "GitHub answers at `https://github.com/.well-known/oauth-authorization-server/login/oauth` and nowhere else",
    ),
    (
        "ping-aud",
        "authz.doctor.audience-mismatch",
        "PingFederate chooses a token manager by `aud` or `resource`: map the server's identifier to one",
    ),
    (
        "oidc-provider-opaque",
        "authz.doctor.audience-missing",
        "without `resource` oidc-provider issues opaque tokens: configure `resourceIndicators` with `accessTokenFormat: 'jwt'`",
    ),
    (
        "oidc-provider-bound",
        "authz.doctor.exchange-unbound",
        "a grant that is registered by hand has to check the subject's `cnf` itself",
    ),
    (
        "glewlwyd-aud",
        "authz.doctor.audience-mismatch",
        "without `resource` Glewlwyd stamps the scopes as `aud`: list the server under `resource-scope`",
    ),
    (
        "oauth-as-resources",
        "authz.doctor.unknown-resource-issued",
        "set `allowed_resources`: unset, any URI is accepted",
    ),
];
