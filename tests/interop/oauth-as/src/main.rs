//! `oauth-as` as its documentation has it: declared resources, signed tokens (RFC 9068), PKCE, DPoP,
//! exchange (RFC 8693). Everybody who comes is alice and consents: no browser is here.
//!
//!   countersign-oauth-as SCOPES RESOURCE...      its first line says who it is

use std::sync::Arc;

use oauth_as::client::{Client, ClientAuth, ClientId};
use oauth_as::grant::GrantType;
use oauth_as::http::{ApprovalDecision, ServiceBuilder};
use oauth_as::jwt::{AccessTokenFormat, EcdsaP256Key, JwtConfig};
use oauth_as::scope::ScopeSet;
use oauth_as::server::{AuthorizationServer, ServerConfig};
use oauth_as::store::MemoryStorage;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let scopes = arguments.next().ok_or("scopes, then resources")?;
    let resources: Vec<String> = arguments.collect();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let issuer = format!("http://{}", listener.local_addr()?);

    let mut config = ServerConfig::new(issuer.clone(), format!("{issuer}/device"));
    config.scopes_supported = Some(scopes.split(' ').map(str::to_owned).collect());
    config.allowed_resources = Some(resources.iter().map(|it| it.as_str().into()).collect());
    let audience = resources.first().ok_or("a resource")?;
    let jwt = JwtConfig::new(EcdsaP256Key::generate("oauth-as-1"), audience.as_str());
    let jwt = jwt.with_jwks_uri(format!("{issuer}/jwks"));
    config.access_token_format = AccessTokenFormat::Jwt(Box::new(jwt));

    let server = Arc::new(AuthorizationServer::new(config, MemoryStorage::new()));
    // Nobody's clients may have everything.
    let some = scopes.split(' ').filter(|scope| *scope != "files:all");
    let scopes = ScopeSet::from_tokens(some)?;
    let client = |name: &str, auth, grant_types| Client {
        client_id: ClientId::new(name),
        auth,
        grant_types,
        redirect_uris: ["", ":39411"].map(|port| format!("http://127.0.0.1{port}/callback")).to_vec(),
        allowed_scopes: scopes.clone(),
        default_scopes: scopes.clone(),
        name: None,
        registration: None,
    };
    let code = vec![GrantType::AuthorizationCode];
    server.register_client(client("agent", ClientAuth::Public, code)).await?;
    for name in ["doctor", "hop1", "hop2"] {
        let secret = "canary-client-secret-0123456789".to_owned();
        let grants = vec![GrantType::ClientCredentials, GrantType::TokenExchange];
        let auth = ClientAuth::ConfidentialSecret { secret };
        server.register_client(client(name, auth, grants)).await?;
    }
    let service = ServiceBuilder::new(server)
        .with_subject_resolver(|_| Some("alice".to_owned()))
        .with_approval_resolver(|_| ApprovalDecision::Approve)
        .build()?;
    println!("{issuer}");
    axum::serve(listener, axum::Router::from(service)).await?;
    Ok(())
}
