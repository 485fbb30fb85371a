//! Where proofs are looked for.

use std::net::SocketAddr;

use url::Url;

/// Where proofs are looked for.
#[derive(Debug, Clone)]
pub struct Config {
    /// The registry's own address, which a token of GitHub Actions has to name as its audience.
    pub origin: String,
    /// GitHub; `None` if its tokens prove nothing here.
    pub github: Option<Github>,
    /// The resolvers that are asked, in this order; those of the system if there is none.
    pub resolvers: Vec<SocketAddr>,
    /// The URL of a domain's file, `{domain}` in the place of the domain.
    pub well_known: String,
}

/// GitHub, as far as it proves anything.
#[derive(Debug, Clone)]
pub struct Github {
    /// The issuer of its tokens.
    pub issuer: String,
    /// The keys of the issuer.
    pub keys: Url,
    /// The API that knows whose an access token is.
    pub api: Url,
    /// The OAuth application with which the official publisher tool asks for an access token.
    pub client_id: Option<String>,
}

impl Config {
    /// What holds on the Internet, for a registry at `origin`.
    pub fn new(origin: &str) -> Self {
        Self {
            origin: origin.trim_end_matches('/').to_owned(),
            github: Github::standard(),
            resolvers: Vec::new(),
            well_known: "https://{domain}/.well-known/mcp-registry-auth".to_owned(),
        }
    }
}

impl Github {
    /// The one GitHub.
    fn standard() -> Option<Self> {
        Some(Self {
            issuer: "https://token.actions.githubusercontent.com".to_owned(),
            keys: Url::parse("https://token.actions.githubusercontent.com/.well-known/jwks")
                .ok()?,
            api: Url::parse("https://api.github.com/").ok()?,
            client_id: None,
        })
    }
}
