//! Who may publish under a name: proofs of a namespace, exchanged for a short-lived login token.
//!
//! `io.github.OWNER/*` is proved by GitHub alone, [`github`]; `com.example/*` by a key that the
//! domain publishes, in [`dns`] (with its sub-domains) or in a [`well_known`] file. The proof serves
//! the login only, and the requests are those of the official publisher tool. What a proof found is a
//! statement in the log; another key or account than the one first seen is a re-key, and whatever is
//! published with it waits for review.
//! Absent on purpose: re-verification on a schedule, which [`crate::monitor`] does with
//! [`Namespaces::look`].

pub mod dns;
pub mod domain;
pub mod github;
pub mod record;
pub mod token;
pub mod well_known;

mod binding;
mod config;
mod error;
mod once;

use std::sync::Arc;

pub(crate) use self::binding::accepted;
pub use self::config::{Config, Github};
pub use self::domain::Grant;
pub use self::error::{CODES, NamespaceError};
pub use self::token::{Login, Token};

use self::record::{Record, Timestamp};
use crate::net;
use crate::service::Service;

/// How a namespace is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// A token of GitHub Actions.
    GithubOidc,
    /// An access token of a GitHub user.
    GithubAt,
    /// A TXT record.
    Dns,
    /// A well-known file.
    Http,
}

impl Method {
    /// Its name in requests and statements.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GithubOidc => "github-oidc",
            Self::GithubAt => "github-at",
            Self::Dns => "dns",
            Self::Http => "http",
        }
    }

    /// Reads a name.
    pub fn of_str(text: &str) -> Option<Self> {
        [Self::GithubOidc, Self::GithubAt, Self::Dns, Self::Http]
            .into_iter()
            .find(|method| method.as_str() == text)
    }
}

/// What a domain publishes now: for a login, and for whoever looks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The keys, those that can be used.
    pub records: Vec<Record>,
}

/// A proof that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// How it was proved.
    pub method: Method,
    /// The domain, or the account.
    pub subject: String,
    /// What it grants.
    pub grants: Vec<Grant>,
    /// The fingerprint of the key, or the number of the account, that proved it.
    pub key: String,
    /// All fingerprints that were found.
    pub found: Vec<String>,
}

/// The verifiers. Clones share them.
#[derive(Clone)]
pub struct Namespaces {
    inner: Arc<Inner>,
}

struct Inner {
    service: Service,
    config: Config,
    client: net::Client,
    resolver: dns::Resolver,
    keys: github::KeySet,
}

impl Namespaces {
    /// Verifiers by `config`, which ask through `client`.
    ///
    /// # Errors
    /// Resolvers that cannot be set up.
    pub fn new(
        service: Service,
        config: Config,
        client: net::Client,
    ) -> Result<Self, NamespaceError> {
        let resolver = dns::Resolver::new(&config.resolvers)?;
        let keys = github::KeySet::default();
        Ok(Self { inner: Arc::new(Inner { service, config, client, resolver, keys }) })
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// What a domain publishes now.
    ///
    /// # Errors
    /// A domain that proves nothing, an answer that is none, or nobody who answers: only
    /// [`NamespaceError::Absent`] says that there is no record.
    pub async fn look(&self, method: Method, domain: &str) -> Result<Found, NamespaceError> {
        let domain = domain::checked(domain)?;
        let texts = match method {
            Method::Dns => self.inner.resolver.texts(&domain).await?,
            Method::Http => {
                let (client, template) = (&self.inner.client, &self.inner.config.well_known);
                vec![well_known::text(client, template, &domain).await?]
            }
            Method::GithubOidc | Method::GithubAt => return Err(NamespaceError::Method),
        };
        let records = record::of_texts(&texts)?;
        if records.is_empty() {
            Err(NamespaceError::Absent { domain })
        } else {
            Ok(Found { records })
        }
    }

    /// A login by a key that the domain publishes: a signature over the timestamp, once.
    ///
    /// # Errors
    /// Whatever keeps it from proving the domain.
    pub async fn by_domain(
        &self,
        method: Method,
        domain: &str,
        timestamp: &str,
        signature: &str,
    ) -> Result<Login, NamespaceError> {
        let domain = domain::checked(domain)?;
        let now_s = self.inner.service.now_s();
        let timestamp = Timestamp::checked(timestamp, now_s)?;
        let signature = record::signature_of_hex(signature)?;
        let found = self.look(method, &domain).await?;
        let signed = |record: &&Record| record.verify(timestamp.text().as_bytes(), &signature);
        let record = found.records.iter().find(signed).ok_or(NamespaceError::Signature)?;
        let key = record.fingerprint();
        // INVARIANT: the timestamp names no registry and no document, so it counts here only once.
        // Keyed by what was signed and by whom: another signature of the same is the same proof.
        let proof = format!("{domain}\n{key}\n{}", timestamp.text());
        let expires_s = timestamp.time_s() + record::WINDOW_S * 2;
        once::spend(&self.inner.service, "timestamp", &proof, expires_s).await?;
        self.login(Proof {
            method,
            subject: domain.clone(),
            grants: vec![Grant::of_domain(&domain, method == Method::Dns)],
            key,
            found: found.records.iter().map(Record::fingerprint).collect(),
        })
        .await
    }

    /// A login by a token of GitHub Actions, once.
    ///
    /// # Errors
    /// Whatever keeps it from proving the owner.
    pub async fn by_github_oidc(&self, token: &str) -> Result<Login, NamespaceError> {
        let config = self.github()?;
        let (service, origin) = (&self.inner.service, &self.inner.config.origin);
        let asked = github::Asked { client: &self.inner.client, config, origin };
        let claims = github::verify(&asked, &self.inner.keys, token, service.now_s()).await?;
        once::spend(service, "jti", &claims.id, claims.expires_s).await?;
        let key = format!("github:{}", claims.owner_id);
        self.login(Proof {
            method: Method::GithubOidc,
            subject: claims.owner.clone(),
            grants: vec![Grant::of_github(&claims.owner)],
            found: vec![key.clone()],
            key,
        })
        .await
    }

    /// A login by an access token: for the user, and the organisations that the user owns.
    ///
    /// # Errors
    /// Whatever keeps it from proving the user.
    pub async fn by_github_at(&self, token: &str) -> Result<Login, NamespaceError> {
        let config = self.github()?;
        let accounts = github::accounts(&self.inner.client, config, token).await?;
        let mut login: Option<Login> = None;
        // Each account is bound to its own number.
        for account in accounts {
            let key = format!("github:{}", account.id);
            let proof = Proof {
                method: Method::GithubAt,
                subject: account.login.clone(),
                grants: vec![Grant::of_github(&account.login)],
                found: vec![key.clone()],
                key,
            };
            let (statement, is_rekeyed) = binding::bind(&self.inner.service, &proof).await?;
            let grants = proof.grants.into_iter();
            let grants = grants.map(|grant| Grant { is_rekeyed, ..grant });
            match &mut login {
                Some(login) => login.token.grants.extend(grants),
                None => login = Some(self.token(proof.method, proof.subject, grants, statement)),
            }
        }
        let login = login.ok_or(NamespaceError::Github { what: "names no account" })?;
        self.sealed(login)
    }

    /// Reads a login token of ours.
    ///
    /// # Errors
    /// A text that is none, or one that is over.
    pub fn token_of(&self, text: &str) -> Result<Token, NamespaceError> {
        Token::open(text, self.inner.service.keys(), self.inner.service.now_s())
    }

    fn github(&self) -> Result<&Github, NamespaceError> {
        self.inner.config.github.as_ref().ok_or(NamespaceError::Method)
    }

    async fn login(&self, proof: Proof) -> Result<Login, NamespaceError> {
        let (statement, is_rekeyed) = binding::bind(&self.inner.service, &proof).await?;
        let grants = proof.grants.into_iter().map(|grant| Grant { is_rekeyed, ..grant });
        self.sealed(self.token(proof.method, proof.subject, grants, statement))
    }

    fn token(
        &self,
        method: Method,
        subject: String,
        grants: impl Iterator<Item = Grant>,
        proof: u64,
    ) -> Login {
        let expires_s = self.inner.service.now_s() + token::LIFE_S;
        let grants = grants.collect();
        let token = Token { method: method.as_str().to_owned(), subject, grants, proof, expires_s };
        Login { token, text: String::new() }
    }

    fn sealed(&self, login: Login) -> Result<Login, NamespaceError> {
        let text = login.token.seal(self.inner.service.keys())?;
        Ok(Login { text, ..login })
    }
}
